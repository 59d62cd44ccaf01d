"""What users read is plain English: a short list of words and constructions stays out of it.

The list has what was there before: the word order of another language, words that only insiders know, and
metaphors for parts of the program. It does not judge style; it keeps the worst from coming back.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import pytest

import packhouse
from packhouse._src.cli.main import group

ROOT = Path(__file__).parent.parent
SOURCE = Path(packhouse.__file__).parent
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]

CONSTRUCTIONS = (
    r"(is|was|are|were|be) gone on with",
    r"goes on (where|from there|with)",
    r"to go on\b",
    r"files? of others",
    r"of others'",
    r"becomes? of",
    r"became of",
    r"in silence",
    r"(ready|each) faces?",
    r"told of",
    r"speaks? of",
    r"none is",
    r"(?<!there )(is|are) none of",
    r"that which",
    r"(?<!there )\bis no (?!longer|more|such)\w+",
    r"one an? (core|table|line|file|image|row|group|command)",
    r"(us|microseconds|bytes|kb|stat|line|row) an? (image|file|row|core|table|member|column|thread)",
    r"(lies|lie|lay) (in|beside|below|behind|outside|there|where)",
    r"(lies|lie|lay) side by side",
    r"leaves? (it )?(a|in|no) doubt",
    r"samples? as (it is|they are) stored",
    r"is there already",
    r"asked for",
    r"not asked",
    r"all the same",
    r"at most .{1,30} can be",
    r"but for\b",
    r"must besides",
    r"by itself (it|they)",
    r"the same command goes",
    r"what binds",
)
WORDS = (
    "amiss",
    "anew",
    "behold",
    "besides",
    "bind",
    "crew",
    "dear",
    "door",
    "doors",
    "floor",
    "floors",
    "house",
    "made-up",
    "mend",
    "namesake",
    "namesakes",
    "overrule",
    "overrules",
    "room",
    "rooms",
    "settle",
    "settles",
    "stranger",
    "strangers",
)
PATTERN = re.compile(rf"\b(?:{'|'.join((*CONSTRUCTIONS, *WORDS))})\b", re.IGNORECASE)

SPOKEN = {"internal_error", "not_found", "warn", "Skipped", "Failed", "Refused", "BadParameter"}
"""Calls, besides those of errors, whose texts reach the user."""

SHOWN_ALONE = {
    "UsageError",
    "DestinationError",
    "DestinationExistsError",
    "DestinationBusyError",
    "NoSpaceError",
    "StoreError",
    "NotAPackError",
    "CorruptStoreError",
    "KeyNotFoundError",
    "LoaderError",
    "StateMismatchError",
}
"""Errors that are printed without a name before them."""

BARE_VERB = re.compile(r"(is|are|has|have|was|were|does|did) ")

OPEN_TO_USERS = (
    "errors.py",
    "progress.py",
    "torch.py",
    "keras.py",
    "grain.py",
    "_src/opening.py",
    "_src/hf.py",
    "_src/benchmarking/bench.py",
    "_src/benchmarking/bench_report.py",
    "_src/deriving/derive.py",
    "_src/maintenance/extract.py",
    "_src/maintenance/repair.py",
    "_src/maintenance/verify.py",
    "_src/packing/options.py",
    "_src/packing/pack.py",
    "_src/packing/reporting/report_facts.py",
    "_src/imagefile/read/image.py",
    "_src/imagefile/read/store.py",
    "_src/tables/table.py",
    "_src/tables/scanning.py",
    "_src/loader/batch.py",
    "_src/loader/loader.py",
    "_src/loader/sample_options.py",
    "_src/loader/samples.py",
    "_src/loader/stats.py",
)
"""Modules whose classes and functions users call; `help()` shows their docstrings."""


def found_in(text: str) -> list[str]:
    """Return what of the list is in a text, each with some words around it."""
    flat = " ".join(text.split())
    return [flat[max(0, hit.start() - 30) : hit.end() + 30] for hit in PATTERN.finditer(flat)]


def prose_of(page: str) -> str:
    """Return a page without code: blocks, and spans in backticks."""
    return re.sub(r"`[^`\n]+`", "x", re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL))


def help_of(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    """Yield the help of a command and of all below it, as `--help` prints it."""
    context = click.Context(command, info_name=name)
    yield name, command.get_help(context)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from help_of(found, f"{name} {below}")


def texts_in(node: ast.AST) -> Iterator[str]:
    """Yield the string literals in a piece of code, those of f-strings without what is filled in."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def messages_of(tree: ast.Module) -> Iterator[str]:
    """Yield the texts of errors, hints, warnings and reasons in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called.endswith("Error") or called in SPOKEN:
                yield from texts_in(node)
            else:
                for keyword in node.keywords:
                    if keyword.arg in {"hint", "help", "default"}:
                        yield from texts_in(keyword.value)
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            if node.value is not None and any(
                name in {"hint", "problem"} or name.isupper() for name in names
            ):
                yield from texts_in(node.value)


def docstrings_of(nodes: Iterable[ast.stmt]) -> Iterator[str]:
    """Yield the docstrings of classes, methods, functions and fields whose names have no underscore."""
    before: ast.stmt | None = None
    for node in nodes:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if not node.name.startswith("_"):
                yield ast.get_docstring(node) or ""
                if isinstance(node, ast.ClassDef):
                    yield from docstrings_of(node.body)
        elif isinstance(node, ast.Expr) and isinstance(before, ast.AnnAssign):
            yield from texts_in(node.value)
        before = node


def test_the_list_finds_what_it_is_for() -> None:
    """What the docs said before is found, and what they say now is not."""
    before = (
        "A run that was stopped is gone on with by the same command.",
        "`index` makes such a file of others readable.",
        "Each face takes a pack",
        "what becomes of every odd thing",
        "Nothing is lost or changed in silence",
        "Told of the progress",
        "12 is none of 0 to 9, the rows that there are",
        "'types' is no table",
        "15 us an image, one a core",
        "84 right rows were not asked for",
    )
    now = (
        "Run the same command again: it resumes.",
        "There is no such pack, and it is no longer a regular file",
        "packhouse takes 15 us per image, one per core",
    )

    assert [text for text in before if not found_in(text)] == []
    assert [text for text in now if found_in(text)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages(page: Path) -> None:
    """README, docs, changes and contributing."""
    assert found_in(prose_of(page.read_text(encoding="utf-8"))) == []


def test_help() -> None:
    """Every command, walked from the program itself."""
    assert {name: found_in(text) for name, text in help_of(group, "packhouse") if found_in(text)} == {}


def test_the_list_of_commands_is_not_cut() -> None:
    """The first line of each command fits into the list that `packhouse --help` prints."""
    (listed,) = (text for name, text in help_of(group, "packhouse") if name == "packhouse")
    lines = listed.partition("Commands:")[2].partition("\n\n")[0].splitlines()[1:]

    assert len(lines) == len(group.list_commands(click.Context(group)))
    assert [line for line in lines if line.endswith("...")] == []


def test_messages() -> None:
    """Errors, hints, warnings, and why a file was left out."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        texts = messages_of(ast.parse(path.read_text(encoding="utf-8")))
        if hits := [hit for text in texts for hit in found_in(text)]:
            found[path.relative_to(SOURCE).as_posix()] = hits

    assert found == {}


def test_errors_have_a_subject() -> None:
    """The place comes after the problem, so that says "this is not a pack", and not "is not a pack".

    Errors of a source file or table may begin with the verb: the report prints the name before them.
    """
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in SHOWN_ALONE and node.args:
                begin = next(texts_in(node.args[0]), "")
                if BARE_VERB.match(begin):
                    found.append(f"{path.relative_to(SOURCE).as_posix()}: {begin}")

    assert found == []


@pytest.mark.parametrize("name", OPEN_TO_USERS)
def test_docstrings(name: str) -> None:
    """Of what users call."""
    tree = ast.parse((SOURCE / name).read_text(encoding="utf-8"))

    assert [hit for text in docstrings_of(tree.body) for hit in found_in(text)] == []
