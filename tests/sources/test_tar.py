"""A tar archive gives the bytes that were put in, compressed or not, and damage is seen."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import random
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from packhouse._src.records import SourceFile
from packhouse._src.sources.archives import tar_headers, tar_stream
from packhouse._src.sources.archives.tar import TarSource
from packhouse._src.sources.archives.tar_stream import TarStreamSource
from packhouse._src.sources.changes import identity_of
from packhouse._src.sources.source import Found, Source
from packhouse.errors import SourceChangedError, SourceError, SourceNotFoundError

ReadAll = Callable[[Source], dict[str, bytes]]
FORMATS = {"pax": tarfile.PAX_FORMAT, "gnu": tarfile.GNU_FORMAT}
COMPRESSIONS = ["gz", "bz2", "xz", "zst"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where an archive goes."""
    return tmp_path / "data.tar"


def write(path: Path, *members: tuple[tarfile.TarInfo, bytes], kind: int = tarfile.PAX_FORMAT) -> None:
    """Write an archive of members by Python's own writer."""
    with tarfile.open(path, "w", format=kind) as archive:
        for member, data in members:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def info(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    """Return a member of a kind."""
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


def plain(files: dict[str, bytes]) -> list[tuple[tarfile.TarInfo, bytes]]:
    """Return regular members."""
    return [(info(name), data) for name, data in files.items()]


def compress(path: Path, kind: str) -> Path:
    """Compress an archive by the program or module of that name."""
    target = path.with_name(f"{path.name}.{kind}")
    if kind == "zst":
        if shutil.which("zstd") is None:
            pytest.skip("no zstd program")
        subprocess.run(["zstd", "-q", "-f", path, "-o", target], check=True)
    else:
        module = __import__({"gz": "gzip", "bz2": "bz2", "xz": "lzma"}[kind])
        target.write_bytes(module.compress(path.read_bytes()))
    return target


def scan(path: Path) -> Found:
    """Scan an archive that is not compressed."""
    return TarSource(path).scan(lambda _: None)


def read(source: Source, file: SourceFile) -> bytes:
    """Read one member."""
    data = bytearray(file.size)
    source.read_into(file, memoryview(data))
    return bytes(data)


@pytest.mark.parametrize("kind", FORMATS)
def test_all_members_are_read(path: Path, files: dict[str, bytes], kind: str, read_all: ReadAll) -> None:
    """Long names and names beyond ASCII too; time and position are those of the archive."""
    write(path, *plain(files), kind=FORMATS[kind])

    assert read_all(TarSource(path)) == files
    with tarfile.open(path) as archive:
        offsets = {one.name: one.offset_data for one in archive}
    mtime = identity_of(path.stat()).stamp
    assert scan(path).files == tuple(
        SourceFile(name, len(files[name]), mtime, offsets[name]) for name in sorted(files)
    )


@pytest.mark.skipif(shutil.which("tar") is None, reason="no tar program")
@pytest.mark.parametrize("kind", ["gnu", "pax", "oldgnu"])
def test_an_archive_of_the_tar_program(
    tree: Path, path: Path, files: dict[str, bytes], kind: str, read_all: ReadAll
) -> None:
    """Folders are no files, and names begin with "./"."""
    subprocess.run(["tar", f"--format={kind}", "-cf", path, "."], cwd=tree, check=True)

    assert read_all(TarSource(path)) == files


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_compressed_archive(
    path: Path, files: dict[str, bytes], compression: str, read_all: ReadAll
) -> None:
    """The same bytes out of a stream, once in its order and once in another."""
    write(path, *plain(files))
    source = TarStreamSource(compress(path, compression))

    assert read_all(source) == files
    found = source.scan(lambda _: None)
    backwards = sorted(found.files, key=lambda file: -file.inode)
    assert {file.path: read(source, file) for file in backwards} == files
    copy = pickle.loads(pickle.dumps(source))  # noqa: S301  # our own
    assert read(copy, found.files[-1]) == files[found.files[-1].path]


def test_a_stream_in_order_is_read_once(
    path: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, read_all: ReadAll
) -> None:
    """One pass to scan, one to read; hard links to a member that was read last start no other."""
    first = next(iter(files))
    links = [(info(f"link {number}.jpg", tarfile.LNKTYPE, first), b"") for number in range(9)]
    write(path, *plain(files), *links)
    source, starts = TarStreamSource(compress(path, "gz")), list[object]()
    really_start = gzip.GzipFile

    def start(*, fileobj: io.BufferedReader) -> gzip.GzipFile:
        starts.append(fileobj)
        return really_start(fileobj=fileobj)

    monkeypatch.setattr(gzip, "GzipFile", start)

    assert read_all(source) == {**files, **{f"link {number}.jpg": files[first] for number in range(9)}}
    assert len(starts) == 2


def test_frames_one_after_the_other(path: Path, files: dict[str, bytes], read_all: ReadAll) -> None:
    """Compressed parts that were put together are one stream."""
    write(path, *plain(files))
    whole = path.read_bytes()
    for kind in COMPRESSIONS:
        parts = []
        for start in range(0, len(whole), 100_000):
            path.write_bytes(whole[start : start + 100_000])
            parts.append(compress(path, kind).read_bytes())
        target = path.with_name(f"parts.tar.{kind}")
        target.write_bytes(b"".join(parts))

        assert read_all(TarStreamSource(target)) == files


def test_many_threads_read_at_once(path: Path, files: dict[str, bytes]) -> None:
    """Every read gets its own member, in any order."""
    write(path, *plain(files))
    source = TarSource(path)
    found = source.scan(lambda _: None)
    wanted = [random.Random(1).choice(found.files) for _ in range(400)]

    with ThreadPoolExecutor(8) as threads:
        read_of = threads.map(lambda file: read(source, file) == files[file.path], wanted)
        assert all(read_of)


def test_a_pickled_copy_reads_the_same(path: Path, files: dict[str, bytes]) -> None:
    """Without another scan; not when another archive lies there."""
    write(path, *plain(files))
    source = TarSource(path)
    file = source.scan(lambda _: None).files[-1]
    sent = pickle.dumps(source)

    assert read(pickle.loads(sent), file) == files[file.path]  # noqa: S301  # our own
    os.utime(path, ns=(0, 1))
    with pytest.raises(SourceChangedError):
        read(pickle.loads(sent), file)  # noqa: S301  # our own


@pytest.mark.parametrize("compression", ["", "gz", "zst"])
def test_an_archive_that_is_written_to_is_refused(
    path: Path, files: dict[str, bytes], compression: str
) -> None:
    """What was scanned and what is read would be of two archives."""
    write(path, *plain(files))
    target = compress(path, compression) if compression else path
    source: Source = TarStreamSource(target) if compression else TarSource(target)
    file = source.scan(lambda _: None).files[-1]
    os.utime(target, ns=(0, 1))

    with pytest.raises(SourceChangedError, match="changed"):
        read(source, file)
    with pytest.raises(SourceChangedError, match="changed"), source.as_file(file, path.parent):
        pass


def test_links_and_special_files_are_skipped(path: Path) -> None:
    """Each with its reason; folders are passed over."""
    write(
        path,
        (info("link.jpg", tarfile.SYMTYPE, "/etc/passwd"), b""),
        (info("fifo.jpg", tarfile.FIFOTYPE), b""),
        (info("device.jpg", tarfile.CHRTYPE), b""),
        (info("folder", tarfile.DIRTYPE), b""),
        (info("a.jpg"), b"a"),
    )

    found = scan(path)

    assert [(one.path, one.reason) for one in found.skipped] == [
        ("device.jpg", "not a regular file"),
        ("fifo.jpg", "not a regular file"),
        ("link.jpg", "symbolic link: not followed"),
    ]
    assert (found.seen, [one.path for one in found.files]) == (4, ["a.jpg"])


def test_hard_links_are_the_file_they_lead_to(path: Path) -> None:
    """An earlier file of the archive, as it was then; nothing else."""
    write(
        path,
        (info("early.jpg", tarfile.LNKTYPE, "a.jpg"), b""),
        (info("a.jpg"), b"first"),
        (info("one.jpg", tarfile.LNKTYPE, "./a.jpg"), b""),
        (info("two.jpg", tarfile.LNKTYPE, "one.jpg"), b""),
        (info("a.jpg"), b"second"),
        (info("s.jpg", tarfile.SYMTYPE, "a.jpg"), b""),
        (info("to link.jpg", tarfile.LNKTYPE, "s.jpg"), b""),
        (info("out.jpg", tarfile.LNKTYPE, "../../etc/passwd"), b""),
        (info("abs.jpg", tarfile.LNKTYPE, "/etc/passwd"), b""),
    )
    source = TarSource(path)

    found = source.scan(lambda _: None)

    assert {file.path: read(source, file) for file in found.files} == {
        "a.jpg": b"second",
        "one.jpg": b"first",
        "two.jpg": b"first",
    }
    assert [one.path for one in found.failed] == ["abs.jpg", "early.jpg", "out.jpg", "to link.jpg"]
    assert all("hard link" in one.message for one in found.failed)
    assert [one.path for one in found.skipped] == ["a.jpg", "s.jpg"]
    assert found.seen == 9


def test_of_members_of_one_name_the_last_counts(path: Path) -> None:
    """As tar has it, also when the names only mean the same, or the last one is a link."""
    write(path, *plain({"a.jpg": b"1"}), *plain({"./a.jpg": b"2"}), *plain({"b.jpg": b"3"}))
    with tarfile.open(path, "a") as archive:
        archive.addfile(info("b.jpg", tarfile.SYMTYPE, "a.jpg"))
    source = TarSource(path)

    found = source.scan(lambda _: None)

    assert {file.path: read(source, file) for file in found.files} == {"a.jpg": b"2"}
    assert sorted((one.path, one.reason[:8]) for one in found.skipped) == [
        ("a.jpg", "a later "),
        ("b.jpg", "a later "),
        ("b.jpg", "symbolic"),
    ]


@pytest.mark.parametrize("name", ["/etc/x.jpg", "../x.jpg", "a/../../x.jpg", "C:\\x.jpg"])
def test_names_that_lead_elsewhere_fail(path: Path, name: str) -> None:
    """They are listed, and nothing is read."""
    write(path, *plain({name: b"evil", "sound.jpg": b"sound"}))

    found = scan(path)

    assert [one.path for one in found.failed] == [name]
    assert [one.path for one in found.files] == ["sound.jpg"]


@pytest.mark.parametrize("compression", ["", "gz"])
def test_names_that_are_no_text_are_escaped(path: Path, compression: str) -> None:
    """As in a folder; one whose escaped name is taken fails."""
    names = [b"\xe9%.jpg", b"\xea.jpg", b"%EA.jpg"]
    write(path, *plain({os.fsdecode(name): name for name in names}), kind=tarfile.GNU_FORMAT)
    source: Source = TarStreamSource(compress(path, "gz")) if compression else TarSource(path)

    found = source.scan(lambda _: None)

    assert {file.path: read(source, file) for file in found.files} == {
        "%E9%25.jpg": b"\xe9%.jpg",
        "%EA.jpg": b"%EA.jpg",
    }
    assert found.escaped == ("%E9%25.jpg",)
    assert [(one.path, "not UTF-8" in one.message) for one in found.failed] == [("%EA.jpg", True)]


@pytest.mark.skipif(shutil.which("tar") is None, reason="no tar program")
@pytest.mark.parametrize("kind", ["gnu", "posix"])
def test_sparse_members_fail(tmp_path: Path, path: Path, kind: str) -> None:
    """Their bytes do not lie in the archive as they are; the next member is read."""
    with (tmp_path / "sparse.jpg").open("wb") as file:
        for place in range(0, 40_000_000, 1_000_000):
            file.seek(place)
            file.write(b"x" * 4096)
    (tmp_path / "z.jpg").write_bytes(b"after")
    command = ["tar", "-cSf", str(path), f"--format={kind}", "sparse.jpg", "z.jpg"]
    subprocess.run(command, cwd=tmp_path, check=True)
    source = TarSource(path)

    found = source.scan(lambda _: None)

    if path.stat().st_size > 40_000_000:
        pytest.skip("the file system keeps no holes")
    assert [(one.path, "sparse" in one.message) for one in found.failed] == [("sparse.jpg", True)]
    assert [read(source, file) for file in found.files] == [b"after"]


def test_a_cut_archive_is_refused(path: Path, files: dict[str, bytes]) -> None:
    """Wherever it is cut; between two members it is listed, since all before it is sound."""
    write(path, *plain(files))
    with tarfile.open(path) as archive:
        ends = {one.offset for one in archive if one.offset}
    whole = path.read_bytes()

    for length in (0, 100, 700, 1500, max(ends) + 100, max(ends) + 513, len(whole) - 200_000):
        path.write_bytes(whole[:length])
        with pytest.raises(SourceError, match="tar archive"):
            scan(path)
    path.write_bytes(whole[: max(ends)])
    found = scan(path)
    assert len(found.files) == len(files) - 1
    assert [(one.path, "may be truncated" in one.message) for one in found.failed] == [("data.tar", True)]


def test_a_damaged_header_is_no_end(path: Path, files: dict[str, bytes]) -> None:
    """Where tarfile would stop without a word, what follows would be lost."""
    write(path, *plain(files))
    with tarfile.open(path) as archive:
        place = sorted(one.offset for one in archive)[3]
    data = bytearray(path.read_bytes())
    data[place + 10] ^= 1
    path.write_bytes(data)

    for source in (TarSource(path), TarStreamSource(compress(path, "gz"))):
        with pytest.raises(SourceError, match=f"no header at byte {place:,}"):
            source.scan(lambda _: None)


def test_any_flipped_byte_raises_nothing_else(path: Path) -> None:
    """Whatever a header says, what comes of it is a SourceError or another data set."""
    write(path, *plain({"a" * 150: b"1", "ä.jpg": b"22"}), (info("l", tarfile.LNKTYPE, "ä.jpg"), b""))
    whole, source = path.read_bytes(), random.Random(4)

    for _ in range(600):
        data = bytearray(whole)
        for _ in range(source.randint(1, 3)):
            data[source.randrange(len(data) - 9000)] = source.randrange(256)
        for header in range(0, len(data), 512):  # else every one of them is only a bad checksum
            total = sum(data[header : header + 148]) + sum(data[header + 156 : header + 512]) + 256
            data[header + 148 : header + 156] = b"%06o\0 " % (total % 8**6)
        path.write_bytes(data)
        os.utime(path, (0, 0))  # or each scan would wait until its time is old enough
        try:
            for file in scan(path).files:
                if file.size < 10_000:
                    read(TarSource(path), file)
        except SourceError:
            pass


def raw_header(name: bytes, kind: bytes, size: bytes) -> bytes:
    """Return a header with any text for a size."""
    fields = name.ljust(100, b"\0") + b"0000644\0" * 3 + size.ljust(12, b"\0") + b"00000000000\0"
    rest = kind + b"\0" * 100 + b"ustar\x0000" + b"\0" * 247
    total = sum(fields) + sum(rest) + 8 * 32
    return (fields + b"%06o\0 " % total + rest)[:512]


@pytest.mark.parametrize("kind", [b"L", b"x", b"0", b"g", b"K"])
def test_a_size_below_zero_is_refused(path: Path, kind: bytes) -> None:
    """It would lead back for ever (CVE-2025-8194)."""
    header = raw_header(b"a.jpg", kind, b"\xff" * 10 + b"\xfc\0")
    path.write_bytes(raw_header(b"b.jpg", b"0", b"00000000000") + header + bytes(1024))

    with pytest.raises(SourceError, match="tar archive"):
        scan(path)


def test_a_huge_header_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name of gigabytes is not read into memory."""
    monkeypatch.setattr(tar_headers, "MOST_HEADER_BYTES", 2048)
    write(path, *plain({"a" * 3000: b""}))

    with pytest.raises(SourceError, match="a header of"):
        scan(path)


def test_headers_without_end_are_refused(path: Path) -> None:
    """Each announces another one."""
    path.write_bytes((raw_header(b"x", b"L", b"00000000001") + b"n".ljust(512, b"\0")) * 3000)

    with pytest.raises(SourceError, match="tar archive"):
        scan(path)


def test_bytes_that_are_gone_are_an_error(path: Path) -> None:
    """A member that ends behind the archive is not filled up."""
    write(path, *plain({"a.jpg": b"a" * 5000}))
    (file,) = scan(path).files
    with path.open("r+b") as archive:
        archive.truncate(3000)
    source = TarSource(path)

    with pytest.raises(SourceError, match="end early") as caught:
        read(source, file)

    assert caught.value.where.member == "a.jpg"


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_cut_stream_is_refused(path: Path, files: dict[str, bytes], compression: str) -> None:
    """By the scan, and the archive is named; also when only its last bytes are gone."""
    write(path, *plain(files))
    target = compress(path, compression)
    whole = target.read_bytes()

    for length in (0, 3, 50, len(whole) // 2, len(whole) - 1):
        target.write_bytes(whole[:length])
        with pytest.raises(SourceError) as caught:
            TarStreamSource(target).scan(lambda _: None)
        assert caught.value.where.file == str(target)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_flipped_bit_in_a_stream_is_refused(path: Path, compression: str) -> None:
    """The checksum is checked before anything is packed."""
    write(path, *plain({"a.jpg": random.Random(6).randbytes(50_000)}))
    target = compress(path, compression)
    data = bytearray(target.read_bytes())
    data[len(data) // 2] ^= 1
    target.write_bytes(data)

    with pytest.raises(SourceError, match="cannot be"):
        TarStreamSource(target).scan(lambda _: None)


def test_a_compressed_file_that_is_no_tar_is_refused(path: Path) -> None:
    """Text in gzip, an unknown compression."""
    path.write_bytes(gzip.compress(b"text" * 1000))
    with pytest.raises(SourceError, match="tar archive"):
        TarStreamSource(path).scan(lambda _: None)
    path.write_bytes(b"text" * 1000)
    with pytest.raises(SourceError, match="not compressed"):
        TarStreamSource(path).scan(lambda _: None)
    with pytest.raises(SourceError, match="tar archive"):
        scan(path)


@pytest.mark.parametrize("compression", ["", "gz", "zst"])
def test_a_member_is_copied_to_a_file(
    path: Path, files: dict[str, bytes], compression: str, tmp_path: Path
) -> None:
    """Whole, or its beginning; the copy goes when it is not needed any more."""
    write(path, *plain(files))
    source: Source = TarStreamSource(compress(path, compression)) if compression else TarSource(path)
    folder = tmp_path / "copies"
    folder.mkdir()
    found = source.scan(lambda _: None)

    for file in found.files:
        data = files[file.path]
        for most, expected in (
            (None, data),
            (10, data[:10]),
            (0, b""),
            (70_000, data[:70_000]),
            (10**9, data),
        ):
            with source.as_file(file, folder, most=most) as copy:
                assert copy.read_bytes() == expected
            assert list(folder.iterdir()) == []


def test_the_beginning_of_a_table_takes_no_pass(
    path: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was kept by the scan; of more tables than there is room for, by a pass."""
    tables = {f"{number}.csv": b"%d," % number * 40_000 for number in range(5)}
    monkeypatch.setattr(tar_stream, "KEPT_OF_TABLES", 200_000)
    write(path, *plain({**files, **tables}))
    source = TarStreamSource(compress(path, "gz"))
    found = source.scan(lambda _: None)
    passes = list[int]()
    really_seek = source._stream.seek

    def seek(place: int) -> int:
        passes.append(place)
        return really_seek(place)

    monkeypatch.setattr(source._stream, "seek", seek)

    for file in found.files:
        if file.path.endswith(".csv"):
            with source.as_file(file, path.parent, most=50_000) as copy:
                assert copy.read_bytes() == {**files, **tables}[file.path][:50_000]

    assert len(passes) == 3


def test_what_is_no_archive_is_refused(path: Path) -> None:
    """A missing one, a folder, a FIFO; the error says which."""
    with pytest.raises(SourceNotFoundError, match="does not exist"):
        scan(path)
    os.mkfifo(path)
    for source in (TarSource(path), TarStreamSource(path), TarSource(path.parent)):
        with pytest.raises(SourceError, match="not a regular file"):
            source.scan(lambda _: None)


def test_everything_is_told(path: Path) -> None:
    """What is told on the way adds up, and comes in steps."""
    write(path, *plain({f"{number}.jpg": b"" for number in range(2500)}), *plain({"../x": b""}))
    told: list[int] = []

    found = TarSource(path).scan(told.append)

    assert sum(told) == found.seen == 2501
    assert len(told) == 3


def test_zstd_does_not_import_pandas(path: Path) -> None:
    """Which Arrow does where it can."""
    write(path, *plain({"a.jpg": b"a"}))
    code = (
        "import sys, pathlib; from packhouse._src.sources.archives.tar_stream import TarStreamSource as T; "
        "print('pyarrow' in sys.modules); "
        "T(pathlib.Path(sys.argv[1])).scan(print); print('pandas' in sys.modules)"
    )
    target = compress(path, "zst")

    run = subprocess.run([sys.executable, "-c", code, target], capture_output=True, text=True, check=True)

    assert run.stdout.split() == ["False", "1", "False"]
