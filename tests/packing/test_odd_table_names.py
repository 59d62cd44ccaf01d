"""Tables whose names are patterns, paths or code elsewhere: each is read as itself."""

from __future__ import annotations

from pathlib import Path

import pytest

import packhouse
from packhouse.errors import CsvError

NAMES = [
    "\\", "[*?", "**", "a b", "%s", "$HOME", "q'", '"q"', ";", "-", "a\\b", "[a]", "a", "~", "?",
    "x\\", "a:b", "%5C5", "[!a]", "select", "*", "{a}",
]  # fmt: skip


@pytest.mark.parametrize("rows_per_file", [None, 1])
def test_each_table_is_read_as_itself(tmp_path: Path, rows_per_file: int | None) -> None:
    """By SQL, by a condition, by a join, whole; and the pack is sound."""
    (tmp_path / "src").mkdir()
    for number, name in enumerate(NAMES):
        (tmp_path / "src" / f"{name}.csv").write_text(f"k,v\n{number},{number}\nx{number},77\n")
    report = packhouse.pack(tmp_path / "src", tmp_path / "a.pack", rows_per_file=rows_per_file)
    assert (report.failed, len(report.tables)) == ((), len(NAMES))
    with packhouse.open(tmp_path / "a.pack") as pack:
        for number, name in enumerate(NAMES):
            table = pack.tables[name]
            quoted = '"' + name.replace('"', '""') + '"'
            assert table.to_arrow().to_pydict() == {"k": [str(number), f"x{number}"], "v": [number, 77]}
            query = f"SELECT k FROM {quoted} WHERE v = 77"  # noqa: S608  # our own names
            assert pack.sql(query).to_pydict() == {"k": [f"x{number}"]}
            assert table.scan(["k"], f"v = {number}").to_arrow()["k"][0].as_py() == str(number)
        joined = 'SELECT count(*) AS n FROM "[*?" JOIN "\\" USING (v)'
        assert pack.sql(joined).to_pydict() == {"n": [1]}
    assert packhouse.verify(tmp_path / "a.pack").is_sound


def test_two_tables_never_get_one_file(tmp_path: Path) -> None:
    """A backslash is written as %5C, which another name may have as it is."""
    (tmp_path / "src").mkdir()
    for name in ("a\\b", "a%5Cb"):
        (tmp_path / "src" / f"{name}.csv").write_text("k\n1\n")
    report = packhouse.pack(tmp_path / "src", tmp_path / "a.pack")
    assert [(one.path, one.error) for one in report.failed] == [("a\\b.csv", CsvError.__name__)]
    assert "--table-name" in report.failed[0].message
