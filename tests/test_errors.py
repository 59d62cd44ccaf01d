"""Every error keeps all it says across processes; the tree in the docstring is that of the classes."""

from __future__ import annotations

import builtins
import copy
import inspect
import pickle
import re
from collections.abc import Callable

import pytest

from packhouse import errors
from packhouse.errors import PackhouseError, Where

CLASSES: list[type[PackhouseError]] = [
    kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, PackhouseError)
]
BRANCH = re.compile(r"(?P<stem>(?:[|] {3}| {4})*)[+]-- (?P<name>\w+)(?:\s+also (?P<builtin>\w+))?\s{2,}\S")

Ways = {
    "pickle 2": lambda error: pickle.loads(pickle.dumps(error, 2)),  # noqa: S301  # our own
    "pickle 5": lambda error: pickle.loads(pickle.dumps(error, 5)),  # noqa: S301  # our own
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


def drawn_tree() -> dict[str, tuple[str, str | None]]:
    """Read the docstring: class -> the class it hangs from, and the builtin it also is."""
    lines = (inspect.getdoc(errors) or "").splitlines()
    above, found = ["PackhouseError"], {}
    for line in lines[lines.index("PackhouseError") + 1 :]:
        match = BRANCH.match(line)
        assert match, line
        depth = len(match["stem"]) // 4 + 1
        found[match["name"]] = (above[depth - 1], match["builtin"])
        above[depth:] = [match["name"]]
    return found


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("way", Ways.values(), ids=Ways)
def test_errors_cross_processes_whole(
    kind: type[PackhouseError], way: Callable[[PackhouseError], PackhouseError]
) -> None:
    """Type, text, problem, place, hint, notes and arguments survive, whatever the builtin parent does."""
    error = kind("3 of 5", where=Where(file="a b.csv", member="c", line=7), hint="try again")
    error.add_note("while packing")

    other = way(error)

    assert type(other) is kind
    assert (str(other), other.problem, other.where, other.hint) == (
        str(error),
        "3 of 5",
        Where(file="a b.csv", member="c", line=7),
        "try again",
    )
    assert other.__notes__ == ["while packing"]
    assert other.args == error.args == ("3 of 5",)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_says_only_what_it_was_told(kind: type[PackhouseError]) -> None:
    """The builtin parent adds no quotes, numbers or names to the text."""
    error = kind("what's wrong")

    assert str(error) == "what's wrong"
    assert (error.where, error.hint) == (Where(), "")


def test_the_docstring_draws_the_tree() -> None:
    """Every class hangs where the picture says, with the builtin it says, in the module's order."""
    tree = {}
    for kind in CLASSES:
        ours, *others = kind.__bases__
        tree[kind.__name__] = (ours.__name__, *(other.__name__ for other in others))
    assert tree.pop("PackhouseError") == ("Exception",)

    drawn = {name: tuple(filter(None, parents)) for name, parents in drawn_tree().items()}
    assert drawn == tree
    written = re.findall(r"^class (\w+Error)\b", inspect.getsource(errors), re.MULTILINE)
    assert list(drawn) == written[1:]


def test_the_second_parent_is_builtin() -> None:
    """A stranger catches our errors by names that he knows."""
    for name, (_, builtin) in drawn_tree().items():
        if builtin:
            assert issubclass(getattr(errors, name), getattr(builtins, builtin))


def test_every_error_is_one_of_ours() -> None:
    """One root catches all."""
    everything = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]

    assert [kind for kind in everything if issubclass(kind, BaseException)] == CLASSES


def test_exit_codes() -> None:
    """Usage errors end the command line with 2, all others with 1."""
    assert {kind.__name__ for kind in CLASSES if kind.exit_code != 1} == {"UsageError"}
    assert errors.UsageError.exit_code == 2


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (Where(), ""),
        (Where(file="a.csv"), "a.csv"),
        (Where(file="a.csv", line=3), "a.csv, line 3"),
        (Where(file="a.csv", member="c"), "a.csv [c]"),
        (Where(file="a.csv", line=3, member="c"), "a.csv, line 3 [c]"),
        (Where(member="c"), "[c]"),
    ],
)
def test_a_place_tells_what_is_known(where: Where, expected: str) -> None:
    """File, line and member, as far as they are known."""
    assert str(where) == expected


@pytest.mark.parametrize(
    ("where", "hint", "expected"),
    [
        (None, "", "wrong"),
        (Where(file="a"), "", "wrong\n  in a"),
        (None, "that", "wrong\n  try: that"),
        (Where(file="a", line=1), "that", "wrong\n  in a, line 1\n  try: that"),
    ],
)
def test_layout_of_the_text(where: Where | None, hint: str, expected: str) -> None:
    """Problem, place and hint stand on a line each; what is not known takes none."""
    assert str(PackhouseError("wrong", where=where, hint=hint)) == expected


def test_a_subclass_of_a_user_survives_too() -> None:
    """Attributes that are added later travel along."""
    error = errors.SourceError("gone")
    error.errno = 2

    assert pickle.loads(pickle.dumps(error)).problem == "gone"  # noqa: S301  # our own
    assert isinstance(copy.copy(error), OSError)
