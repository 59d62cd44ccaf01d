"""Planted leaks, copies and contradictions are found, each once, and nothing else is."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import packhouse
from packhouse._src.cli.main import group
from packhouse.errors import ColumnNotFoundError, UsageError
from small_dataset import jpeg

ROWS = [
    # file, patient, finding, split, picture
    ("train/a.jpg", "p1", "mole", "train", 1),
    ("train/b.jpg", "p1", "mole", "train", 2),
    ("train/c.jpg", "p2", "naevus", "train", 3),
    ("train/d.jpg", "p3", "mole", "train", 1),  # a copy in the same split
    ("test/e.jpg", "p4", "naevus", "test", 3),  # a copy in another one
    ("test/f.jpg", "p3", "mole", "test", 4),  # a patient of both
    ("test/g.jpg", "", "mole", "test", 5),
    ("test/h.jpg", "p5", "naevus", "test", 5),  # a copy with another finding
    ("val/i.jpg", "p6", "", "val", 6),
]


def write(source: Path, rows: list[tuple[str, str, str, str, int]] = ROWS) -> Path:
    """Write images and their table."""
    for path, *_rest, picture in rows:
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes(jpeg(picture))
    with (source / "photos.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "patient", "finding", "part"])
        writer.writerows([path, patient, finding, split] for path, patient, finding, split, _ in rows)
    return source


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is planted above, and a broken image."""
    folder = tmp_path_factory.mktemp("checked")
    source = write(folder / "src")
    (source / "val/j.jpg").write_bytes(jpeg(9)[:200])
    packhouse.pack(source, folder / "a.pack")
    return folder / "a.pack"


def test_copies_in_several_splits_are_leaks(pack: Path) -> None:
    """Copies in one split are none."""
    report = packhouse.check(pack)
    assert report.splits == {"train": 4, "val": 2, "test": 4}
    assert [group.keys for group in report.duplicates] == [
        ("test/e", "train/c"),
        ("test/g", "test/h"),
        ("train/a", "train/d"),
    ]
    assert [(group.keys, group.splits) for group in report.leaks] == [
        (("test/e", "train/c"), ("train", "test"))
    ]
    assert report.has_leaks
    assert list(report.problems) == ["val/j"]
    assert (report.label, report.classes, report.conflicts) == (None, {}, ())


def test_values_in_several_splits_are_leaks(pack: Path) -> None:
    """Patient p3; an empty cell is no patient."""
    report = packhouse.check(pack, together="photos.patient")
    assert [(one.value, one.counts) for one in report.shared_values] == [("p3", {"train": 1, "test": 1})]


def test_copies_with_several_labels_are_conflicts(pack: Path) -> None:
    """And the classes are counted."""
    report = packhouse.check(pack, label="photos.finding")
    assert [(group.keys, group.labels) for group in report.conflicts] == [
        (("test/g", "test/h"), ("mole", "naevus"))
    ]
    assert report.classes == {"mole": 5, "naevus": 3}
    assert report.unlabelled == 2


def test_splits_of_a_column(pack: Path) -> None:
    """The same here as by folders; the image without a row is in none."""
    report = packhouse.check(pack, split_column="photos.part", together="patient")
    assert report.splits == {"train": 4, "val": 1, "test": 4}
    assert len(report.leaks) == len(report.shared_values) == 1


def test_a_pack_without_splits_has_no_leaks(tmp_path: Path) -> None:
    """Its copies are listed all the same; folders are classes."""
    rows = [(f"{'cat' if place < 20 else 'dog'}/{place}.jpg", "p", "", "", place % 21) for place in range(22)]
    packhouse.pack(write(tmp_path / "src", rows), tmp_path / "a.pack")
    report = packhouse.check(tmp_path / "a.pack", label="group", together="photos.patient")
    assert (report.splits, report.has_leaks, report.leaks, report.shared_values) == ({}, False, (), ())
    assert [group.labels for group in report.conflicts] == [("cat", "dog")]
    assert "group: 2 classes, from dog with 2 to cat with 20 images (1 to 10;" in str(report)
    assert "no splits" in str(report)


def test_the_command_says_it_and_ends_with_4(pack: Path) -> None:
    """In words and as JSON; without a leak it ends with 0."""
    run = CliRunner().invoke
    arguments = ["check", str(pack), "--together", "photos.patient", "--label", "photos.finding"]
    done = run(group, arguments, standalone_mode=False)
    assert done.return_value == 4
    lines = done.stdout.splitlines()
    assert "LEAK 1 image with copies in several splits" in lines
    assert "    train and test: test/e = train/c" in lines
    assert "LEAK 1 value of photos.patient in several splits" in lines
    assert "    p3: train 1, test 1" in lines
    assert "CONFLICT 1 image with copies that have other labels" in lines
    assert "  1 image truncated: val/j" in lines
    document = json.loads(run(group, [*arguments, "--json"], standalone_mode=False).stdout)
    assert document["leaks"] is True
    assert document["shared_values"] == [{"value": "p3", "counts": {"train": 1, "test": 1}}]
    assert len(document["duplicates"]) == 3


def test_wrong_columns_are_errors(pack: Path) -> None:
    """With names that are near."""
    with pytest.raises(ColumnNotFoundError, match="patient"):
        packhouse.check(pack, together="photos.patiens")
    with pytest.raises(UsageError, match="do not name splits"):
        packhouse.check(pack, split_column="image_index.width")


def test_a_pack_of_tables_alone_is_refused(tmp_path: Path) -> None:
    """It says so."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/t.csv").write_text("a\n1\n")
    packhouse.pack(tmp_path / "src", tmp_path / "t.pack")
    with pytest.raises(packhouse.errors.NotAPackError, match="tables only"):
        packhouse.check(tmp_path / "t.pack")
