"""The main job end to end, against the files that went in."""

from __future__ import annotations

import csv
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import h5py
import pandas as pd
import pyarrow.parquet as pq
import pytest

import packhouse
from packhouse._src.packing import planning
from packhouse._src.packing.reporting.report_facts import Resumed
from packhouse.errors import (
    ColumnNotFoundError,
    DestinationExistsError,
    NoSpaceError,
    SourceError,
    SourceNotFoundError,
    TypingError,
    UsageError,
)
from packhouse.progress import Event, Finished, Started
from small_dataset import JOIN, DataSet, jpeg


def tree(folder: Path) -> dict[str, bytes]:
    """Return path -> bytes of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_every_image_comes_back_as_its_own_bytes(dataset: DataSet, tmp_path: Path) -> None:
    """What packhouse.open hands out is what lay on the disk, by key and by name."""
    packhouse.pack(dataset.folder, tmp_path / "shop.pack")

    with packhouse.open(tmp_path / "shop.pack") as pack:
        assert len(pack.images) == len(dataset.files)
        for path, data in dataset.files.items():
            key = path.removeprefix("images/").removesuffix(".jpg")
            assert pack.images[key].bytes == data
            assert pack.images[key.split("/")[1]].file_name == path


def test_the_pack_holds_the_files_of_the_format_and_no_others(dataset: DataSet, tmp_path: Path) -> None:
    """Nothing but standard files is left in a pack, and nothing beside it."""
    packhouse.pack(dataset.folder, tmp_path / "shop.pack", joins=[JOIN])

    assert sorted(os.listdir(tmp_path / "shop.pack")) == [
        "articles.parquet",
        "customers.parquet",
        "image_index.parquet",
        "images.h5",
        "pack.json",
        "train.parquet",
        "transactions_train.parquet",
    ]
    assert sorted(os.listdir(tmp_path)) == ["shop", "shop.pack"]


def test_ids_keep_their_zeros_and_every_cell_its_value(dataset: DataSet, tmp_path: Path) -> None:
    """The Parquet tables hold what Python's csv module reads, null where a cell is empty."""
    packhouse.pack(dataset.folder, tmp_path / "shop.pack")

    with (dataset.folder / "articles.csv").open(newline="", encoding="utf-8") as file:
        expected = list(csv.DictReader(file))
    found = pq.read_table(tmp_path / "shop.pack" / "articles.parquet").to_pylist()
    assert [{name: row[name] or "" for name in expected[0]} for row in found] == expected


def test_the_linked_table_says_which_rows_have_an_image(dataset: DataSet, tmp_path: Path) -> None:
    """The link is found by itself, and counts agree with the data set's own."""
    report = packhouse.pack(dataset.folder, tmp_path / "shop.pack")

    (link,) = report.links
    assert (link.table, link.column) == ("articles", "article_id")
    assert link.rows_without_image == len(dataset.without_image)
    assert list(link.rows_without_image_examples) == dataset.without_image
    assert link.images_without_row == 0
    rows = pq.read_table(tmp_path / "shop.pack" / "articles.parquet").to_pylist()
    keys = {path.removeprefix("images/").removesuffix(".jpg") for path in dataset.files}
    assert {row["image_key"] for row in rows if row["image"]} == keys
    assert {row["article_id"] for row in rows if not row["image"]} == set(dataset.without_image)


@pytest.mark.parametrize("how", ["inner", "left"])
def test_the_join_is_the_one_that_pandas_makes(dataset: DataSet, tmp_path: Path, how: str) -> None:
    """Rows, order and values equal pandas.merge on columns read as text."""
    packhouse.pack(dataset.folder, tmp_path / "shop.pack", joins=[JOIN], how=how)

    left = pd.read_csv(dataset.folder / "transactions_train.csv", dtype=str, keep_default_na=False)
    right = pd.read_csv(dataset.folder / "customers.csv", dtype=str, keep_default_na=False)
    merged = left.merge(right, on="customer_id", how=how)
    found = pq.read_table(tmp_path / "shop.pack" / "train.parquet").to_pylist()
    assert list(found[0]) == list(merged.columns)
    for row, expected in zip(found, merged.to_dict("records"), strict=True):
        assert str(row["t_dat"]) == expected["t_dat"]
        assert row["customer_id"] == expected["customer_id"]
        assert row["price"] == float(expected["price"])
        assert str(row["age"] or "") == expected["age"]


def test_same_input_same_bytes(dataset: DataSet, tmp_path: Path) -> None:
    """Neither the number of threads nor the time nor the place shows in a pack."""
    packhouse.pack(dataset.folder, tmp_path / "one.pack", joins=[JOIN], workers=1)
    (tmp_path / "elsewhere").mkdir()
    packhouse.pack(dataset.folder, tmp_path / "elsewhere" / "two.pack", joins=[JOIN], workers=5)

    assert tree(tmp_path / "one.pack") == tree(tmp_path / "elsewhere" / "two.pack")


def test_every_file_is_accounted_for(dataset: DataSet, tmp_path: Path) -> None:
    """Files seen are images, tables, skipped or failed, and an independent walk counts as many."""
    extra = {
        ".DS_Store": b"x",
        "images/Thumbs.db": b"x",
        "images/notes.txt": b"x",
        "images/010/empty.jpg": b"",
        "images/010/text.png": b"no picture",
        "images/010/cut.jpg": jpeg(99)[:300],
        "images/.hidden/a.jpg": jpeg(98),
        "broken.csv": b"a,b\n1,2\n3\n",
    }
    for path, data in extra.items():
        (dataset.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (dataset.folder / path).write_bytes(data)
    (dataset.folder / "link.jpg").symlink_to("images/notes.txt")
    os.mkfifo(dataset.folder / "images" / "pipe.jpg")

    report = packhouse.pack(dataset.folder, tmp_path / "shop.pack")

    walked = sum(len(files) for _, _, files in os.walk(dataset.folder))
    totals = report.totals
    assert totals.seen == walked
    assert totals.images == len(dataset.files) + 3
    assert totals.tables == 3
    assert {one.path for one in report.skipped} == {
        ".DS_Store",
        "images/Thumbs.db",
        "images/notes.txt",
        "images/.hidden/a.jpg",
        "link.jpg",
        "images/pipe.jpg",
    }
    assert [one.path for one in report.failed] == ["broken.csv"]
    assert "line 3" in report.failed[0].message
    assert report.images is not None
    assert report.images.problems == {
        "010/empty": "empty",
        "010/text": "not an image",
        "010/cut": "truncated",
    }
    with packhouse.open(tmp_path / "shop.pack") as pack:
        assert pack.images["010/empty"].bytes == b""
        assert pack.images["010/text"].problem == "not an image"


def test_two_files_with_one_name_are_both_kept(dataset: DataSet, tmp_path: Path) -> None:
    """Files that differ in extension only keep it in their keys, and the report says so."""
    for name in ("images/010/twin.jpg", "images/010/twin.png"):
        (dataset.folder / name).write_bytes(jpeg(len(name)))

    report = packhouse.pack(dataset.folder, tmp_path / "shop.pack")

    assert report.images is not None
    assert report.images.kept_extensions == ("images/010/twin.jpg", "images/010/twin.png")
    with packhouse.open(tmp_path / "shop.pack") as pack:
        assert "010/twin.jpg" in pack.images
        assert "010/twin.png" in pack.images
        assert "010/twin" not in pack.images


def test_an_image_that_cannot_be_read_leaves_no_dataset_of_zeros(
    dataset: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is listed as failed, all others are packed, and neither h5py nor the index sees it."""
    lost = sorted(dataset.files)[3]
    real_open = os.open

    def failing_open(path: str, *arguments: int, **options: int) -> int:
        if str(path) == lost.rpartition("/")[2]:  # below the descriptor of its folder
            raise PermissionError(13, "Permission denied", path)
        return real_open(path, *arguments, **options)

    monkeypatch.setattr(os, "open", failing_open)

    report = packhouse.pack(dataset.folder, tmp_path / "shop.pack")

    assert [one.path for one in report.failed] == [lost]
    assert report.totals.images == len(dataset.files) - 1
    seen: list[str] = []
    with h5py.File(tmp_path / "shop.pack" / "images.h5") as file:
        file.visititems(lambda name, thing: seen.append(name) if isinstance(thing, h5py.Dataset) else None)
    with packhouse.open(tmp_path / "shop.pack") as pack:
        assert sorted(pack.images) == sorted(seen)
        assert len(seen) == len(dataset.files) - 1


def test_a_broken_table_stops_neither_the_others_nor_the_images(dataset: DataSet, tmp_path: Path) -> None:
    """The join that needs it is not made, and both are listed."""
    with (dataset.folder / "customers.csv").open("a") as file:
        file.write("one cell too few\n")

    report = packhouse.pack(dataset.folder, tmp_path / "shop.pack", joins=[JOIN])

    assert {table.name for table in report.tables} == {"articles", "transactions_train"}
    assert [one.path for one in report.failed] == ["customers.csv", "join train"]
    assert "line 32" in report.failed[0].message
    assert "one cell too few" in report.failed[0].message
    assert report.totals.failed == 1


def test_on_error_stop_leaves_what_the_next_run_goes_on_with(dataset: DataSet, tmp_path: Path) -> None:
    """With on_error="stop" the first broken table raises; when it is mended, no image is read again."""
    (dataset.folder / "customers.csv").write_text("a,b\n1\n")

    with pytest.raises(packhouse.PackhouseError, match="the row has 1 cells, the header has 2") as caught:
        packhouse.pack(dataset.folder, tmp_path / "shop.pack", on_error="stop")

    assert "run the same command again" in caught.value.__notes__[0]
    assert sorted(os.listdir(tmp_path)) == ["shop", "shop.pack.packing"]
    (dataset.folder / "customers.csv").write_text("a,b\n1,2\n")
    report = packhouse.pack(dataset.folder, tmp_path / "shop.pack", on_error="stop")
    assert report.resumed == Resumed(found=24, changed=0, copied=0)
    assert sorted(os.listdir(tmp_path)) == ["shop", "shop.pack"]


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda folder: folder / "absent", SourceNotFoundError, "does not exist"),
        (lambda folder: (folder / "new").mkdir() or folder / "new", SourceNotFoundError, "no image"),
        (lambda folder: folder / "articles.csv", SourceError, "no column contains paths"),
    ],
)
def test_a_source_that_is_none_is_refused(
    dataset: DataSet,
    tmp_path: Path,
    make: Callable[[Path], Path],
    error: type[Exception],
    says: str,
) -> None:
    """A missing, empty or wrong SRC is an error that says so, and nothing is written."""
    with pytest.raises(error, match=says):
        packhouse.pack(make(dataset.folder), tmp_path / "shop.pack")

    assert os.listdir(tmp_path) == ["shop"]


def test_dest_is_never_replaced_unasked(dataset: DataSet, tmp_path: Path) -> None:
    """DEST that exists is refused; --overwrite replaces a pack, but no other folder."""
    dest = tmp_path / "shop.pack"
    dest.mkdir()
    (dest / "mine.txt").write_text("precious")

    with pytest.raises(DestinationExistsError, match="already exists"):
        packhouse.pack(dataset.folder, dest)
    with pytest.raises(DestinationExistsError, match="not a pack"):
        packhouse.pack(dataset.folder, dest, overwrite=True)
    assert (dest / "mine.txt").read_text() == "precious"

    packhouse.pack(dataset.folder, tmp_path / "two.pack")
    packhouse.pack(dataset.folder, tmp_path / "two.pack", overwrite=True, link=False)
    assert packhouse.open(tmp_path / "two.pack").links == ()


def test_a_disk_that_is_too_small_is_seen_before_writing(
    dataset: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The needed and the free bytes are named, and nothing is written."""
    monkeypatch.setattr(planning, "free_bytes", lambda _dest: 1000)

    with pytest.raises(NoSpaceError, match="1,000 free"):
        packhouse.pack(dataset.folder, tmp_path / "shop.pack")

    assert os.listdir(tmp_path) == ["shop"]


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"link": "articles.articleid"}, ColumnNotFoundError, "did you mean article_id"),
        ({"link": "article.article_id"}, ColumnNotFoundError, "did you mean articles"),
        (
            {"joins": ["t = transactions + customers on customer_id"]},
            ColumnNotFoundError,
            "transactions_train",
        ),
        ({"joins": ["t = articles + customers on customer"]}, ColumnNotFoundError, "no column 'customer'"),
        ({"joins": ["articles = articles + customers on x"]}, UsageError, "name of a table"),
        ({"joins": ["gibberish"]}, UsageError, "cannot read the join"),
        ({"text": ["articles.nope"]}, ColumnNotFoundError, "no column 'nope'"),
        ({"types": {"articles.name": "number"}}, UsageError, "not a type"),
        ({"workers": 0}, UsageError, "workers is 0"),
        ({"memory_limit": "lots"}, UsageError, "not a memory size"),
    ],
)
def test_bad_options_are_seen_before_any_work(
    dataset: DataSet, tmp_path: Path, options: dict[str, object], error: type[Exception], says: str
) -> None:
    """Each names what is wrong and, where there is one, the nearest name."""
    with pytest.raises(error, match=says):
        packhouse.pack(dataset.folder, tmp_path / "shop.pack", **options)  # type: ignore[arg-type]

    assert os.listdir(tmp_path) == ["shop"]


def test_a_duplicate_key_on_the_right_names_examples(dataset: DataSet, tmp_path: Path) -> None:
    """The join fails and is listed with the keys that repeat; everything else is packed."""
    first = dataset.customers[0]
    with (dataset.folder / "customers.csv").open("a") as file:
        file.write(f"{first},,,\n")

    report = packhouse.pack(dataset.folder, tmp_path / "shop.pack", joins=[JOIN])

    assert [one.path for one in report.failed] == ["join train"]
    assert f"{first} (2 rows)" in report.failed[0].message
    assert len(report.tables) == 3


def test_a_demanded_type_that_does_not_fit_names_an_example(dataset: DataSet, tmp_path: Path) -> None:
    """--types is a demand: a value that does not fit fails the table with an example."""
    with pytest.raises(TypingError, match="Dress 0"):
        packhouse.pack(
            dataset.folder, tmp_path / "shop.pack", types={"articles.name": "integer"}, on_error="stop"
        )


def test_a_dry_run_writes_nothing_and_foresees_the_pack(dataset: DataSet, tmp_path: Path) -> None:
    """The plan names the keys and tables that the pack then has."""
    plan = packhouse.plan(dataset.folder, tmp_path / "shop.pack")

    assert os.listdir(tmp_path) == ["shop"]
    report = packhouse.pack(dataset.folder, tmp_path / "shop.pack")
    with packhouse.open(tmp_path / "shop.pack") as pack:
        assert [key.key for key in plan.keys.keys] == list(pack.images)
    assert [table.file for table in plan.tables] == [table.file for table in report.tables]
    written = sum(path.stat().st_size for path in (tmp_path / "shop.pack").iterdir())
    assert plan.needed_bytes > 0.5 * written


def test_progress_tells_of_every_stage(dataset: DataSet, tmp_path: Path) -> None:
    """Scanning, images, each table, the link and each join begin and end."""
    events: list[Event] = []
    lock = threading.Lock()

    def listen(event: Event) -> None:
        with lock:
            events.append(event)

    report = packhouse.pack(dataset.folder, tmp_path / "shop.pack", joins=[JOIN], progress=listen)

    assert (report.failed, [table.name for table in report.tables]) == (
        (),
        ["articles", "customers", "transactions_train"],
    )
    begun = [event.task for event in events if isinstance(event, Started)]
    ended = [event.task for event in events if isinstance(event, Finished)]
    assert begun == ended
    assert begun == [
        "scanning",
        "layout",
        "images",
        "table articles",
        "table customers",
        "table transactions_train",
        "search links",
        "link articles",
        "join train",
    ]


def test_a_pack_inside_its_source_does_not_pack_itself(dataset: DataSet) -> None:
    """DEST below SRC is left out of the scan, also at the second run."""
    packhouse.pack(dataset.folder, dataset.folder / "shop.pack")

    report = packhouse.pack(dataset.folder, dataset.folder / "shop.pack", overwrite=True)

    assert report.totals.images == len(dataset.files)


def test_overwrite_never_removes_what_is_not_the_packs(dataset: DataSet, tmp_path: Path) -> None:
    """Not the source itself, nor a DEST around it, nor a pack into which somebody put a file."""
    packhouse.pack(dataset.folder, tmp_path / "shop.pack")
    (dataset.folder / "pack.json").write_text("{}")
    (tmp_path / "shop.pack" / "notes.txt").write_text("precious")
    before = tree(tmp_path)

    for source, dest, says in (
        (dataset.folder, dataset.folder, "SRC is inside DEST"),
        (dataset.folder / "images", dataset.folder, "SRC is inside DEST"),
        (dataset.folder, tmp_path / "shop.pack", r"notes\.txt"),
    ):
        with pytest.raises(DestinationExistsError, match=says):
            packhouse.pack(source, dest, overwrite=True)

    assert tree(tmp_path) == before


def test_tables_may_have_the_names_of_what_is_at_work(tmp_path: Path) -> None:
    """DEST.packing has folders and files of its own; none of them is in the way of a table."""
    names = ["filling-1", "images-1", "images", "journal", "lock", "spill", "tables", "unfinished"]
    for name in names:
        (tmp_path / "src").mkdir(exist_ok=True)
        (tmp_path / "src" / f"{name}.csv").write_text("a\n1\n")
    (tmp_path / "src" / "a.jpg").write_bytes(jpeg(1))

    for _ in range(2):
        report = packhouse.pack(tmp_path / "src", tmp_path / "a.pack", overwrite=True)
        assert report.is_complete
        made = {
            path.stem: pd.read_parquet(path).to_dict("list")
            for path in (tmp_path / "a.pack").glob("*.parquet")
        }
        assert {name: made[name] for name in names} == {name: {"a": [1]} for name in names}
        assert [path.name for path in (tmp_path / "a.pack").iterdir() if path.name.startswith(".")] == []


def test_tables_may_have_dots_and_dashes_in_their_names(tmp_path: Path) -> None:
    """Joins and types name them as they are."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "sales.2020-01.csv").write_text("id,n\n1,2\n2,3\n")
    (tmp_path / "src" / "my-shops.csv").write_text("id,city\n1,Oslo\n2,Rome\n")

    report = packhouse.pack(
        tmp_path / "src",
        tmp_path / "x.pack",
        joins=["by-city = sales.2020-01 + my-shops on id"],
        text=["sales.2020-01.n"],
    )

    assert report.failed == ()
    assert report.joins[0].rows == 2
    assert pq.read_table(tmp_path / "x.pack" / "by-city.parquet").to_pylist()[0] == {
        "id": 1,
        "n": "2",
        "city": "Oslo",
    }


def test_a_table_whose_folder_has_the_name_of_another_file_fails_alone(
    dataset: DataSet, tmp_path: Path
) -> None:
    """A folder images.h5 with a CSV in it cannot be in the pack; everything else is."""
    (dataset.folder / "images.h5").mkdir()
    (dataset.folder / "images.h5" / "y.csv").write_text("a\n1\n")

    report = packhouse.pack(dataset.folder, tmp_path / "shop.pack")

    assert [one.path for one in report.failed] == ["images.h5/y.csv"]
    assert len(report.tables) == 3


@pytest.mark.parametrize("name", ["image_index.parquet", "pack.json"])
def test_a_disk_that_runs_full_at_the_end_is_a_clean_error(
    dataset: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Also in the index and the manifest: NoSpaceError, and a run with more space goes on."""
    real_fsync = os.fsync

    def full(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == name:
            raise OSError(28, "No space left on device")
        real_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(NoSpaceError):
        packhouse.pack(dataset.folder, tmp_path / "shop.pack")

    assert not (tmp_path / "shop.pack").exists()
    monkeypatch.undo()
    report = packhouse.pack(dataset.folder, tmp_path / "shop.pack")
    assert report.resumed == Resumed(found=24, changed=0, copied=0)


def test_dest_is_left_out_however_it_is_spelled(dataset: DataSet, tmp_path: Path) -> None:
    """Also through a link and with "..", a pack below SRC is not packed again."""
    (tmp_path / "way").symlink_to(dataset.folder)
    packhouse.pack(dataset.folder, tmp_path / "way" / "images" / ".." / "shop.pack")

    report = packhouse.pack(tmp_path / "way", dataset.folder / "shop.pack", overwrite=True)

    assert report.totals.seen == len(dataset.files) + 3


def test_a_single_string_is_one_glob(dataset: DataSet, tmp_path: Path) -> None:
    """images="*.jpg" means what ["*.jpg"] means."""
    (dataset.folder / "notes.txt").write_text("x")

    report = packhouse.pack(dataset.folder, tmp_path / "shop.pack", images="*.jpg", joins=JOIN)

    assert report.totals.images == len(dataset.files)
    assert [join.name for join in report.joins] == ["train"]


def test_folders_of_images_without_any_table(dataset: DataSet, tmp_path: Path) -> None:
    """A folder-class data set packs and opens; it has no link and no rows."""
    report = packhouse.pack(dataset.folder / "images", tmp_path / "x.pack")

    assert report.links == ()
    with packhouse.open(tmp_path / "x.pack") as pack:
        assert sum(pack.images.groups.values()) == len(dataset.files)
        assert pack.row(next(iter(pack.images))) is None
        assert list(pack.tables) == ["image_index"]


def test_tables_without_any_image(dataset: DataSet, tmp_path: Path) -> None:
    """A pack of tables alone opens, and asking it for images says why there are none."""
    packhouse.pack(dataset.folder, tmp_path / "x.pack", images=["*.nothing"])

    with packhouse.open(tmp_path / "x.pack") as pack:
        assert len(pack.tables["articles"]) == len(dataset.articles)
        with pytest.raises(packhouse.PackhouseError, match="tables only"):
            _ = pack.images


def test_the_manifest_is_the_report_without_place_and_time(dataset: DataSet, tmp_path: Path) -> None:
    """pack.json equals the report's manifest and names neither host, path nor time."""
    report = packhouse.pack(dataset.folder, tmp_path / "shop.pack", joins=[JOIN])

    text = (tmp_path / "shop.pack" / "pack.json").read_text(encoding="utf-8")
    said = json.loads(text)
    assert len(said.pop("digest")) == 32
    assert said == json.loads(json.dumps(report.to_manifest()))
    assert str(tmp_path) not in text
    assert "seconds" not in text


@pytest.mark.parametrize(
    ("engine", "workers"), [("local", 1), ("local", 5), ("processes", 1), ("processes", 3)]
)
def test_workers_do_not_show(
    dataset: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, workers: int
) -> None:
    """However many threads or processes copy, every file of the pack has the same bytes."""
    packhouse.pack(dataset.folder, tmp_path / "two.pack", workers=2)
    monkeypatch.setattr("packhouse._src.imagefile.write.writer.PIECE_IMAGES", 2)
    monkeypatch.setattr("packhouse._src.imagefile.write.writer.TASK_BYTES", (1, 3000))

    packhouse.pack(dataset.folder, tmp_path / "other.pack", workers=workers, engine=engine)

    for path in (tmp_path / "two.pack").iterdir():
        assert path.read_bytes() == (tmp_path / "other.pack" / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("a.parquet/b.csv", "both a file and a folder a.parquet"),
        ("pack.json/x.csv", "both a file and a folder pack.json"),
        ("image_index.parquet/x.csv", "both a file and a folder image_index.parquet"),
        ("j.parquet/c.csv", "both a file and a folder j.parquet"),
        ("x" * 245 + ".csv", "would be longer than"),
    ],
)
def test_tables_without_a_place_do_not_stop_the_others(tmp_path: Path, bad: str, said: str) -> None:
    """A folder named as a file of the pack, or too long a name: that table fails, the rest is packed."""
    source = tmp_path / "src"
    for name in ("a.tsv", "d.csv", "e.csv", bad):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("k\n1\n")

    report = packhouse.pack(source, tmp_path / "out.pack", joins="j = e + d on k")

    assert len(report.failed) == 1
    assert said in report.failed[0].message
    assert len(report.tables) == 3
    assert (tmp_path / "out.pack/pack.json").is_file()


def test_packs_of_one_process_share_nothing(dataset: DataSet, tmp_path: Path) -> None:
    """What a run that was stopped has made of the same data is for its own DEST, not for another."""

    def stop(event: Event) -> None:
        if isinstance(event, Started) and event.task == "join train":
            raise KeyboardInterrupt

    begun: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Started):
            begun.append(event.task)

    with pytest.raises(KeyboardInterrupt):
        packhouse.pack(dataset.folder, tmp_path / "one.pack", joins=[JOIN], progress=stop)
    assert (tmp_path / "one.pack.packing").exists()
    packhouse.pack(dataset.folder, tmp_path / "two.pack", joins=[JOIN], progress=listen)

    assert [task for task in begun if task.startswith("table ")] == [
        "table articles",
        "table customers",
        "table transactions_train",
    ]
