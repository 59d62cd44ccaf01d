"""JSON Lines beside images and CSV files: linked, joined, sorted, kept and refused as other tables are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import packhouse
from packhouse._src.packing import table_stage
from packhouse.errors import ColumnNotFoundError, UsageError
from small_dataset import jpeg


def lines(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows as JSON Lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def src(tmp_path: Path) -> Path:
    """Two splits with images of the same names, each described beside them; and two tables to join."""
    folder = tmp_path / "src"
    for split in ("train", "test"):
        (folder / split).mkdir(parents=True)
        for number in range(3):
            (folder / split / f"000{number}.jpg").write_bytes(jpeg(number, width=8, height=8))
        rows = [
            {"file_name": f"000{n}.jpg", "text": f"{split} {n}", "objects": {"bbox": [n, 1.50]}}
            for n in range(3)
        ]
        (folder / split / "metadata.jsonl").write_text(lines(rows))
    (folder / "sales.ndjson").write_text(
        lines([{"article": n % 2, "price": n / 4, "day": "2020-01-01"} for n in range(4)])
    )
    (folder / "articles.csv").write_text("article,name\n0000000000,zero\n0000000001,one\n")
    return folder


JOIN = "sold = sales + articles on article"


def test_tables_are_linked_joined_and_sorted(src: Path, tmp_path: Path) -> None:
    """Paths are relative to the folder of the table; ids of numbers get their zeros back."""
    dest = tmp_path / "x.pack"

    report = packhouse.pack(
        src,
        dest,
        joins=[JOIN],
        pad={"sales.article": 10},
        types={"sales.day": "date"},
        sort={"sales": "price"},
    )

    assert report.is_complete
    assert {(link.table, link.rows_with_image) for link in report.links} == {
        ("train_metadata", 3),
        ("test_metadata", 3),
    }
    with packhouse.open(dest) as pack:
        linked = pack.tables["test_metadata"].to_arrow().to_pylist()
        assert [row["image_key"] for row in linked] == ["test/0000", "test/0001", "test/0002"]
        assert linked[2]["objects"] == '{"bbox": [2, 1.5]}'
        assert [row["text"] for row in pack.rows("train/0001")["train_metadata"]] == ["train 1"]
        assert [(row["article"], row["name"]) for row in pack.tables["sold"].to_arrow().to_pylist()] == [
            ("0000000000", "zero"),
            ("0000000001", "one"),
            ("0000000000", "zero"),
            ("0000000001", "one"),
        ]
        sales = pack.tables["sales"].to_arrow()
        assert [str(day) for day in sales["day"].to_pylist()] == ["2020-01-01"] * 4
        assert sales["price"].to_pylist() == [0, 0.25, 0.5, 0.75]
    again = packhouse.pack(src, tmp_path / "y.pack", joins=[JOIN], pad={"sales.article": 10}, rows_per_file=2)
    assert [len(join.parts) for join in again.joins] == [2]


def test_an_update_converts_what_has_changed(
    src: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is as it was is kept; of a table that has changed, only that is read again."""
    dest, done = tmp_path / "x.pack", []
    packhouse.pack(src, dest, link=False)
    real = getattr(table_stage, "convert_table")  # noqa: B009  # as the stage has it

    def watch(*args: Any, **options: Any) -> Any:  # noqa: ANN401
        done.append(args[1].name)
        return real(*args, **options)

    monkeypatch.setattr(table_stage, "convert_table", watch)

    assert packhouse.pack(src, dest, update=True, link=False).up_to_date
    assert done == []
    with (src / "sales.ndjson").open("a") as file:
        file.write('{"article": 7, "new": 1}\n')
    packhouse.pack(src, dest, update=True, link=False)

    assert done == ["sales"]
    with packhouse.open(dest) as pack:
        assert pack.tables["sales"].to_arrow().to_pylist()[-1] == {
            "article": 7,
            "price": None,
            "day": None,
            "new": 1,
        }


@pytest.mark.parametrize(
    "options",
    [{"delimiter": ["sales=;"]}, {"no_header": ["sales"]}, {"skip_lines": {"sales": 1}}],
    ids=lambda options: next(iter(options)),
)
def test_options_for_csv_are_refused(src: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    """A table that has neither delimiter nor header takes no such option."""
    with pytest.raises(
        UsageError, match=f"{next(iter(options))} is for CSV tables, and sales.ndjson is none"
    ):
        packhouse.pack(src, tmp_path / "x.pack", **options)


def test_names_are_checked_before_anything_is_written(src: Path, tmp_path: Path) -> None:
    """Columns of the last line count; an unknown one is refused with the nearest."""
    (src / "sales.ndjson").write_text('{"a": 1}\n' * 3 + '{"article": 1}\n')

    assert (
        packhouse.pack(src, tmp_path / "x.pack", joins=[JOIN], pad={"sales.article": 10}).joins[0].rows == 1
    )
    with pytest.raises(ColumnNotFoundError, match="articel"):
        packhouse.pack(src, tmp_path / "y.pack", text=["sales.articel"])


def test_a_broken_table_stops_nothing_else(src: Path, tmp_path: Path) -> None:
    """It is listed as failed with file and line; the rest is packed."""
    (src / "sales.ndjson").write_text('{"a": 1}\n{"a": 1, "a": 2}\n')
    (src / "articles.jsonl").write_text('{"a": 1}\n')

    report = packhouse.pack(src, tmp_path / "x.pack")

    assert [one.path for one in report.failed] == ["articles.jsonl", "sales.ndjson"]
    assert "would have the name articles, like that of articles.csv" in report.failed[0].message
    assert "the key 'a' is there twice\n  in sales.ndjson, line 2" in report.failed[1].message
    assert len(report.tables) == 3
