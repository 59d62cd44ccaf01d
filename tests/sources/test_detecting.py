"""A path is a folder, an archive or a list, by what it holds and how it is named."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import zipfile
from pathlib import Path

import h5py
import pytest

from packhouse._src.sources.archives.tar import TarSource
from packhouse._src.sources.archives.tar_stream import TarStreamSource
from packhouse._src.sources.archives.zip_ import ZipSource
from packhouse._src.sources.detecting import is_hdf5, open_source
from packhouse._src.sources.folder import FolderSource
from packhouse._src.sources.listing import ListSource
from packhouse._src.sources.source import Source
from packhouse.errors import SourceError, SourceNotFoundError


def opened(path: Path) -> Source:
    """Open a path."""
    return open_source(path, leave_out=frozenset())


def tar(path: Path, mode: str = "w") -> Path:
    """Write a tar archive of one file."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]  # mode is no literal
        archive.addfile(tarfile.TarInfo("a.jpg"), io.BytesIO())
    return path


def zip_of(path: Path, *names: str) -> Path:
    """Write a zip archive."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    return path


def test_a_folder(tree: Path) -> None:
    """Also by a link; what is left out is left out."""
    (tree.parent / "link").symlink_to(tree)

    assert isinstance(opened(tree), FolderSource)
    source = open_source(tree.parent / "link", leave_out=frozenset((tree / "a",)))
    assert isinstance(source, FolderSource)
    assert not [one for one in source.scan(lambda _: None).files if one.path.startswith("a/")]


@pytest.mark.parametrize("name", ["a.zip", "a.ZIP", "a", "a.download"])
def test_a_zip_archive(tmp_path: Path, name: str) -> None:
    """By its first bytes, an empty one too."""
    assert isinstance(opened(zip_of(tmp_path / name, "x")), ZipSource)
    assert isinstance(opened(zip_of(tmp_path / name)), ZipSource)


@pytest.mark.parametrize("name", ["a.tar", "a", "a.TAR", "a.download"])
def test_a_tar_archive(tmp_path: Path, name: str) -> None:
    """By its first bytes."""
    assert isinstance(opened(tar(tmp_path / name)), TarSource)


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
@pytest.mark.parametrize("name", ["a.tar.x", "a", "a.tgz"])
def test_a_compressed_tar_archive(tmp_path: Path, compression: str, name: str) -> None:
    """By what it holds, whatever its name."""
    path = tar(tmp_path / name, f"w:{compression}")

    assert isinstance(opened(path), TarStreamSource)
    assert [file.path for file in opened(path).scan(lambda _: None).files] == ["a.jpg"]


def test_a_tar_archive_compressed_by_zstd(tmp_path: Path) -> None:
    """As the others."""
    path = tar(tmp_path / "a.tar")
    subprocess.run(["zstd", "-q", path, "-o", tmp_path / "b"], check=True)

    assert isinstance(opened(tmp_path / "b"), TarStreamSource)


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.zst"])
def test_a_damaged_archive_is_one_by_its_name(tmp_path: Path, name: str) -> None:
    """So that the error speaks of the damage."""
    (tmp_path / name).write_bytes(b"rubbish")

    with pytest.raises(SourceError, match="cannot be"):
        opened(tmp_path / name).scan(lambda _: None)


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.TSV", "a.parquet"])
def test_a_list(tmp_path: Path, name: str) -> None:
    """By its name, though its text may begin as an archive does."""
    (tmp_path / name).write_bytes(b"BZh.jpg\n")

    assert isinstance(opened(tmp_path / name), ListSource)


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"text", b"\x1f\x8b\x08 no gzip"])
def test_anything_else_is_refused(tmp_path: Path, data: bytes) -> None:
    """The error says what is accepted."""
    (tmp_path / "a.jpg").write_bytes(data)

    with pytest.raises(SourceNotFoundError, match="not a data set") as caught:
        opened(tmp_path / "a.jpg")

    assert all(word in caught.value.hint for word in ("folder", ".zip", ".tar.zst", ".csv", ".parquet"))


def test_what_is_missing_is_refused(tmp_path: Path) -> None:
    """The error says so, and what is accepted."""
    with pytest.raises(SourceNotFoundError, match="does not exist") as caught:
        opened(tmp_path / "a.zip")

    assert ".zip" in caught.value.hint


def test_a_fifo_is_refused(tmp_path: Path) -> None:
    """Without waiting for one who writes."""
    os.mkfifo(tmp_path / "fifo")

    with pytest.raises(SourceNotFoundError, match="not a data set"):
        opened(tmp_path / "fifo")
    assert not is_hdf5(tmp_path / "fifo")


@pytest.mark.parametrize("user_block", [0, 512, 1024, 2048])
def test_hdf5_files_are_told_apart(tmp_path: Path, user_block: int) -> None:
    """They are opened elsewhere; nothing else is taken for one."""
    with h5py.File(tmp_path / "a", "w", userblock_size=user_block) as file:
        file["x"] = 1

    assert is_hdf5(tmp_path / "a")
    with pytest.raises(SourceNotFoundError) as caught:
        opened(tmp_path / "a")
    assert "report" in caught.value.hint
    assert not is_hdf5(tmp_path)
    assert not is_hdf5(tmp_path / "missing")
    assert not is_hdf5(zip_of(tmp_path / "a.zip"))
