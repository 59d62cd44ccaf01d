"""A list names files: they are found, and nothing outside of its folder is."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from packhouse._src.records import SourceFile
from packhouse._src.sources.folder import FolderSource
from packhouse._src.sources.listing import ListSource
from packhouse._src.sources.source import Found, Source
from packhouse.errors import SourceError, SourceNotFoundError

ReadAll = Callable[[Source], dict[str, bytes]]


def write(folder: Path, *lines: str, name: str = "list.txt") -> Path:
    """Write a list."""
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def write_parquet(folder: Path, **columns: list[object]) -> Path:
    """Write a Parquet list."""
    pq.write_table(pa.table(columns), folder / "list.parquet")
    return folder / "list.parquet"


def scan(path: Path) -> Found:
    """Scan a list."""
    return ListSource(path).scan(lambda _: None)


def paths(found: Found) -> list[str]:
    """Return the paths of the files."""
    return [file.path for file in found.files]


def failures(found: Found) -> dict[str, str]:
    """Return path -> message."""
    return {one.path: one.message for one in found.failed}


def test_a_text_file(tree: Path, files: dict[str, bytes], read_all: ReadAll) -> None:
    """A path a line; comments, blank lines and a byte order mark are none; a name may hold anything."""
    path = write(tree, "\ufeff# all of them", "", "   ", *files, name="list.TXT")

    source = ListSource(path)

    assert read_all(source) == files
    found = source.scan(lambda _: None)
    assert found.files == tuple(
        file for file in FolderSource(tree).scan(lambda _: None).files if file.path != path.name
    )
    assert found.skipped == ()
    assert found.seen == len(files)


def test_lines_of_windows(tree: Path) -> None:
    """A carriage return is no part of a name."""
    path = tree / "list.txt"
    path.write_bytes(b"top.jpg\r\nempty.jpg\r\n")

    assert paths(scan(path)) == ["empty.jpg", "top.jpg"]


@pytest.mark.parametrize("column", ["path", "FILE", "file_name", "filename", "Image_Path", "image", "img"])
@pytest.mark.parametrize(("name", "comma"), [("list.csv", ","), ("list.TSV", "\t")])
def test_a_table(tree: Path, column: str, name: str, comma: str) -> None:
    """A column of a known name is taken, whatever its case and place; the list is a file too."""
    rows = [["label", column], ["top.jpg", "a/100%.jpg"], ["x", '"a/with space.jpg"'], ["y", ""], ["z"]]
    path = write(tree, *(comma.join(row) for row in rows), name=name)

    found = scan(path)

    assert paths(found) == sorted(["a/100%.jpg", "a/with space.jpg", name])
    assert (found.skipped, found.failed) == ((), ())


def test_the_first_of_the_known_columns_counts(tree: Path) -> None:
    """In the order of their names, not of the table."""
    path = write(tree, "img,image,path", "no,no,top.jpg", name="list.csv")

    assert paths(scan(path)) == ["list.csv", "top.jpg"]


def test_a_column_of_another_name(tree: Path) -> None:
    """The first one whose first value is an existing file."""
    path = write(
        tree, "id,label,where,other", "1,a,top.jpg,empty.jpg", "2,b,gone.jpg,top.jpg", name="list.csv"
    )

    found = scan(path)

    assert paths(found) == ["list.csv", "top.jpg"]
    assert list(failures(found)) == ["gone.jpg"]


@pytest.mark.parametrize("lines", [[], ["a,b"], ["a,b", "1,2"], ["a,b", "1,2", "top.jpg,3"], ["a", "z"]])
def test_a_table_without_paths_is_refused(tree: Path, lines: list[str]) -> None:
    """The error says how the column may be named; a folder is no file."""
    path = write(tree, *lines, name="list.csv")

    with pytest.raises(SourceError, match="no column contains paths") as caught:
        scan(path)

    assert "file_name" in caught.value.hint


def test_a_parquet_file(tree: Path) -> None:
    """Columns as in a table; nulls are no paths; the list is skipped."""
    known = write_parquet(tree, label=[1, 2, 3], Image=["top.jpg", None, "a/100%.jpg"])
    assert paths(scan(known)) == ["a/100%.jpg", "top.jpg"]

    other = write_parquet(tree, label=[1, 2], text=["x", "y"], where=["top.jpg", "gone.jpg"])
    found = scan(other)
    assert paths(found) == ["top.jpg"]
    assert list(failures(found)) == ["gone.jpg"]
    assert found.skipped == ()

    with pytest.raises(SourceError, match="no column contains paths"):
        scan(write_parquet(tree, label=[1, 2], text=["x", "y"]))


def test_a_damaged_parquet_file_is_refused(tree: Path) -> None:
    """The error is one of the source."""
    path = write_parquet(tree, path=["top.jpg"])
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(SourceError, match="Parquet"):
        scan(path)


def test_a_parquet_list_does_not_import_pandas(tree: Path) -> None:
    """Which Arrow does where it can."""
    code = (
        "import sys, pathlib; from packhouse._src.sources.listing import ListSource as L; "
        "print('pyarrow' in sys.modules); "
        "L(pathlib.Path(sys.argv[1])).scan(print); print('pandas' in sys.modules)"
    )
    path = write_parquet(tree, path=["top.jpg"])

    run = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)

    assert run.stdout.split() == ["False", "1", "False"]


def test_paths_that_lead_elsewhere_fail(tree: Path) -> None:
    """Nothing outside of the folder of the list is looked at, and no link is followed."""
    outside = tree.parent / "outside"
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(b"secret")
    (tree / "link.jpg").symlink_to("top.jpg")
    (tree / "link").symlink_to("a")
    (tree / "out").symlink_to(outside)
    (tree / "a/dangling").symlink_to("nowhere")
    os.mkfifo(tree / "fifo.jpg")
    listed = {
        "../outside/secret.jpg": "outside",
        "a/../top.jpg": "outside",
        f"{outside}/secret.jpg": "outside",
        f"{tree}2/x.jpg": "outside",
        "/": "outside",
        "link.jpg": "symbolic link",
        "link/100%.jpg": "symbolic link",
        "out/secret.jpg": "symbolic link",
        "a/dangling": "symbolic link",
        "a": "is a folder",
        "fifo.jpg": "not a regular file",
        "gone.jpg": "No such file",
        "gone/x.jpg": "No such file",
        "top.jpg/x": "Not a directory",
        "nul\0.jpg": "NUL",
        "./": "is not a path",
        "x" * 300: "name too long",
    }

    found = scan(write(tree, *listed, "top.jpg"))

    assert paths(found) == ["top.jpg"]
    shown = {path.replace("\0", "\\0"): reason for path, reason in listed.items()}
    assert set(failures(found)) == set(shown)
    for path, message in failures(found).items():
        assert shown[path] in message, path
    assert found.seen == len(listed) + 1


def test_absolute_paths_below_the_folder(tree: Path) -> None:
    """As the folder is named, or as it really lies."""
    link = tree.parent / "link to tree"
    link.symlink_to(tree)
    write(tree, f"{tree}/top.jpg", f"{link}//a/./100%.jpg", f"{tree}/empty.jpg")

    assert paths(scan(link / "list.txt")) == ["a/100%.jpg", "empty.jpg", "top.jpg"]


def test_what_is_listed_twice_is_there_once(tree: Path) -> None:
    """However it is written; the second one is listed as skipped."""
    found = scan(write(tree, "top.jpg", "./top.jpg", "a/100%.jpg", f"{tree}/top.jpg"))

    assert paths(found) == ["a/100%.jpg", "top.jpg"]
    assert [(one.path, one.reason) for one in found.skipped if "list.txt" not in one.path] == [
        ("top.jpg", "listed twice")
    ] * 2
    assert found.seen == 4


def test_names_that_are_no_text(tree: Path) -> None:
    """As a shell lists them: escaped, read, also by a pickled copy; the one whose name is taken fails."""
    for name in (b"\xe9.jpg", b"\xea.jpg", b"%EA.jpg"):
        (tree / os.fsdecode(name)).write_bytes(name)
    path = tree / "list.txt"
    path.write_bytes(b"\xe9.jpg\n\xea.jpg\n%EA.jpg\n")
    source = ListSource(path)

    found = source.scan(lambda _: None)

    assert found.escaped == ("%E9.jpg",)
    copy = pickle.loads(pickle.dumps(source))  # noqa: S301  # our own
    read: dict[str, bytes] = {}
    for file in found.files:
        data = bytearray(file.size)
        copy.read_into(file, memoryview(data))
        read[file.path] = bytes(data)
    assert read == {"%E9.jpg": b"\xe9.jpg", "%EA.jpg": b"%EA.jpg"}
    assert list(failures(found)) == ["%EA.jpg"]


def test_a_listed_file_is_given_by_its_path(tree: Path) -> None:
    """And so is the list itself, where it is a table."""
    source = ListSource(write(tree, "path", "top.jpg", name="list.csv"))

    for file in source.scan(lambda _: None).files:
        with source.as_file(file, tree) as path:
            assert path == tree / file.path


def test_what_is_no_list_is_refused(tree: Path) -> None:
    """A missing one, a FIFO, a folder."""
    with pytest.raises(SourceNotFoundError):
        scan(tree / "gone.txt")
    with pytest.raises(SourceNotFoundError):
        scan(tree / "gone/list.txt")
    os.mkfifo(tree / "fifo.txt")
    os.mkfifo(tree / "fifo.parquet")
    for name in ("fifo.txt", "fifo.parquet", "a"):
        with pytest.raises(SourceError, match="not a regular file"):
            scan(tree / name)


def test_a_list_that_is_a_link(tree: Path) -> None:
    """Paths are below the folder of the link; the list itself is not packed."""
    table = write(tree.parent, "path", "top.jpg", name="elsewhere.csv")
    (tree / "list.csv").symlink_to(table)

    found = scan(tree / "list.csv")

    assert paths(found) == ["top.jpg"]
    assert [one.path for one in found.skipped] == ["list.csv"]


def test_a_list_that_grows_without_end_in_one_cell_is_refused(tree: Path) -> None:
    """A quote that is never closed."""
    with pytest.raises(SourceError, match="cannot be read as a list"):
        scan(write(tree, "path", '"' + "x" * 200_000, name="list.csv"))


def test_everything_is_told(tree: Path) -> None:
    """What is told on the way adds up, and comes in steps."""
    told: list[int] = []

    found = ListSource(write(tree, *(f"{number}.jpg" for number in range(2500)), "top.jpg")).scan(told.append)

    assert sum(told) == found.seen == 2501
    assert len(told) == 3
    assert found.files == (SourceFile("top.jpg", 3, *_facts(tree / "top.jpg")),)


def _facts(path: Path) -> tuple[int, int, int]:
    facts = path.stat()
    return facts.st_mtime_ns, facts.st_ino, facts.st_ctime_ns
