"""docs/trust.md has a figure for every promise and every soak, and nobody has written one by hand."""

from __future__ import annotations

from packhouse._src.version import __version__
from soak.figures import PAGE, TESTS, lines, load, of_page
from soak.promises import PROMISES
from soak.tried import SOAKS

TESTS_FOLDER = PAGE.parents[1] / "tests"


def test_the_page_shows_the_figures_that_are_kept() -> None:
    """`make soak` writes both."""
    assert of_page(PAGE.read_text(encoding="utf-8")) == "\n".join(lines(load()))


def test_every_promise_and_every_soak_has_a_figure() -> None:
    """Of this version, with nothing wrong, and no figure is left of a soak that there is no more.

    Where the tests of a promise were not counted, the table says so.
    """
    soaks = {soak.name for soak in SOAKS}
    found = load()

    assert soaks <= set(found) <= soaks | {TESTS.format(one.name) for one in PROMISES if one.tests}
    assert {name for name, one in found.items() if not one.tried or one.wrong} == set()
    assert {one.packhouse for one in found.values()} == {__version__}


def test_every_promise_is_tried_or_says_why_not() -> None:
    """P1 to P17, every soak belongs to one, and every test that is named exists."""
    used = {name for promise in PROMISES for name in promise.soaks}

    assert [promise.name for promise in PROMISES] == [f"P{number}" for number in range(1, 18)]
    assert all(bool(promise.without) != bool(promise.soaks or promise.tests) for promise in PROMISES)
    assert used == {soak.name for soak in SOAKS}
    assert [name for one in PROMISES for name in one.tests if not (TESTS_FOLDER / name).exists()] == []


def test_every_number_of_the_table_is_in_its_place() -> None:
    """One row for each figure, with number, faults and day."""
    page = PAGE.read_text(encoding="utf-8")

    for name, one in load().items():
        what = next((soak.what for soak in SOAKS if soak.name == name), "tests")
        assert f"| {one.tried:,} {what} | {one.wrong:,} | {one.minutes} | {one.day} |" in page
