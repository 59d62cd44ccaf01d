"""A zip archive gives the bytes that were put in, by many threads at once, and nothing of what lies in it."""

from __future__ import annotations

import os
import pickle
import random
import shutil
import stat
import struct
import subprocess
import tracemalloc
import warnings
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from packhouse._src.records import SourceFile
from packhouse._src.sources.archives.zip_ import ZipSource
from packhouse._src.sources.changes import identity_of
from packhouse._src.sources.source import Found, Source
from packhouse.errors import SourceChangedError, SourceError, SourceNotFoundError

ReadAll = Callable[[Source], dict[str, bytes]]
METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflated": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where an archive goes."""
    return tmp_path / "data.zip"


def write(path: Path, files: dict[str, bytes], method: str = "deflated") -> None:
    """Write an archive by Python's own writer."""
    with zipfile.ZipFile(path, "w", METHODS[method]) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=METHODS[method])


def write_infos(path: Path, *members: tuple[zipfile.ZipInfo, bytes]) -> None:
    """Write an archive of members with attributes; names may repeat."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Duplicate name")
        with zipfile.ZipFile(path, "w") as archive:
            for member, data in members:
                archive.writestr(member, data)


def info(name: str, mode: int = 0) -> zipfile.ZipInfo:
    """Return a member of a kind."""
    made = zipfile.ZipInfo(name)
    made.create_system = 3
    made.external_attr = mode << 16
    return made


def scan(path: Path) -> Found:
    """Scan an archive."""
    return ZipSource(path).scan(lambda _: None)


def read(path: Path, file: SourceFile) -> bytes:
    """Read one member."""
    data = bytearray(file.size)
    ZipSource(path).read_into(file, memoryview(data))
    return bytes(data)


def patch(path: Path, old: bytes, new: bytes, *, last: bool = False) -> None:
    """Replace some bytes of a file by as many others, where they stand first or last."""
    data = path.read_bytes()
    assert len(old) == len(new)
    place = data.rindex(old) if last else data.index(old)
    path.write_bytes(data[:place] + new + data[place + len(new) :])


def directory_field(path: Path, name: str, offset: int, value: bytes) -> None:
    """Overwrite a field of a member's record in the central directory."""
    data = bytearray(path.read_bytes())
    place = data.rindex(name.encode()) - 46 + offset
    assert data[place - offset :].startswith(b"PK\1\2")
    data[place : place + len(value)] = value
    path.write_bytes(data)


@pytest.mark.parametrize("method", METHODS)
def test_all_members_are_read(path: Path, files: dict[str, bytes], method: str, read_all: ReadAll) -> None:
    """By each method, the empty file too; time and position are those of the archive."""
    write(path, files, method)

    assert read_all(ZipSource(path)) == files
    with zipfile.ZipFile(path) as archive:
        offsets = {one.filename: one.header_offset for one in archive.infolist()}
    mtime = identity_of(path.stat()).stamp
    assert scan(path).files == tuple(
        SourceFile(name, len(files[name]), mtime, offsets[name]) for name in sorted(files)
    )


@pytest.mark.skipif(shutil.which("zip") is None, reason="no zip program")
@pytest.mark.parametrize("options", [[], ["-0"], ["-fz"]], ids=["deflated", "stored", "zip64"])
def test_an_archive_of_the_zip_program(
    tree: Path, path: Path, files: dict[str, bytes], options: list[str], read_all: ReadAll
) -> None:
    """Folders are no files; extra fields differ between header and directory."""
    subprocess.run(["zip", "-qr", *options, path, "."], cwd=tree, check=True)

    assert read_all(ZipSource(path)) == files


@pytest.mark.skipif(shutil.which("zip") is None, reason="no zip program")
def test_an_archive_written_to_a_pipe(tmp_path: Path, path: Path, read_all: ReadAll) -> None:
    """Its headers hold no sizes; they stand behind the bytes and in the directory."""
    (tmp_path / "x.jpg").write_bytes(b"x" * 999)
    with path.open("wb") as out:
        subprocess.run(["zip", "-q", "-", "x.jpg"], cwd=tmp_path, check=True, stdout=out)

    assert read_all(ZipSource(path)) == {"x.jpg": b"x" * 999}


def test_zip64_fields(path: Path, read_all: ReadAll) -> None:
    """Members whose sizes are written as 64 bits."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a.jpg", "b.jpg"):
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(name.encode() * 1000)

    assert read_all(ZipSource(path)) == {name: name.encode() * 1000 for name in ("a.jpg", "b.jpg")}


def test_more_members_than_16_bits_count(path: Path, read_all: ReadAll) -> None:
    """65,536 members take the Zip64 end of directory."""
    files = {f"{number:05}.jpg": str(number).encode() for number in range(65_600)}
    write(path, files, "stored")

    assert read_all(ZipSource(path)) == files


def test_an_archive_behind_a_program(path: Path, files: dict[str, bytes], read_all: ReadAll) -> None:
    """One that unpacks itself: all positions are shifted."""
    write(path, files)
    path.write_bytes(b"#!/bin/sh\n" * 100 + path.read_bytes())

    assert read_all(ZipSource(path)) == files


def test_names_that_are_not_ascii(path: Path) -> None:
    """By the flag in UTF-8, by an extra field, as UTF-8 without either, else in code page 437."""
    field = b"\1" + struct.pack("<I", zlib.crc32(b"legacy\xff.jpg")) + "日本.jpg".encode()
    legacy, stale = info("legacy+.jpg"), info("stale+.jpg")
    legacy.extra = struct.pack("<HH", 0x9999, 2) + b"xy" + struct.pack("<HH", 0x7075, len(field)) + field
    stale.extra = legacy.extra
    write_infos(path, (info("gr++e.jpg"), b"1"), (legacy, b"2"), (stale, b"3"), (info("ä.jpg"), b"4"))
    data = path.read_bytes().replace(b"legacy+", b"legacy\xff").replace(b"stale+", b"stale\xff")
    path.write_bytes(data.replace(b"gr++e.jpg", "größe.jpg".encode("cp437")))

    found = {file.path: read(path, file) for file in scan(path).files}

    assert found == {"größe.jpg": b"1", "日本.jpg": b"2", "stale\xa0.jpg": b"3", "ä.jpg": b"4"}


def test_an_empty_archive(path: Path) -> None:
    """Nothing is found, and nothing is wrong."""
    write(path, {})

    assert scan(path).seen == 0


def test_many_threads_read_at_once(path: Path, files: dict[str, bytes]) -> None:
    """Every read gets its own member, in any order."""
    write(path, files)
    source = ZipSource(path)
    found = source.scan(lambda _: None)
    wanted = [random.Random(1).choice(found.files) for _ in range(400)]

    def check(file: SourceFile) -> bool:
        data = bytearray(file.size)
        source.read_into(file, memoryview(data))
        return bytes(data) == files[file.path]

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(check, wanted))


def test_a_pickled_copy_reads_the_same(path: Path, files: dict[str, bytes]) -> None:
    """Without another scan; not when another archive lies there."""
    write(path, files)
    source = ZipSource(path)
    found = source.scan(lambda _: None)
    sent = pickle.dumps(source)
    copy = pickle.loads(sent)  # noqa: S301  # our own

    data = bytearray(found.files[-1].size)
    copy.read_into(found.files[-1], memoryview(data))
    assert bytes(data) == files[found.files[-1].path]

    os.utime(path, ns=(0, 1))
    with pytest.raises(SourceChangedError):
        pickle.loads(sent).read_into(found.files[0], memoryview(bytearray(found.files[0].size)))  # noqa: S301


@pytest.mark.parametrize("method", METHODS)
def test_an_archive_that_is_written_to_is_refused(path: Path, files: dict[str, bytes], method: str) -> None:
    """What was scanned and what is read would be of two archives."""
    write(path, files, method)
    source = ZipSource(path)
    file = source.scan(lambda _: None).files[-1]
    data = bytearray(path.read_bytes())
    data[file.inode + 100] ^= 1
    path.write_bytes(data)

    with pytest.raises(SourceChangedError, match="changed"):
        source.read_into(file, memoryview(bytearray(file.size)))
    with pytest.raises(SourceChangedError, match="changed"), source.as_file(file, path.parent):
        pass


@pytest.mark.parametrize("method", METHODS)
def test_a_flipped_bit_is_an_error(path: Path, method: str) -> None:
    """Whatever the method, the CRC-32 or the decompressor sees it, and the error names the member."""
    write(path, {"a.jpg": random.Random(2).randbytes(5000)}, method)
    (file,) = scan(path).files
    data = bytearray(path.read_bytes())
    data[3000] ^= 1
    path.write_bytes(data)

    (file,) = scan(path).files
    with pytest.raises(SourceError, match="is damaged") as caught:
        read(path, file)

    assert (caught.value.where.file, caught.value.where.member) == (str(path), "a.jpg")
    with pytest.raises(SourceError, match="is damaged"), ZipSource(path).as_file(file, path.parent):
        pass
    assert list(path.parent.iterdir()) == [path]


def test_a_wrong_crc_is_an_error(path: Path) -> None:
    """Also when the bytes are sound."""
    for method in ("stored", "deflated"):
        write(path, {"a.jpg": b"sound"}, method)
        directory_field(path, "a.jpg", 16, b"\0\0\0\0")
        with pytest.raises(SourceError, match="CRC-32"):
            read(path, scan(path).files[0])


def test_a_cut_archive_is_refused(path: Path, files: dict[str, bytes]) -> None:
    """Its directory stands at its end."""
    write(path, files)
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 30, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(SourceError, match="zip archive"):
            scan(path)


@pytest.mark.parametrize("place", range(0, 46, 2))
def test_a_damaged_directory_raises_nothing_else(path: Path, place: int) -> None:
    """Whatever a record says, what comes of it is a SourceError, a failure or the right bytes."""
    write(path, {"a.jpg": b"sound" * 100, "b.jpg": b"other"})
    directory_field(path, "a.jpg", place, b"\xff\xfe")

    try:
        for file in scan(path).files:
            read(path, file)
    except SourceError:
        pass


def test_a_missing_header_is_an_error(path: Path) -> None:
    """Bytes are not read where no member begins."""
    write(path, {"a.jpg": b"a"}, "stored")
    patch(path, b"PK\3\4", b"PKPK")

    with pytest.raises(SourceError, match="no valid header"):
        read(path, scan(path).files[0])


@pytest.mark.parametrize("name", ["/etc/x.jpg", "../x.jpg", "a/../../x.jpg", "C:\\x.jpg", "C:/x.jpg"])
def test_names_that_lead_elsewhere_fail(path: Path, name: str) -> None:
    """They are listed, and nothing is read."""
    write(path, {name: b"evil", "sound.jpg": b"sound"})

    found = scan(path)

    assert [one.path for one in found.failed] == [name]
    assert [one.path for one in found.files] == ["sound.jpg"]


def test_a_nul_in_a_name_fails(path: Path) -> None:
    """The name is not cut there: it could be another's."""
    write(path, {"a.jpg": b"good", "a.jpgX.exe": b"evil"})
    data = path.read_bytes().replace(b"a.jpgX.exe", b"a.jpg\0.exe")
    path.write_bytes(data)

    found = scan(path)

    assert [(file.path, read(path, file)) for file in found.files] == [("a.jpg", b"good")]
    assert ["NUL" in one.message for one in found.failed] == [True]


def test_links_and_special_files_are_skipped(path: Path) -> None:
    """Each with its reason; a plain file with a mode is read."""
    write_infos(
        path,
        (info("link.jpg", stat.S_IFLNK | 0o777), b"/etc/passwd"),
        (info("fifo.jpg", stat.S_IFIFO), b""),
        (info("plain.jpg", stat.S_IFREG | 0o644), b"plain"),
        (info("folder", stat.S_IFDIR), b""),
        (info("folder/"), b""),
    )

    found = scan(path)

    assert [(one.path, one.reason) for one in found.skipped] == [
        ("fifo.jpg", "not a regular file"),
        ("link.jpg", "symbolic link: not followed"),
    ]
    assert [one.path for one in found.files] == ["plain.jpg"]
    assert found.seen == 3


def test_of_members_of_one_name_the_last_counts(path: Path) -> None:
    """As unzip has it; the others are listed, also when the names only mean the same."""
    write_infos(
        path,
        (info("a.jpg"), b"first"),
        (info("b.jpg"), b"b"),
        (info("a.jpg"), b"then"),
        (info("./a.jpg"), b"last"),
    )

    found = scan(path)

    assert {file.path: read(path, file) for file in found.files} == {"a.jpg": b"last", "b.jpg": b"b"}
    assert [(one.path, "later member" in one.reason) for one in found.skipped] == [("a.jpg", True)] * 2
    assert found.seen == 4


def test_encrypted_members_fail(path: Path) -> None:
    """Their neighbours are read."""
    write(path, {"a.jpg": b"secret", "b.jpg": b"open"})
    directory_field(path, "a.jpg", 8, b"\1\0")

    found = scan(path)

    assert [(one.path, one.message) for one in found.failed] == [("a.jpg", "is encrypted")]
    assert {file.path: read(path, file) for file in found.files} == {"b.jpg": b"open"}


def test_an_unknown_method_fails(path: Path) -> None:
    """It is named by its number."""
    write(path, {"a.jpg": b"a"})
    directory_field(path, "a.jpg", 10, struct.pack("<H", 98))

    assert ["number 98" in one.message for one in scan(path).failed] == [True]


@pytest.mark.parametrize(
    ("method", "size"), [("deflated", 0xF000_0000), ("stored", 600), ("deflated", 20_000_000)]
)
def test_an_impossible_size_fails(path: Path, method: str, size: int) -> None:
    """A size that no bytes of that number can make is seen before there is room for it."""
    write(path, {"a.jpg": b"a" * 500}, method)
    directory_field(path, "a.jpg", 24, struct.pack("<I", size))

    found = scan(path)

    assert ["impossible" in one.message for one in found.failed] == [True]
    assert found.files == ()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [0, 499, 501])
def test_more_or_fewer_bytes_than_declared_are_an_error(path: Path, method: str, size: int) -> None:
    """No method can give more than there is room for."""
    write(path, {"a.jpg": b"a" * 500}, method)
    directory_field(path, "a.jpg", 24, struct.pack("<I", size))

    found = scan(path)

    if found.files:
        with pytest.raises(SourceError, match="is damaged"):
            read(path, found.files[0])
    else:
        assert (method, size) == ("stored", 501)


@pytest.mark.parametrize("method", ["deflated", "bzip2", "lzma"])
def test_a_member_that_unpacks_to_more_takes_no_more_memory(path: Path, method: str) -> None:
    """Not more than the size that is declared is unpacked, though its CRC-32 be that of the beginning."""
    write(path, {"a.jpg": bytes(30_000_000)}, method)
    directory_field(path, "a.jpg", 16, struct.pack("<I", zlib.crc32(bytes(1000))))
    directory_field(path, "a.jpg", 24, struct.pack("<I", 1000))
    source = ZipSource(path)
    (file,) = source.scan(lambda _: None).files
    view = memoryview(bytearray(file.size))

    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match="is damaged"):
            source.read_into(file, view)
        with pytest.raises(SourceError, match="is damaged"), source.as_file(file, path.parent):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 15_000_000


def test_bytes_beyond_the_end_fail(path: Path) -> None:
    """A member that would end behind the archive is not read."""
    write(path, {"a.jpg": b"a" * 500}, "stored")
    directory_field(path, "a.jpg", 20, struct.pack("<II", 5000, 5000))

    assert ["past the end" in one.message for one in scan(path).failed] == [True]


def test_members_that_share_their_bytes_fail(path: Path) -> None:
    """All that have part in it; the others are read."""
    names = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    write(path, {name: name.encode() * 100 for name in names}, "stored")
    directory_field(path, "b.jpg", 42, struct.pack("<I", 0))  # where a.jpg begins
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("d.jpg").header_offset
    directory_field(path, "c.jpg", 42, struct.pack("<I", start - 9))

    found = scan(path)

    assert [one.path for one in found.failed] == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    assert all("shares its bytes" in one.message for one in found.failed)
    assert found.files == ()


def test_a_header_that_leads_into_another_member_is_an_error(path: Path) -> None:
    """A long extra field in the header alone would quote other members."""
    write(path, {"a.jpg": b"a" * 50, "b.jpg": b"b" * 500}, "stored")
    data = bytearray(path.read_bytes())
    data[28:30] = struct.pack("<H", 200)  # length of the extra field of a.jpg
    path.write_bytes(data)

    found = scan(path)

    assert read(path, found.files[1]) == b"b" * 500
    with pytest.raises(SourceError, match="no valid header"):
        read(path, found.files[0])


@pytest.mark.parametrize("method", METHODS)
def test_a_member_is_copied_to_a_file(
    path: Path, files: dict[str, bytes], method: str, tmp_path: Path
) -> None:
    """Whole, or its beginning; the copy goes when it is not needed any more."""
    write(path, files, method)
    source, folder = ZipSource(path), tmp_path / "copies"
    folder.mkdir()
    (file,) = [one for one in source.scan(lambda _: None).files if one.path.endswith(".csv")]

    for most, expected in (
        (None, files[file.path]),
        (10, files[file.path][:10]),
        (0, b""),
        (10**9, files[file.path]),
    ):
        with source.as_file(file, folder, most=most) as copy:
            assert copy.read_bytes() == expected
            assert copy.parent == folder
            assert copy.suffix == ".csv"
        assert list(folder.iterdir()) == []


def test_what_is_no_archive_is_refused(path: Path) -> None:
    """A missing one, a folder, a FIFO; the error says which."""
    with pytest.raises(SourceNotFoundError, match="does not exist"):
        scan(path)
    os.mkfifo(path)
    with pytest.raises(SourceError, match="not a regular file"):
        scan(path)
    with pytest.raises(SourceError, match="not a regular file"):
        scan(path.parent)


def test_everything_is_told(path: Path, files: dict[str, bytes]) -> None:
    """What is told on the way adds up."""
    write(path, {**files, "../evil.jpg": b""})
    told: list[int] = []

    found = ZipSource(path).scan(told.append)

    assert sum(told) == found.seen == len(files) + 1
