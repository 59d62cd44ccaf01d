"""packhouse.toml beside the data: what it sets, what the command line overrides, what it refuses."""

from __future__ import annotations

import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import packhouse
from packhouse import PackOptions
from packhouse._src.packing.settings import merge_settings
from packhouse.errors import ColumnNotFoundError, UsageError

LABELS = "id,size,note\n1,10,a\n2,20,b\n"
SETTINGS = """
text = ["labels.id"]
compression = "gzip"

[types]
labels.size = "float"
"""


def write(folder: Path, settings: str = SETTINGS, **files: str) -> Path:
    """Make a data set of one table, with its settings."""
    folder.mkdir()
    (folder / "packhouse.toml").write_text(settings)
    for name, text in {"labels.csv": LABELS, **files}.items():
        (folder / name).write_text(text)
    return folder


def types_of(pack: Path) -> dict[str, str]:
    """Return column -> type of labels.parquet, as pyarrow reads it."""
    schema = pq.ParquetFile(pack / "labels.parquet").schema_arrow
    return {field.name: str(field.type) for field in schema}


def test_the_settings_beside_the_data_count(tmp_path: Path) -> None:
    """Types, text and compression are as packhouse.toml says, and pack.json has them as options."""
    report = packhouse.pack(write(tmp_path / "src"), tmp_path / "out.pack")

    assert types_of(tmp_path / "out.pack") == {"id": "string", "size": "double", "note": "string"}
    footer = pq.ParquetFile(tmp_path / "out.pack/labels.parquet").metadata
    assert footer.row_group(0).column(0).compression == "GZIP"
    assert report.options["text"] == ("labels.id",)
    assert report.options["types"] == {"labels.size": "float"}


def test_the_settings_are_accounted_for_and_nothing_is_skipped(tmp_path: Path) -> None:
    """Files seen = tables + settings: packhouse.toml is neither packed nor called skipped."""
    report = packhouse.pack(write(tmp_path / "src"), tmp_path / "out.pack")

    assert (report.totals.seen, report.totals.tables, report.totals.settings) == (2, 1, 1)
    assert report.skipped == ()
    assert report.is_clean
    assert json.loads((tmp_path / "out.pack/pack.json").read_text())["files"]["settings"] == 1


def test_what_the_caller_says_counts_more(tmp_path: Path) -> None:
    """An option that is given wins; columns that it does not speak of keep their settings."""
    packhouse.pack(
        write(tmp_path / "src"),
        tmp_path / "out.pack",
        text=["labels.size"],
        types={"labels.id": "integer"},
        compression="snappy",
    )

    assert types_of(tmp_path / "out.pack") == {"id": "int64", "size": "string", "note": "string"}
    footer = pq.ParquetFile(tmp_path / "out.pack/labels.parquet").metadata
    assert footer.row_group(0).column(0).compression == "SNAPPY"


def test_an_update_follows_the_settings_of_now(tmp_path: Path) -> None:
    """Settings that have changed count more than those with which the pack was made."""
    source = write(tmp_path / "src")
    packhouse.pack(source, tmp_path / "out.pack")
    (source / "packhouse.toml").write_text('[types]\nlabels.size = "text"\n')

    packhouse.pack(source, tmp_path / "out.pack", update=True)

    assert types_of(tmp_path / "out.pack")["size"] == "string"


@pytest.mark.parametrize("top", ["", "data/"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_settings_in_an_archive(tmp_path: Path, kind: str, top: str) -> None:
    """An archive has its settings at its top, or in the one folder that holds all of it."""
    settings = SETTINGS.replace("labels.", top.replace("/", "_") + "labels.")
    files = list(write(tmp_path / "src", settings).iterdir())
    path = tmp_path / f"a.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in files:
                archive.write(file, top + file.name)
    else:
        with tarfile.open(path, "w") as tar:
            for file in files:
                tar.add(file, top + file.name)

    report = packhouse.pack(path, tmp_path / "out.pack")

    (table,) = report.tables
    assert [column.arrow for column in table.columns] == ["string", "double", "string"]
    assert report.totals.settings == 1


def test_a_settings_file_elsewhere_is_only_a_file(tmp_path: Path) -> None:
    """In a folder beside others it sets nothing, and is listed as skipped."""
    source = write(tmp_path / "src")
    below = source / "below"
    below.mkdir()
    (source / "packhouse.toml").rename(below / "packhouse.toml")

    report = packhouse.pack(source, tmp_path / "out.pack")

    assert types_of(tmp_path / "out.pack")["size"] == "int64"
    assert [one.path for one in report.skipped] == ["below/packhouse.toml"]


@pytest.mark.parametrize(
    ("settings", "problem", "hint"),
    [
        ("text = [", "cannot be read as TOML", "docs"),
        ("txt = []", "unknown setting 'txt'", "did you mean text?"),
        ("workers = 2", "unknown setting 'workers'", "settings: joins"),
        ("text = 3", "'text' is 3", "use a list of strings"),
        ("types = 3", "[types] must be a TOML table", "write [types]"),
        ("[types]\nlabels.size = 3", "types.labels.size is 3", "in quotes"),
        ('[types]\nlabels.size = "money"', "'money' is not a type, for labels.size", "one of text, integer"),
        ("compression = 3", "'compression' is 3", 'compression = "zstd"'),
        ('compression = "rar"', "compression is 'rar'", "one of zstd"),
        ('allow_many = "yes"', "'allow_many' is 'yes'", "allow_many = true"),
        ('encoding = "klingon"', "'klingon' is not a text encoding", "cp1252"),
        ('joins = ["a"]', "cannot read the join 'a'", "--join"),
    ],
)
def test_settings_that_are_refused(tmp_path: Path, settings: str, problem: str, hint: str) -> None:
    """A setting that is no option, or has a value of another kind, names the file and what to write."""
    with pytest.raises(UsageError) as caught:
        packhouse.pack(write(tmp_path / "src", settings), tmp_path / "out.pack")

    assert caught.value.problem.startswith(problem)
    assert hint in caught.value.hint
    assert caught.value.where.file == "packhouse.toml"
    assert not (tmp_path / "out.pack").exists()


def test_settings_that_are_not_utf8(tmp_path: Path) -> None:
    """TOML is UTF-8."""
    source = write(tmp_path / "src")
    (source / "packhouse.toml").write_bytes(b'text = ["gr\xf6sse.id"]\n')

    with pytest.raises(UsageError, match="cannot be read as TOML"):
        packhouse.pack(source, tmp_path / "out.pack")


@pytest.mark.parametrize(
    ("said", "given", "expected"),
    [
        ({"how": "left"}, {}, {"how": "left"}),
        ({"link": False}, {}, {"link": False}),
        ({"link": False}, {"link": ("a.b",)}, {"link": ("a.b",)}),
        ({"joins": "t = a + b on c"}, {}, {"joins": ("t = a + b on c",)}),
        ({"encoding": {"a": "cp1252", "b": "latin-1"}}, {}, {"encoding": ("a=cp1252", "b=latin-1")}),
        ({"encoding": "cp1252"}, {"encoding": ("a=gbk",)}, {"encoding": ("cp1252", "a=gbk")}),
        ({"types": {"a": {"b": "text"}}}, {"types": {"a.b": "date"}}, {"types": {"a.b": "date"}}),
        ({"text": ["a.b"]}, {"types": {"a.b": "date"}}, {"text": (), "types": {"a.b": "date"}}),
    ],
)
def test_settings_and_options_together(
    said: dict[str, Any], given: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Each setting becomes the option of its name; what is given counts more."""
    found = merge_settings(said, PackOptions(**given))

    assert {name: getattr(found, name) for name in expected} == expected


def test_a_dry_run_says_that_there_are_settings(tmp_path: Path) -> None:
    """The plan names packhouse.toml and has its options."""
    plan = packhouse.plan(write(tmp_path / "src"), tmp_path / "out.pack")

    assert plan.settings == "packhouse.toml"
    assert plan.options.types == {"labels.size": "float"}


def test_the_encoding_of_one_table(tmp_path: Path) -> None:
    """Only the table that is named is read in its encoding; its note says so."""
    source = write(tmp_path / "src", '[encoding]\nold = "cp1252"\n')
    (source / "old.csv").write_bytes("größe,preis\n1,3€\n".encode("cp1252"))
    (source / "new.csv").write_text("größe,preis\n1,3€\n", encoding="utf-8")

    report = packhouse.pack(source, tmp_path / "out.pack")

    tables = [pq.ParquetFile(tmp_path / f"out.pack/{name}.parquet").read() for name in ("old", "new")]
    assert tables[0].to_pydict() == tables[1].to_pydict() == {"größe": [1], "preis": ["3€"]}
    assert {table.name: table.notes for table in report.tables}["old"] == ("read as cp1252, as requested",)


def test_a_default_that_is_said_counts_more_than_the_settings(tmp_path: Path) -> None:
    """Also a value that would be taken anyway is the caller's word."""
    source = write(tmp_path / "src", 'compression = "gzip"\nhow = "left"\n')

    report = packhouse.pack(source, tmp_path / "out.pack", compression="zstd", how="inner")

    footer = pq.ParquetFile(tmp_path / "out.pack/labels.parquet").metadata
    assert footer.row_group(0).column(0).compression == "ZSTD"
    assert report.options["how"] == "inner"


def test_a_setting_that_is_gone_is_forgotten_by_an_update(tmp_path: Path) -> None:
    """An update keeps what the caller had said, and reads packhouse.toml anew."""
    source = write(tmp_path / "src")
    packhouse.pack(source, tmp_path / "out.pack", text=["labels.note"], types={"labels.id": "integer"})
    (source / "packhouse.toml").unlink()

    packhouse.pack(source, tmp_path / "out.pack", update=True, text=["labels.id"])

    assert types_of(tmp_path / "out.pack") == {"id": "string", "size": "int64", "note": "string"}


@pytest.mark.parametrize("junk", [".DS_Store", "__MACOSX/data/._labels.csv"])
def test_junk_beside_the_one_folder_hides_no_settings(tmp_path: Path, junk: str) -> None:
    """Every zip made on a Mac has some."""
    settings = SETTINGS.replace("labels.", "data_labels.")
    write(tmp_path / "data", settings).rename(tmp_path / "moved")
    source = tmp_path / "src"
    source.mkdir()
    (tmp_path / "moved").rename(source / "data")
    (source / junk).parent.mkdir(parents=True, exist_ok=True)
    (source / junk).write_text("x")

    report = packhouse.pack(source, tmp_path / "out.pack")

    assert report.totals.settings == 1
    assert [column.arrow for column in report.tables[0].columns] == ["string", "double", "string"]


def test_settings_saved_with_a_byte_order_mark(tmp_path: Path) -> None:
    """As some editors write UTF-8."""
    source = write(tmp_path / "src")
    (source / "packhouse.toml").write_bytes(b"\xef\xbb\xbf" + SETTINGS.encode())

    packhouse.pack(source, tmp_path / "out.pack")

    assert types_of(tmp_path / "out.pack")["size"] == "double"


@pytest.mark.parametrize("sort", ["a = 5", 'a = ["v", 3]'])
def test_orders_that_are_none(tmp_path: Path, sort: str) -> None:
    """A number is no name of a column."""
    with pytest.raises(UsageError, match="cannot sort a by"):
        packhouse.pack(write(tmp_path / "src", f"[sort]\n{sort}\n"), tmp_path / "out.pack")


def test_compact_keys_of_joins_that_stand_in_the_settings(tmp_path: Path) -> None:
    """Options are held against each other when all are known."""
    source = write(
        tmp_path / "src", 'joins = ["t = b + a on k"]\n', **{"a.csv": "k,x\nu,1\nv,2\n", "b.csv": "k\nv\nu\n"}
    )

    packhouse.pack(source, tmp_path / "out.pack", compact_keys=True)

    assert pq.ParquetFile(tmp_path / "out.pack/t.parquet").read().column_names == ["k_ix", "x"]
    with pytest.raises(UsageError, match="compact keys need a join"):
        packhouse.pack(write(tmp_path / "other", ""), tmp_path / "none.pack", compact_keys=True)


def test_the_last_encoding_that_is_said_counts(tmp_path: Path) -> None:
    """Of one table before that of all; a table that is not there is an error."""
    options = PackOptions(encoding=("cp1252", "a=gbk", "latin-1", "a=cp437"))

    assert (options.encoding_of("a"), options.encoding_of("b")) == ("cp437", "latin-1")
    with pytest.raises(ColumnNotFoundError, match="there is no table 'nosuch'"):
        packhouse.pack(write(tmp_path / "src", ""), tmp_path / "x.pack", encoding="nosuch=cp1252")
