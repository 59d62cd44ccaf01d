"""Joins against pandas.merge, and what is said of them before and after."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packhouse._src.parquet_ import ROW_GROUP_ROWS, ParquetSource
from packhouse._src.sql.duckdb_ import Engine
from packhouse._src.sql.joins.join import RANGE_SHARE, join_tables
from packhouse._src.sql.joins.join_parsing import parse_join
from packhouse._src.sql.joins.join_specs import (
    check_joins,
    find_name,
    not_found,
    rename_right,
    resolve_joins,
)
from packhouse._src.sql.joins.join_sql import Chain
from packhouse._src.sql.query_output import Workbench
from packhouse._src.table_records import JoinManner, JoinReport, JoinSpec, JoinStep
from packhouse.errors import ColumnNotFoundError, DuplicateKeyError, TableError, UsageError, Where
from packhouse.progress import silent

Columns = Mapping[str, Any]
ROW = "the row"


def join(
    bench: Workbench,
    left: Columns,
    right: Columns,
    on: str = "k",
    *,
    how: str = "inner",
    allow_many: bool = False,
) -> tuple[JoinReport, list[dict[str, Any]]]:
    """Join two tables and return the report and the rows as pyarrow reads them."""
    for name, columns in (("l", left), ("r", right)):
        pq.write_table(pa.table(dict(columns)), bench.folder / f"{name}.parquet")
    (bench.folder / "j.parquet").unlink(missing_ok=True)
    files = {"l": "l.parquet", "r": "r.parquet"}
    manner = JoinManner(how, allow_many)
    report = join_tables(bench, parse_join(f"j = l + r on {on}"), files, manner=manner)
    return report, pq.ParquetFile(bench.folder / "j.parquet").read().to_pylist()


def merged(left: Columns, right: Columns, on: Sequence[str], how: str) -> list[dict[str, Any]]:
    """Join with pandas, rows in the order of left and then of right.

    To pandas a missing key equals a missing key; in SQL, and here, it equals nothing. So right rows with one
    are taken away first.
    """
    right_frame = pd.DataFrame(dict(right), dtype=object).dropna(subset=list(on))
    left_frame = pd.DataFrame(dict(left), dtype=object)
    rows = [ROW, f"{ROW}_r"]  # which order right rows come in differs from one pandas to the next
    for frame, row in zip((left_frame, right_frame), rows, strict=True):
        frame[row] = range(len(frame))
    frame = left_frame.merge(right_frame, on=list(on), how=how, suffixes=("", "_r"))
    frame = frame.sort_values(rows, kind="stable").drop(columns=rows)
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("train = a + b on id", JoinSpec("train", "a", (JoinStep("b", ("id",)),))),
        ("train=a+b on id", JoinSpec("train", "a", (JoinStep("b", ("id",)),))),
        ("  t  =  a  +  b  ON  id , day  ", JoinSpec("t", "a", (JoinStep("b", ("id", "day")),))),
        ("größe = a_1 + b2 on a column", JoinSpec("größe", "a_1", (JoinStep("b2", ("a column",)),))),
        ("t = a + a on id", JoinSpec("t", "a", (JoinStep("a", ("id",)),))),
        (
            "t = a.b + c-d on x+two words on y , z + e f on on",
            JoinSpec(
                "t",
                "a.b",
                (JoinStep("c-d", ("x",)), JoinStep("two words", ("y", "z")), JoinStep("e f", ("on",))),
            ),
        ),
        ("t = a + b on x = y", JoinSpec("t", "a", (JoinStep("b", ("x",), ("y",)),))),
        ("t = a + b on x=y,z", JoinSpec("t", "a", (JoinStep("b", ("x", "z"), ("y", "z")),))),
        (
            "t = a + b on two words = an other",
            JoinSpec("t", "a", (JoinStep("b", ("two words",), ("an other",)),)),
        ),
        ('t = "a + b" + "c, d" on "e, f"', JoinSpec("t", "a + b", (JoinStep("c, d", ("e, f",)),))),
        ('t = a + b on " x " = "y=""z"""', JoinSpec("t", "a", (JoinStep("b", (" x ",), ('y="z"',)),))),
        (
            't = a + "b on c" on x + d on "e" = f',
            JoinSpec("t", "a", (JoinStep("b on c", ("x",)), JoinStep("d", ("e",), ("f",)))),
        ),
    ],
)
def test_joins_that_are_read(text: str, spec: JoinSpec) -> None:
    """The form is NAME = LEFT + RIGHT on COLUMN[, COLUMN], further right tables behind, blanks at will."""
    assert parse_join(text) == spec
    assert parse_join(str(spec)) == spec


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "train",
            "a + b on id",
            "t = a + b",
            "t = a + b on",
            "t = a + b on ",
            "t = a + b on ,",
            "t = a + b on x,",
        ),
        *(
            "t = a + b + c on id",
            "t = a + b on id + c",
            "t = a + b on id + c on",
            "t = a + b on id + ",
            "t = a b on id",
            "t := a + b on id",
            ".t = a + b on id",
        ),
        *("t/u = a + b on id", "../t = a + b on id", "= a + b on id", "t = a + b onid"),
        *(
            "t = a + b on x = ",
            "t = a + b on = x",
            "t = a + b on x = y = z",
            't = a + b on "x',
            't = a + b on "x" y',
        ),
    ],
)
def test_joins_that_are_not_read(text: str) -> None:
    """Any other form is an error of usage that shows a right one."""
    with pytest.raises(UsageError, match="cannot read the join") as caught:
        parse_join(text)

    assert "on customer_id" in caught.value.hint


@pytest.mark.parametrize(
    "text", ["t = a + b on id, id", "t = a + b on x + c on id, day, id", "t = a + b on x = id, y = id"]
)
def test_a_column_named_twice_is_refused(text: str) -> None:
    """It would be no other join, but is a slip: more likely another column was meant."""
    with pytest.raises(UsageError, match="names the column 'id' twice"):
        parse_join(text)


TABLES = {"customers": ("customer_id", "age"), "transactions_train": ("customer_id", "price")}


def test_joins_are_checked_in_their_order() -> None:
    """A join may use the result of an earlier one, and the columns that one has."""
    first = parse_join("t = transactions_train + customers on customer_id")
    second = parse_join("u = t + customers on customer_id, age")

    check_joins([first, second], TABLES)

    with pytest.raises(ColumnNotFoundError, match="there is no table 't'"):
        check_joins([second, first], TABLES)


@pytest.mark.parametrize(
    ("text", "problem", "hint"),
    [
        ("t = transactions + customers on customer_id", "no table 'transactions'", "transactions_train"),
        ("t = transactions_train + custmers on customer_id", "no table 'custmers'", "customers"),
        ("t = transactions_train + customers on age = age", "no column 'age'", "customer_id, price"),
        ("t = transactions_train + customers on price = cost", "no column 'cost'", "customer_id, age"),
        ("t = transactions_train + customers on customerid", "no column 'customerid'", "customer_id"),
        (
            "t = transactions_train + customers on age",
            "no column 'age'",
            "columns present: customer_id, price",
        ),
        ("t = transactions_train + customers on customer_id, x", "no column 'x'", "customer_id, price"),
    ],
)
def test_what_is_missing_is_named_with_the_nearest(text: str, problem: str, hint: str) -> None:
    """A table or column that is not there stops before any work, with what is there."""
    with pytest.raises(ColumnNotFoundError) as caught:
        check_joins([parse_join(text)], TABLES)

    assert problem in caught.value.problem
    assert hint in caught.value.hint


@pytest.mark.parametrize("name", ["customers", "CUSTOMERS"])
def test_a_join_may_not_have_the_name_of_a_table(name: str) -> None:
    """SQL does not tell upper from lower case, so neither may take the other's place."""
    with pytest.raises(UsageError, match="has the name of a table"):
        check_joins([parse_join(f"{name} = transactions_train + customers on customer_id")], TABLES)


def test_nothing_near_is_not_guessed() -> None:
    """Without a near name the error lists what is there."""
    error = not_found("table", "zzz", ["a", "b"], Where())

    assert error.hint == "tables present: a, b"
    assert not_found("table", "zzz", [], Where()).hint == "tables present: none"


def test_columns_of_both_sides_are_renamed() -> None:
    """A right column that a left one is called like gets the table's name behind its own, and counts on."""
    step = JoinStep("r", ("k",))

    assert rename_right(["k", "a", "A_r"], ["k", "a", "b"], step) == [("a", "a_r_2")]
    assert rename_right(["k", "a"], ["k", "a", "a_r", "A"], step) == [("a", "a_r_2"), ("A", "A_r_3")]
    assert rename_right(["k", "a"], ["k", "K"], step) == [("K", "K_r")]
    assert rename_right(["k", "a"], ["k", "b"], step) == []


KEYS = st.none() | st.sampled_from(["a", "b", "c", "d", "", "A", "é"])


@given(
    left=st.lists(KEYS, max_size=12),
    right=st.lists(KEYS, max_size=8),
    how=st.sampled_from(["inner", "left"]),
    allow_many=st.booleans(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_rows_are_those_of_pandas(
    bench: Workbench,
    left: list[str | None],
    right: list[str | None],
    how: str,
    allow_many: bool,  # noqa: FBT001  # drawn by Hypothesis
) -> None:
    """Rows, order and values are those of merge, save that a missing key matches no other (see `merged`)."""
    present = [key for key in right if key is not None]
    if not allow_many and len(set(present)) < len(present):
        right = list(dict.fromkeys(right))
    text = pa.string()
    left_table = {"k": pa.array(left, text), "x": list(range(len(left)))}
    right_table = {"k": pa.array(right, text), "y": list(range(len(right)))}

    report, rows = join(bench, left_table, right_table, how=how, allow_many=allow_many)

    expected = merged({"k": left, "x": range(len(left))}, {"k": right, "y": range(len(right))}, ["k"], how)
    assert rows == expected
    assert report.rows == len(expected)
    assert report.left_rows == len(left)
    assert report.steps[0].left_unmatched == sum(key is None or key not in right for key in left)
    assert report.steps[0].right_unmatched == sum(key is None or key not in left for key in right)


def test_missing_keys_match_nothing_where_pandas_matches_them(bench: Workbench) -> None:
    """To pandas NaN equals NaN in a key; here two unknown customers are not one customer."""
    left = {"k": ["a", None], "x": [1, 2]}
    right = {"k": ["a", None], "y": [3, 4]}

    report, rows = join(bench, left, right, how="left")

    assert len(pd.DataFrame(left).merge(pd.DataFrame(right), on="k")) == 2
    assert rows == [{"k": "a", "x": 1, "y": 3}, {"k": None, "x": 2, "y": None}]
    assert (report.steps[0].left_unmatched, report.steps[0].right_unmatched) == (1, 1)


def test_several_missing_keys_on_the_right_are_no_duplicates(bench: Workbench) -> None:
    """A missing key is no key, so it cannot repeat one."""
    _, rows = join(bench, {"k": ["a"]}, {"k": ["a", None, None], "y": [1, 2, 3]})

    assert rows == [{"k": "a", "y": 1}]


@pytest.mark.parametrize("how", ["inner", "left"])
def test_composite_keys(bench: Workbench, how: str) -> None:
    """All columns of a key must be equal; only all of them together must be unique."""
    left = {"k": ["a", "a", "b", "c"], "day": [1, 2, 1, None], "x": [1, 2, 3, 4]}
    right = {"day": [1, 2, 2, None], "y": [5, 6, 7, 8], "k": ["a", "a", "b", "c"]}

    report, rows = join(bench, left, right, "k, day", how=how)

    assert rows == merged(left, right, ["k", "day"], how)
    assert (report.steps[0].left_unmatched, report.steps[0].right_unmatched) == (2, 2)


def test_columns_of_one_name_are_both_kept(bench: Workbench) -> None:
    """The right one is renamed, in the file and in the report; pandas is told to name it so too."""
    left = {"k": ["a", "b"], "x": [1, 2], "y": [3, 4]}
    right = {"x": [5, 6], "k": ["b", "a"], "z": [7, 8]}

    report, rows = join(bench, left, right)

    assert report.steps[0].renamed == (("x", "x_r"),)
    assert rows == merged(left, right, ["k"], "inner")
    assert list(rows[0]) == ["k", "x", "y", "x_r", "z"]


def test_names_that_differ_in_case_are_both_kept(bench: Workbench) -> None:
    """DuckDB would take N and n for one column, so the right one is renamed."""
    report, rows = join(bench, {"k": ["a"], "N": [1]}, {"k": ["a"], "n": [2]})

    assert report.steps[0].renamed == (("n", "n_r"),)
    assert rows == [{"k": "a", "N": 1, "n_r": 2}]


@pytest.mark.parametrize("key", ["n", "count", "l", "r", "file_row_number", "a key", 'quo"te', "select"])
@pytest.mark.parametrize("allow_many", [False, True])
def test_any_name_of_a_key_will_do(bench: Workbench, key: str, allow_many: bool) -> None:  # noqa: FBT001
    """Names that our own queries use are no trouble in the tables."""
    left = {key: [0, 1, 2], "file_row_number_": [4, 5, 6]}
    right = {key: [2, 1], "n": [8, 9]} if key != "n" else {key: [2, 1], "m": [8, 9]}

    _, rows = join(bench, left, right, key, how="left", allow_many=allow_many)

    assert rows == merged(left, right, [key], "left")


def test_repeated_keys_on_the_right_are_refused_with_examples(bench: Workbench) -> None:
    """Left rows would multiply in silence: the error counts the keys and shows five of them."""
    right = {"k": [n // 2 for n in range(20)], "y": list(range(20))}

    with pytest.raises(DuplicateKeyError) as caught:
        join(bench, {"k": [1]}, right)

    assert caught.value.problem == (
        "10 keys occur more than once in r: 0 (2 rows); 1 (2 rows); 2 (2 rows); 3 (2 rows); 4 (2 rows)"
    )
    assert "--allow-many" in caught.value.hint
    assert not (bench.folder / "j.parquet").exists()


@pytest.mark.parametrize("key", ["k", "n"])
def test_a_repeated_key_that_no_left_row_has_is_refused_too(bench: Workbench, key: str) -> None:
    """Uniqueness is asked of the right table, whatever the left one holds and its columns are called."""
    with pytest.raises(DuplicateKeyError, match="1 keys occur more than once in r: 0"):
        join(bench, {key: [7]}, {key: [0, 0]}, key)


def test_rows_multiply_when_allowed(bench: Workbench) -> None:
    """With allow_many every pair is a row, in the order of the left rows and then of the right ones."""
    left = {"k": ["b", "a", "b"], "x": [1, 2, 3]}
    right = {"k": ["a", "b", "a", "b"], "y": [4, 5, 6, 7]}

    report, rows = join(bench, left, right, allow_many=True)

    assert rows == merged(left, right, ["k"], "inner")
    assert (report.rows, report.left_rows) == (6, 3)


@pytest.mark.parametrize(
    ("left", "right", "types", "found", "hint"),
    [
        (
            pa.array([1]),
            pa.array([1.0]),
            "int64 in l and double in r",
            "1 of 1 values",
            "--types r.k=integer",
        ),
        (pa.array([1.0, 3.5]), pa.array([1, 2]), "double in l and int64 in r", "1 of 2", "--types r.k=float"),
        (
            pa.array([1, 2]),
            pa.array([0.5]),
            "int64 in l and double in r",
            "such as '1' and '0.5'",
            "on a = b",
        ),
        (
            pa.array([0], pa.date32()),
            pa.array([0], pa.timestamp("us")),
            "date32 in l and timestamp[us] in r",
            "by the day alone 1 of 1 values match",
            "write them alike",
        ),
        (
            pa.array([True]),
            pa.array([1]),
            "bool in l and int64 in r",
            "such as 'true' and '1'",
            "other columns",
        ),
    ],
)
def test_keys_of_unlike_types_are_refused(
    bench: Workbench, left: pa.Array, right: pa.Array, types: str, found: str, hint: str
) -> None:
    """The values are compared before a hint is given: it names the option after which they match."""
    with pytest.raises(TableError, match="column 'k' is ") as caught:
        join(bench, {"k": left}, {"k": right})

    assert caught.value.problem.startswith(f"column 'k' is {types}")
    assert found in caught.value.problem
    assert hint in caught.value.hint
    assert not (bench.folder / "j.parquet").exists()


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pa.array([1, -20, None]), ["1", "-20", "01", None]),
        (pa.array([17_800, None], pa.date32()), ["2018-09-26", "26.09.2018"]),
        (pa.array([True, False]), ["true", "True"]),
        (pa.array([0.5, 7.0]), ["0.5", "0.50", "7"]),
    ],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_text_is_compared_with_what_is_not_as_text(
    bench: Workbench,
    values: pa.Array,
    texts: list[str | None],
    swapped: bool,  # noqa: FBT001  # both ways round
) -> None:
    """A number is no text that only counts as the same, such as one with zeros in front."""
    sides = (
        {"k": values, "x": list(range(len(values)))},
        {"k": pa.array(texts), "y": list(range(len(texts)))},
    )
    left, right = reversed(sides) if swapped else sides

    report, rows = join(bench, left, right)

    def spelled(column: Columns) -> dict[str, int]:
        named = pa.array(column["k"]).to_pylist()
        words = [str(one).lower() if isinstance(one, bool) else one for one in named]
        return {str(word): place for place, word in enumerate(words) if word is not None}

    partners = spelled(right)
    assert [row["y" if not swapped else "x"] for row in rows] == [
        partners[word] for word in spelled(left) if word in partners
    ]
    assert len(rows) == report.rows == 1 + (values.type == pa.int64())


@pytest.mark.parametrize("how", ["inner", "left"])
def test_keys_of_two_names(bench: Workbench, how: str) -> None:
    """As pandas with left_on and right_on; the key of the right side is left out: it says the same."""
    left = {"image_id": [7, 8, 9, None], "id": ["a", "b", "c", "d"]}
    right = {"id": [9, 8, 6], "image_id": ["x", "y", "z"]}

    report, rows = join(bench, left, right, "image_id = id", how=how)

    frame = pd.DataFrame(left, dtype=object).merge(
        pd.DataFrame(right, dtype=object), left_on="image_id", right_on="id", how=how, suffixes=("", "_r")
    )
    frame = frame.drop(columns="id_r")
    expected = [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]
    assert rows == expected
    assert report.steps[0].on == ("image_id = id",)
    assert report.steps[0].renamed == (("image_id", "image_id_r"),)
    assert (report.steps[0].left_unmatched, report.steps[0].right_unmatched) == (2, 1)


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.date32(), pa.bool_(), pa.timestamp("us")])
@pytest.mark.parametrize("other", [pa.array([1, None]), pa.array([0.5, 1]), pa.array(["a", "b"])])
def test_a_column_without_values_fits_any_type(bench: Workbench, kind: pa.DataType, other: pa.Array) -> None:
    """Nothing can be wrong with values that are not there; that none matches is told."""
    report, rows = join(bench, {"k": other}, {"k": pa.array([None], kind), "y": [1]}, how="left")
    swapped, none = join(bench, {"k": pa.array([None], kind)}, {"k": other, "y": [1, 2]})

    assert rows == [{"k": one, "y": None} for one in other.to_pylist()]
    assert none == []
    assert "r.k has no values" in report.problem
    assert "l.k has no values" in swapped.problem


def test_names_are_compared_as_sql_compares_them() -> None:
    """Without regard to case, an exact match first; the joins have the names that the tables have."""
    columns = {"Boxes": ["image_id", "x"], "upper": ["IMAGE_ID", "X", "t"], "both": ["x", "ID"]}

    joins = resolve_joins([parse_join("j = boxes + UPPER on Image_Id + both on x_upper = X")], columns)

    assert str(joins.specs[0]) == "j = Boxes + upper on image_id = IMAGE_ID + both on X_upper = x"
    assert joins.columns["j"] == ["image_id", "x", "X_upper", "t", "ID"]
    assert joins.origin(("j", "X_upper")) == ("upper", "X")
    assert joins.key_pairs == [
        (("Boxes", "image_id"), ("upper", "IMAGE_ID")),
        (("upper", "X"), ("both", "x")),
    ]
    assert find_name("a", ["A", "a"]) == "a"


def test_the_names_in_an_error_are_not_thousands() -> None:
    """A table of 2,000 columns is not listed whole."""
    error = not_found("column", "zzz", [f"pixel{n:04d}" for n in range(2000)], Where())

    assert "pixel0024, and 1,975 more" in error.hint
    assert len(error.hint) < 400


@pytest.mark.parametrize("how", ["inner", "left"])
@pytest.mark.parametrize(
    ("left", "right", "found", "hint"),
    [
        (["7", "12"], ["0007", "0012"], "without leading zeros 2 of 2 values match", "--pad l.k=4"),
        (["007", "012"], ["7", "12.0"], "without leading zeros 2 of 2 values match", "--pad r.k=3"),
        (["7", "A1"], ["0007", "A2"], "without leading zeros 1 of 2 values match", "write them alike"),
        (["7", "12"], ["07", "0012"], "without leading zeros 2 of 2 values match", "write them alike"),
        (["7", "12"], ["7.0", "12.0"], "without .0 behind whole numbers 2 of 2", "--types r.k=integer"),
        (["a", "b"], [" a", "b "], "without blanks around them 2 of 2", "write them alike"),
        (["a", "b"], ["A", "B"], "in lower case 2 of 2", "write them alike"),
        (["a", "b"], ["x/a.jpg", "x/b.jpg"], "by the file name alone", "write them alike"),
        (["a", "b"], ["c", "d"], "l.k has no value of r.k, such as 'a' and 'c'", "on a = b"),
        ([None, None], ["c", "d"], "l.k has no values", ""),
        (["a"], [None], "r.k has no values", ""),
        ([], ["c"], "no row comes to r", ""),
    ],
)
def test_a_join_without_any_match_is_told(
    bench: Workbench, how: str, left: list[str | None], right: list[str | None], found: str, hint: str
) -> None:
    """It is made, and its report says what the values look like, and which option would make them match."""
    text = pa.string()

    report, rows = join(bench, {"k": pa.array(left, text)}, {"k": pa.array(right, text)}, how=how)

    assert len(rows) == (len(left) if how == "left" else 0)
    assert found in report.problem
    assert hint in report.problem


def test_of_several_keys_the_one_that_does_not_match_is_told(bench: Workbench) -> None:
    """Or that no row has all of them together."""
    left = {"k": ["a", "b"], "day": ["1", "2"]}

    report, _ = join(bench, left, {"k": ["a", "b"], "day": ["01", "02"]}, "k, day")
    other, _ = join(bench, left, {"k": ["a", "b"], "day": ["2", "1"]}, "k, day")

    assert "--pad l.day=2" in report.problem
    assert "no row has all of them" in other.problem


def test_whole_numbers_of_different_widths_are_joined(bench: Workbench) -> None:
    """The width follows from the values, so it is no difference of types."""
    left = {"k": pa.array([1, 2], pa.int8())}
    right = {"k": pa.array([2, 2**40], pa.int64()), "y": [1, 2]}

    _, rows = join(bench, left, right)

    assert rows == [{"k": 2, "y": 1}]


def test_a_join_of_a_join(bench: Workbench) -> None:
    """The result of a join is a table like any other."""
    _, first = join(bench, {"k": ["a", "b", "c"], "d": [1, 2, 1]}, {"k": ["c", "a"], "y": [1, 2]})
    pq.write_table(pa.table({"d": [1], "z": ["one"]}), bench.folder / "s.parquet")

    files = {"j": "j.parquet", "s": "s.parquet"}
    join_tables(bench, parse_join("j2 = j + s on d"), files, manner=JoinManner())

    rows = pq.ParquetFile(bench.folder / "j2.parquet").read().to_pylist()
    assert rows == [{**row, "z": "one"} for row in first]


def put(bench: Workbench, **tables: Columns) -> dict[str, str]:
    """Write tables where the bench has them, and return their files."""
    for name, columns in tables.items():
        pq.write_table(pa.table(dict(columns)), bench.folder / f"{name}.parquet")
    return {name: f"{name}.parquet" for name in tables}


def chained(
    bench: Workbench, text: str, files: Mapping[str, str], manner: JoinManner
) -> tuple[JoinReport, list[dict[str, Any]]]:
    """Make a join and return the report and the rows as pyarrow reads them."""
    spec = parse_join(text)
    (bench.folder / f"{spec.name}.parquet").unlink(missing_ok=True)
    report = join_tables(bench, spec, files, manner=manner)
    return report, pq.ParquetFile(bench.folder / report.file).read().to_pylist()


SMALL = st.lists(st.none() | st.integers(0, 4), max_size=10)


@given(left=SMALL, other=SMALL, many=st.booleans(), how=st.sampled_from(["inner", "left"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_chains_are_merges_one_after_the_other(
    bench: Workbench,
    left: list[int | None],
    other: list[int | None],
    many: bool,  # noqa: FBT001  # drawn by Hypothesis
    how: str,
) -> None:
    """Rows, order and counts of two steps are those of two calls of merge; the second key is of the first."""
    first = {"k": [0, 1, 2, *([2] if many else [])], "d": [3, 1, None, *([4] if many else [])]}
    keys = other if many else list(dict.fromkeys(other))
    int64 = pa.int64()
    tables = {
        "l": {"k": pa.array(left, int64), "x": list(range(len(left)))},
        "r": {name: pa.array(values, int64) for name, values in first.items()},
        "s": {"d": pa.array(keys, int64), "y": list(range(len(keys)))},
    }

    report, rows = chained(bench, "j = l + r on k + s on d", put(bench, **tables), JoinManner(how, many))

    reached = merged({"k": left, "x": range(len(left))}, first, ["k"], how)
    columns = {name: [row[name] for row in reached] for name in ("k", "x", "d")}
    expected = merged(columns, {"d": keys, "y": range(len(keys))}, ["d"], how)
    assert rows == expected
    assert report.rows == len(expected)
    one, two = report.steps
    assert (one.left_rows, two.left_rows) == (len(left), len(reached))
    assert one.left_unmatched == sum(key not in (0, 1, 2) for key in left)
    asked = {row["d"] for row in reached} - {None}
    assert two.left_unmatched == sum(row["d"] is None or row["d"] not in keys for row in reached)
    assert two.right_unmatched == sum(key not in asked for key in keys)


def test_names_are_settled_over_the_whole_chain(bench: Workbench) -> None:
    """What the third table calls like a column of the two before is renamed; a renamed one may be a key."""
    files = put(
        bench,
        l={"k": ["a"], "n": [1]},
        r={"k": ["a"], "n": [2]},
        s={"n_r": [2], "n": [3], "m": [4]},
    )

    report, rows = chained(bench, "j = l + r on k + s on n_r", files, JoinManner())

    assert rows == [{"k": "a", "n": 1, "n_r": 2, "n_s": 3, "m": 4}]
    assert [step.renamed for step in report.steps] == [(("n", "n_r"),), (("n", "n_s"),)]
    columns = {"l": ["k", "n"], "r": ["k", "n"], "s": ["n_r", "n", "m"]}
    assert check_joins([parse_join(report.spec)], columns)["j"] == list(rows[0])


def test_a_column_of_a_later_step_is_looked_for_in_all_before() -> None:
    """What no earlier table has is named with what they have together."""
    columns = {"l": ["k", "d"], "r": ["k", "price"], "s": ["pric"]}

    with pytest.raises(ColumnNotFoundError, match="no column 'pric'") as caught:
        check_joins([parse_join("j = l + r on k + s on pric")], columns)

    assert caught.value.hint == "did you mean price? columns present: k, d, price"


def test_with_compact_keys_no_join_is_made_of_another() -> None:
    """Its keys would be numbers by then: the error shows the chain that does the same."""
    joins = [parse_join("t = transactions_train + customers on customer_id"), parse_join("u = t + t on age")]

    with pytest.raises(UsageError, match="no longer has text keys") as caught:
        check_joins(joins, TABLES, compact_keys=True)

    assert "a + b on x + c on y" in caught.value.hint


def test_ranges_have_the_rows_of_one_join(tmp_path: Path) -> None:
    """Cut in ranges of the left table, the file is the same byte by byte as made at once, for any threads."""
    choice = random.Random(7)
    rows = 3 * ROW_GROUP_ROWS + 5
    left: dict[str, list[Any]] = {
        "k": [f"{choice.randrange(900):060d}" for _ in range(rows)],
        "row": list(range(rows)),
    }
    right = {"k": [f"{n:060d}" for n in range(800)], "y": list(range(800))}
    made = []
    for memory, threads in ((100_000_000, 1), (100_000_000, 3), (4_000_000_000, 2)):
        folder = tmp_path / f"{memory}-{threads}"
        folder.mkdir()
        with Engine(spill=folder / "spill", memory_bytes=memory) as engine:
            engine.query(f"SET threads={threads}")
            bench = Workbench(folder, "zstd", silent, engine)
            files = put(bench, l=left, r=right)
            chain = Chain(engine, parse_join("j = l + r on k"), folder, files, how="inner")
            ranges = len(chain.cuts(int(memory * RANGE_SHARE)))
            manner = JoinManner(allow_many=True)  # which is not made by the numbers of rows
            join_tables(bench, parse_join("j = l + r on k"), files, manner=manner)
        made.append((ranges, (folder / "j.parquet").read_bytes()))

    assert [ranges for ranges, _ in made] == [4, 4, 1]
    assert made[0][1] == made[1][1] == made[2][1]
    table = pq.ParquetFile(tmp_path / "100000000-1" / "j.parquet").read().to_pydict()
    assert table["row"] == [row for row, key in enumerate(left["k"]) if int(key) < 800]


KINDS_OF_KEYS: dict[str, list[Any]] = {
    "text": ["b", None, "é", "b", "", "none", "a" * 70],
    "numbers": [3, None, -1, 3, 0, 12, 2**40],
    "days": [dt.date(2018, 9, 20), None, dt.date(1, 1, 1), dt.date(2018, 9, 20), dt.date(9999, 12, 31)] * 2,
}


@pytest.mark.parametrize("how", ["inner", "left"])
@pytest.mark.parametrize("kind", KINDS_OF_KEYS)
def test_rows_taken_by_number_are_those_of_the_query(
    tmp_path: Path, how: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A join made by the numbers of the right rows is byte for byte what DuckDB's join and sort give.

    Two right tables, texts, missing values, empty texts, rows without a partner, several row groups and
    several ranges of left rows. The third file is made where the right tables do not fit in memory: each
    range reads the rows that it needs.
    """
    choice, keys = random.Random(3), KINDS_OF_KEYS[kind]
    rows = ROW_GROUP_ROWS + 1000
    moment = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    left: dict[str, list[Any]] = {
        "k": [choice.choice(keys) for _ in range(rows)],
        "n": [choice.randrange(30) for _ in range(rows)],
        "row": list(range(rows)),
    }
    of_key = list(dict.fromkeys(keys[2:]))
    right: dict[str, list[Any]] = {
        "k": of_key,
        "text": [None if place == 1 else "x" * place for place in range(len(of_key))],
        "yes": [None, *[True, False] * len(of_key)][: len(of_key)],
        "when": [moment + dt.timedelta(days=place) for place in range(len(of_key))],
    }
    other: dict[str, list[Any]] = {
        "n": list(range(25)),
        "text": [f"é{n}" for n in range(25)],
        "none": [None] * 25,
    }
    files, reports = [], []
    for name, manner, memory in (
        ("a", JoinManner(how), 4_000_000),
        ("b", JoinManner(how, allow_many=True), 4_000_000),
        ("c", JoinManner(how), 100),
    ):
        folder = tmp_path / name
        folder.mkdir()
        with Engine(spill=folder / "spill", memory_bytes=500_000_000) as engine:
            bench = Workbench(folder, "zstd", silent, engine)
            tables = put(bench, l=left, r=right, s=other)
            monkeypatch.setattr(engine, "memory_bytes", memory)
            monkeypatch.setattr(engine, "give_memory_back", lambda: None)
            spec = parse_join("j = l + r on k + s on n")
            reports.append(join_tables(bench, spec, tables, manner=manner))
        files.append((folder / "j.parquet").read_bytes())

    assert files[0] == files[1] == files[2]
    assert reports[0] == reports[1] == reports[2]
    assert 0 < reports[0].steps[0].left_unmatched < rows
    assert reports[0].steps[1].right_unmatched == 0


def test_a_join_may_be_sorted(bench: Workbench) -> None:
    """Rows are sorted by what was asked for, empty cells last, and equal ones as the left table has them."""
    files = put(bench, l={"k": [1, 2, 3, 1], "x": ["b", None, "é", "z"]}, r={"k": [1, 2, 3], "y": [2, 2, 1]})

    report, rows = chained(bench, "j = l + r on k", files, JoinManner(sorted_by=("y", "x")))

    assert [row["x"] for row in rows] == ["é", "b", "z", None]
    assert report.sorted_by == ("y", "x")
    assert ParquetSource(bench.folder / "j.parquet").metadata["sorted_by"] == ["y", "x"]


def test_folders_named_like_partitions_add_no_columns(bench: Workbench, tmp_path: Path) -> None:
    """A table below split=train has its own columns, not one more for the folder."""
    folder = tmp_path / "split=train" / "[glob]*?"
    folder.mkdir(parents=True)

    _, rows = join(dataclasses.replace(bench, folder=folder), {"k": ["a"], "x": [1]}, {"k": ["a"], "y": [2]})

    assert rows == [{"k": "a", "x": 1, "y": 2}]


def test_the_order_of_many_rows_is_kept(bench: Workbench) -> None:
    """Three hundred thousand left rows come out as they went in, with two threads and several row groups."""
    choice = random.Random(5)
    keys = [f"{choice.randrange(50_000):06d}" for _ in range(300_000)]
    bench.engine.query("SET threads=2")

    left = {"k": keys, "row": list(range(300_000))}
    report, rows = join(bench, left, {"k": [f"{n:06d}" for n in range(50_000)], "y": range(50_000)})

    bench.engine.query("RESET threads")
    assert report.rows == 300_000
    assert [row["row"] for row in rows] == list(range(300_000))
    assert [row["k"] for row in rows] == keys
    assert [row["y"] for row in rows] == [int(key) for key in keys]


def test_too_little_memory_is_told_and_leaves_no_file(tmp_path: Path) -> None:
    """A join that does not fit into the limit ends with an error that names the option."""
    rows = 400_000
    with Engine(spill=tmp_path / "spill", memory_bytes=20_000_000) as engine:
        bench = Workbench(tmp_path, "zstd", silent, engine)
        engine.query("SET max_temp_directory_size='1MB'")
        left = {"k": list(range(rows)), "text": [f"{n:050d}" for n in range(rows)]}
        with pytest.raises(TableError, match="more memory than the limit") as caught:
            join(bench, left, {"k": list(range(rows)), "other": left["text"]})

    assert "--memory-limit" in caught.value.hint
    assert not (tmp_path / "j.parquet").exists()


@pytest.mark.parametrize(
    ("manner", "problem"),
    [
        (JoinManner(allow_many=True), "needs more"),
        (JoinManner(sorted_by=("text",)), "sorting needs more"),
    ],
)
def test_too_little_memory_to_write_says_where(tmp_path: Path, manner: JoinManner, problem: str) -> None:
    """The keys were counted, the rows do not fit: the error names the join, and the sort if there is one."""
    rows = 400_000
    texts = [f"{n * 7919 % rows:0200d}" for n in range(rows)]
    pq.write_table(pa.table({"k": [0] * rows, "text": texts}), tmp_path / "l.parquet")
    pq.write_table(pa.table({"k": [0], "y": [1]}), tmp_path / "r.parquet")
    with Engine(spill=tmp_path / "spill", memory_bytes=30_000_000) as engine:
        engine.query("SET max_temp_directory_size='1MB'")
        bench = Workbench(tmp_path, "zstd", silent, engine)
        files = {"l": "l.parquet", "r": "r.parquet"}
        with pytest.raises(TableError) as caught:
            join_tables(bench, parse_join("j = l + r on k"), files, manner=manner)

    assert caught.value.problem == f"{problem} memory than the limit allows"
    assert caught.value.where.member == "join j = l + r on k"
    assert not (tmp_path / "j.parquet").exists()
