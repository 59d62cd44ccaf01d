"""NAME=VALUE and [NAME=]VALUE, as users write them on the command line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse._src.option_types.named_values import (
    join_named,
    parse_named,
    parse_named_list,
    several,
    split_named,
    values_for,
)
from packhouse.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cp1252", ("", "cp1252")),
        ("customers=cp1252", ("customers", "cp1252")),
        ("=cp1252", ("", "cp1252")),
        ("year=2020_sales=cp1252", ("year=2020_sales", "cp1252")),
        ("=", ("", "=")),
        ("==", ("", "=")),
        ("sales==", ("sales", "=")),
        ("sales=", ("sales", "")),
        ("", ("", "")),
        ("shops.price=;", ("shops.price", ";")),
    ],
)
def test_a_text_is_split_into_name_and_value(text: str, expected: tuple[str, str]) -> None:
    """The name ends at the last "=", and the value may be "=" itself."""
    assert split_named(text) == expected


@given(st.text(), st.text(st.characters(exclude_characters="="), min_size=1) | st.just("="))
def test_what_is_joined_is_split_again(name: str, value: str) -> None:
    """Any name and any value without "=" inside are had back."""
    assert split_named(join_named(name, value)) == (name, value)


def test_a_value_that_could_not_be_told_from_the_name_is_refused() -> None:
    """A mapping may hold what the command line cannot write."""
    with pytest.raises(UsageError, match="'a=b' contains '='"):
        several({"t": "a=b"})


@pytest.mark.parametrize("text", ["", "a", "a=", "=b"])
def test_both_parts_must_be_there(text: str) -> None:
    """The error shows how to write it."""
    with pytest.raises(UsageError) as caught:
        parse_named(text, "--pad TABLE.COLUMN=WIDTH")

    assert repr(text) in caught.value.problem
    assert caught.value.hint == "--pad TABLE.COLUMN=WIDTH"


@pytest.mark.parametrize(
    ("text", "table", "columns"),
    [
        ("train=a", "train", ("a",)),
        (" my-shops.2020 = a , b c ", "my-shops.2020", ("a", "b c")),
        ("t=a=b", "t", ("a=b",)),
    ],
)
def test_lists_that_are_read(text: str, table: str, columns: tuple[str, ...]) -> None:
    """The form is TABLE=COLUMN[,COLUMN], blanks at will."""
    assert parse_named_list(text, "") == (table, columns)


@pytest.mark.parametrize("text", ["", "t", "t=", "=a", "t=a,", "t=,a"])
def test_lists_that_are_not_read(text: str) -> None:
    """Any other form is an error of usage that shows a right one."""
    with pytest.raises(UsageError, match="cannot read") as caught:
        parse_named_list(text, "--sort TABLE=COLUMN,...")

    assert caught.value.hint == "--sort TABLE=COLUMN,..."


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("NA", ("NA",)),
        (["NA", "a.b=-"], ("NA", "a.b=-")),
        ({"": "NA", "a.b": "-"}, ("NA", "a.b=-")),
        ((), ()),
        ({}, ()),
    ],
)
def test_what_python_may_give(values: str | list[str] | dict[str, str], expected: tuple[str, ...]) -> None:
    """A text, several, or a mapping from names."""
    assert several(values) == expected


def test_the_most_special_name_counts() -> None:
    """A column before its table before all; several values for one name are all of them, in order."""
    texts = ("NA", "t=-", "t.a=x", "-1", "t.a=y")

    assert values_for(texts, "t.a", "t") == ("x", "y")
    assert values_for(texts, "t.b", "t") == ("-",)
    assert values_for(texts, "u.a", "u") == ("NA", "-1")
    assert values_for((), "t") == ()
