"""What has not changed is kept, by updates and by a run that resumes another."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import packhouse
from packhouse._src.packing import table_stage
from packhouse._src.records import SourceFile
from packhouse._src.sources.folder import FolderSource
from packhouse._src.table_records import TableOutput, TablePlan, TableReport
from packhouse.errors import TableError
from small_dataset import JOIN, DataSet

PROGRAM = Path(sys.executable).with_name("packhouse")
SORT = {"customers": "age"}


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is made of tables from here on: tables converted, links, sorts and joins."""
    work: list[str] = []

    def watch(name: str, words: Callable[..., str]) -> None:
        real = getattr(table_stage, name)

        def watched(*args: object, **options: object) -> object:
            work.append(words(*args))
            return real(*args, **options)

        monkeypatch.setattr(table_stage, name, watched)

    watch("convert_table", lambda _, plan, __: f"convert {plan.name}")
    watch("link_table", lambda _, table, __: f"link {table.name}")
    watch("rewrite_table", lambda _, table, __: f"sort {table.name}")
    watch("join_tables", lambda _, join, __: f"join {join.name}")
    return work


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def clocks(folder: Path) -> dict[str, tuple[int, ...]]:
    """Return what the system says of all files below a folder, and of the folder."""
    return {
        path.as_posix(): (facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino)
        for path in (folder, *sorted(folder.rglob("*")))
        for facts in [path.stat()]
    }


def pack(dataset: DataSet, dest: Path, *, update: bool = False, compact: bool = False) -> packhouse.Report:
    """Pack with a join and a sort."""
    return packhouse.pack(dataset.folder, dest, joins=JOIN, sort=SORT, compact_keys=compact, update=update)


@pytest.fixture
def settled(dataset: DataSet) -> DataSet:
    """A data set whose files are older than the clock's tick."""
    for path in dataset.folder.rglob("*"):
        os.utime(path, ns=(10**18, 10**18))
    while not all(_is_old(path) for path in dataset.folder.rglob("*")):
        pass
    return dataset


def _is_old(path: Path) -> bool:
    now = path.parent.parent / "clock"
    now.touch()
    later: int = now.stat().st_ctime_ns
    now.unlink()
    return later - path.stat().st_ctime_ns > 60_000_000


@pytest.mark.parametrize("touched", ["nothing", "every time", "with compact keys"])
def test_nothing_changed(settled: DataSet, tmp_path: Path, done: list[str], touched: str) -> None:
    """Nothing is made and nothing is written, also where files have other times and the same bytes."""
    dest = tmp_path / "shop.pack"
    first = pack(settled, dest, compact=touched == "with compact keys")
    before = clocks(dest)
    done.clear()
    if touched == "every time":
        for path in settled.folder.rglob("*.*"):
            path.write_bytes(path.read_bytes())

    report = packhouse.pack(settled.folder, dest, update=True)

    assert report.up_to_date
    assert report.to_manifest() == {**first.to_manifest()}
    assert done == []
    assert clocks(dest) == before
    assert sorted(os.listdir(tmp_path)) == ["shop", "shop.pack"]


def test_the_command_says_so(settled: DataSet, tmp_path: Path) -> None:
    """Exit code 0, and one line that says that nothing was written."""
    dest = tmp_path / "shop.pack"
    pack(settled, dest)

    done = subprocess.run(
        [PROGRAM, "pack", settled.folder, "-o", dest, "--update"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "nothing has changed" in done.stdout


def edit(path: Path, old: str, new: str) -> None:
    """Change a file in a way that leaves its size, and set its time back to what it was."""
    facts, text = path.stat(), path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert path.stat().st_size == facts.st_size


def test_only_the_ctime_tells(settled: DataSet, tmp_path: Path, done: list[str]) -> None:
    """A table and an image that were changed under their old size and time are read again."""
    dest = tmp_path / "shop.pack"
    pack(settled, dest)
    done.clear()
    edit(settled.folder / "transactions_train.csv", settled.transactions[0][1], settled.transactions[1][1])
    image = settled.folder / min(settled.files)
    data, facts = bytearray(image.read_bytes()), image.stat()
    data[-1] ^= 1
    image.write_bytes(data)
    os.utime(image, ns=(facts.st_atime_ns, facts.st_mtime_ns))

    report = packhouse.pack(settled.folder, dest, update=True)

    assert report.updated is not None
    assert report.updated.changed == (min(settled.files),)
    assert done == ["convert transactions_train", "join train"]
    pack(settled, tmp_path / "fresh.pack")
    assert contents(dest) == contents(tmp_path / "fresh.pack")


CHANGES: dict[str, tuple[Callable[[DataSet], object], list[str]]] = {
    "a right table": (
        lambda data: _append(data.folder / "customers.csv", f"{'f' * 64},,33,NONE\n"),
        ["convert customers", "sort customers", "join train"],
    ),
    "a table that is not joined": (
        lambda data: _append(data.folder / "articles.csv", "0999999999,0999999,Hat,01,\n"),
        ["convert articles", "link articles"],
    ),
    "a new image": (
        lambda data: (data.folder / "images/010/0990000001.jpg").write_bytes(b"picture"),
        ["convert articles", "link articles"],
    ),
    "a new table": (lambda data: (data.folder / "more.csv").write_text("a\n1\n"), ["convert more"]),
    "a table that went": (lambda data: (data.folder / "more.csv").unlink(missing_ok=True), []),
}


def _append(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(line)


@pytest.mark.parametrize("change", CHANGES)
def test_only_what_depends_on_a_change_is_made(
    settled: DataSet, tmp_path: Path, done: list[str], change: str
) -> None:
    """Tables, links, sorts and joins that do not depend on it are kept; the pack is that of a fresh run."""
    dest = tmp_path / "shop.pack"
    if change == "a table that went":
        (settled.folder / "more.csv").write_text("a\n1\n")
    pack(settled, dest)
    apply, expected = CHANGES[change]
    apply(settled)
    done.clear()

    report = packhouse.pack(settled.folder, dest, update=True)

    assert not report.up_to_date
    assert sorted(done) == sorted(expected)
    pack(settled, tmp_path / "fresh.pack")
    assert contents(dest) == contents(tmp_path / "fresh.pack")
    assert (
        report.to_manifest()["tables"]
        == packhouse.pack(settled.folder, dest, update=True).to_manifest()["tables"]
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"how": "left"}, {"join train"}),
        (
            {
                "joins": "train = customers + transactions_train on customer_id",
                "allow_many": True,
            },
            {"join train"},
        ),
        ({"text": "customers.age"}, {"convert customers", "sort customers", "join train"}),
        ({"compression": "gzip"}, None),
        ({"compact_keys": True}, {"join train"}),
    ],
)
def test_other_options(
    settled: DataSet, tmp_path: Path, done: list[str], options: dict[str, object], expected: set[str] | None
) -> None:
    """What was made with other options is made anew; the pack is that of a fresh run."""
    dest = tmp_path / "shop.pack"
    pack(settled, dest)
    done.clear()

    packhouse.pack(settled.folder, dest, update=True, **options)  # type: ignore[arg-type]

    everything = {f"convert {name}" for name in ("articles", "customers", "transactions_train")}
    everything |= {"link articles", "sort customers", "join train"}
    assert set(done) == expected or set(done) == everything
    packhouse.pack(
        settled.folder,
        tmp_path / "fresh.pack",
        **{"joins": JOIN, "sort": SORT, **options},  # type: ignore[arg-type]
    )
    fresh = contents(tmp_path / "fresh.pack")
    mine = contents(dest)
    assert {name: mine[name] for name in mine if name != "pack.json"} == {
        name: fresh[name] for name in fresh if name != "pack.json"
    }


@pytest.mark.parametrize("name", ["customers.parquet", "train.parquet", "articles.parquet"])
def test_damage_is_not_kept(settled: DataSet, tmp_path: Path, name: str) -> None:
    """A table or join of the pack that is not what pack.json says is made anew."""
    dest = tmp_path / "shop.pack"
    pack(settled, dest)
    before = contents(dest)
    with (dest / name).open("r+b") as file:
        file.seek(20)
        file.write(b"damage")

    report = packhouse.pack(settled.folder, dest, update=True)

    assert not report.up_to_date
    assert contents(dest) == before


def test_images_are_kept_when_only_a_table_changed(
    settled: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image file is the same file, and no image is read."""
    dest = tmp_path / "shop.pack"
    pack(settled, dest)
    inode = (dest / "images.h5").stat().st_ino
    _append(settled.folder / "customers.csv", f"{'f' * 64},,33,NONE\n")

    def refuse(_source: FolderSource, file: SourceFile, _view: memoryview) -> SourceFile:
        raise AssertionError(file)

    monkeypatch.setattr(FolderSource, "read_into", refuse)
    packhouse.pack(settled.folder, dest, update=True)

    assert (dest / "images.h5").stat().st_ino == inode


@pytest.mark.parametrize("with_images", [True, False])
def test_a_resumed_run_keeps_finished_tables(
    settled: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: list[str], *, with_images: bool
) -> None:
    """Tables that an interrupted run has finished are not made again, except for one that was damaged."""
    if not with_images:
        shutil.rmtree(settled.folder / "images")
    dest = tmp_path / "shop.pack"
    real = getattr(table_stage, "convert_table")  # noqa: B009  # as the stage has it

    def stop_at(output: TableOutput, plan: TablePlan, source: Path, **options: object) -> TableReport:
        if plan.name == "transactions_train":
            raise KeyboardInterrupt
        return real(output, plan, source, **options)  # type: ignore[no-any-return]

    with monkeypatch.context() as patch:
        patch.setattr(table_stage, "convert_table", stop_at)
        with pytest.raises(KeyboardInterrupt):
            pack(settled, dest)
    assert done == ["convert articles", "convert customers"]
    kept = sorted((tmp_path / "shop.pack.packing/.tables").iterdir(), key=lambda path: path.stat().st_size)
    with next(path for path in kept if path.read_bytes()[:4] == b"PAR1").open("r+b") as file:
        file.seek(20)
        file.write(b"damage")
    done.clear()

    pack(settled, dest)

    assert len([one for one in done if one.startswith("convert")]) == 2
    pack(settled, tmp_path / "fresh.pack")
    assert contents(dest) == contents(tmp_path / "fresh.pack")
    assert not (dest / ".tables").exists()


def test_a_failing_table_does_not_make_all_else_anew(
    settled: DataSet, tmp_path: Path, done: list[str]
) -> None:
    """The others are kept; the one that cannot be read is tried again."""
    (settled.folder / "broken.csv").write_text("a,b\n1,2\n1,2,3\n")
    dest = tmp_path / "shop.pack"
    pack(settled, dest)
    done.clear()

    report = packhouse.pack(settled.folder, dest, update=True)

    assert done == ["convert broken"]
    assert [one.path for one in report.failed] == ["broken.csv"]
    with pytest.raises(TableError):
        packhouse.pack(settled.folder, dest, update=True, on_error="stop")
