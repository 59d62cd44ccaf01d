"""Options are checked when they are made, and an error shows the value that was given."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from packhouse._src.option_types.option_fields import ValueKind, option_fields
from packhouse._src.packing.options import PackOptions, split_column
from packhouse._src.packing.updating import with_earlier_options
from packhouse._src.sources.sorting import Selection
from packhouse.errors import UsageError


@pytest.mark.parametrize(
    ("options", "offending"),
    [
        ({"how": "outer"}, "outer"),
        ({"how": "INNER"}, "INNER"),
        ({"compression": "brotli"}, "brotli"),
        ({"compression": ""}, "''"),
        ({"on_error": "ignore"}, "ignore"),
        ({"workers": 0}, "0"),
        ({"workers": -3}, "-3"),
        ({"link": ("articles",)}, "articles"),
        ({"link": (".article_id",)}, ".article_id"),
        ({"text": ("a.b", "articles.")}, "articles."),
        ({"types": {"b": "text"}}, "'b'"),
        ({"types": {"a.b": "int"}}, "int"),
        ({"text": ("a.b",), "types": {"a.b": "text"}}, "a.b"),
        ({"joins": ("train = a + b",)}, "train = a + b"),
        ({"joins": ("t = a + b on c", "a + b on c")}, "a + b on c"),
        ({"joins": ("t = a + b + c on d",)}, "t = a + b + c on d"),
        ({"memory_limit": "much"}, "much"),
        ({"memory_limit": "-1GB"}, "-1GB"),
        ({"memory_limit": ""}, "''"),
    ],
    ids=repr,
)
def test_a_bad_option_is_refused(options: dict[str, Any], offending: str) -> None:
    """Whatever the option, the error is a UsageError that quotes it and says what is allowed."""
    with pytest.raises(UsageError) as caught:
        PackOptions(**options)

    assert offending in caught.value.problem
    assert caught.value.hint
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"how": "left", "compression": "gzip", "on_error": "stop", "workers": 1},
        {"link": False},
        {"link": None},
        {"link": ("articles.article_id",)},
        {"joins": ("train = a + b on c, d", "more = train + e on f")},
        {"types": {"a.b": "text", "a.c": "timestamp"}, "text": ("a.d",)},
        {"memory_limit": "1.5 GB"},
        {"compression": "lz4"},
        {"compression": "snappy"},
    ],
    ids=repr,
)
def test_good_options_are_kept(options: dict[str, Any]) -> None:
    """What is allowed is kept as given."""
    made = PackOptions(**options)

    assert {name: getattr(made, name) for name in options} == options


@pytest.mark.parametrize("name", option_fields(PackOptions))
def test_values_of_another_kind_are_refused(name: str) -> None:
    """A text is no list, "no" is not False, a number is no text: nothing is guessed."""
    kind = option_fields(PackOptions)[name].kind
    wrong: list[object] = [b"x", 1.5, object()]
    wrong += [] if kind in {ValueKind.TEXT, ValueKind.SWITCH_OR_TEXT} else ["no"]
    wrong += [] if kind is ValueKind.NUMBER else [3]
    wrong += [[3], (None,), {"t": object()}, {3: "text"}]
    for value in wrong:
        given: dict[str, Any] = {name: value}
        with pytest.raises(UsageError) as caught:
            PackOptions(**given)

        assert caught.value.hint


def test_options_of_an_earlier_version_are_read() -> None:
    """`--update` takes over all that the pack of the first version records."""
    pack = Path(__file__).parents[1] / "golden/v1/pack"
    recorded = json.loads((pack / "pack.json").read_bytes())["given"]

    options = with_earlier_options(PackOptions(update=True), pack)

    assert {name for name, value in recorded.items() if value} >= {"joins"}
    assert {name: json.loads(json.dumps(options.shaping))[name] for name in recorded} == recorded


def test_recorded_options_that_cannot_be(tmp_path: Path) -> None:
    """The error names pack.json; nothing else happens."""
    (tmp_path / "pack.json").write_text('{"given": {"text": 3}}')

    with pytest.raises(UsageError, match=r"pack\.json") as caught:
        with_earlier_options(PackOptions(update=True), tmp_path)

    assert "'text' is 3" in caught.value.problem


def test_options_are_frozen() -> None:
    """Options that were checked cannot become others."""
    options = PackOptions()

    with pytest.raises(AttributeError):
        options.how = "outer"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("articles", {"id": "text", "price": "float", "a.b": "date"}),
        ("train_labels", {"id": "integer"}),
        ("customers", {}),
        ("id", {}),
    ],
)
def test_wanted_types_are_those_of_the_table(table: str, expected: dict[str, str]) -> None:
    """Each table is told of its own columns; a column's name may hold a dot."""
    options = PackOptions(
        text=("articles.id",),
        types={"articles.price": "float", "train_labels.id": "integer", "articles.a.b": "date"},
    )

    assert options.wanted_types(table, ["articles", "train_labels", "customers"]) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("a.b", ("a", "b")), ("a.b.c", ("a", "b.c")), ("ä. ", ("ä", " "))]
)
def test_a_column_is_split_at_its_first_dot(text: str, expected: tuple[str, str]) -> None:
    """Names of tables have no dot, those of columns may."""
    assert split_column(text) == expected


@pytest.mark.parametrize("text", ["", ".", "a", "a.", ".a", "..a"])
def test_half_a_column_is_refused(text: str) -> None:
    """Both parts must be there."""
    with pytest.raises(UsageError, match=r"TABLE\.COLUMN"):
        split_column(text)


def test_workers_default_to_the_cores() -> None:
    """Asked for nothing, it is at least one and at most the machine's cores."""
    assert PackOptions(workers=3).n_workers == 3
    assert 1 <= PackOptions().n_workers <= (os.cpu_count() or 1)


def test_memory_is_read() -> None:
    """Decimal units, as they are written."""
    assert PackOptions(memory_limit="2GB").memory_bytes == 2_000_000_000
    assert PackOptions(memory_limit="500MB").memory_bytes == 500_000_000
    assert PackOptions().memory_bytes > 100_000_000


def test_selection_holds_the_globs() -> None:
    """Globs go to where files are sorted."""
    options = PackOptions(images=("a",), tables=("b",), include=("c",))

    assert options.selection == Selection(("a",), ("b",), ("c",))
