"""The house rules that a linter cannot say."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tokenize
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

import packhouse

SOURCE = Path(packhouse.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
INITS = sorted(SOURCE.rglob("__init__.py"))
HEAVY = ("numpy", "h5py", "pyarrow", "duckdb", "pandas", "PIL", "simplejpeg", "xxhash", "click", "rich")
MOST_LINES = 400
MOST_LINES_OF_INIT = 80
MOST_FILES = 14
PUBLIC = {
    "packhouse",
    "packhouse.errors",
    "packhouse.progress",
    "packhouse.torch",
    "packhouse.keras",
    "packhouse.grain",
}
SOME_SYSTEMS_LACK = re.compile(
    r"os\.(?:O_(?!RDONLY|WRONLY|RDWR|CREAT|EXCL|TRUNC)\w+|p(?:read|write)v?\(|link\(|statvfs|getuid|mkfifo)"
    r"|dir_fd=|^import (?:fcntl|resource|termios|pwd|grp)\b",
    re.MULTILINE,
)
SILENT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}


def code_lines(path: Path) -> int:
    """Count lines that hold code: no blanks, comments or docstrings."""
    lines: set[int] = set()
    with tokenize.open(path) as text:
        for token in tokenize.generate_tokens(text.readline):
            prose = token.type == tokenize.STRING and token.line.lstrip().startswith(('"""', 'r"""'))
            if token.type not in SILENT and not prose:
                lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines)


def dotted(path: Path) -> str:
    """Return the name by which a module is imported."""
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def shown_as(path: Path) -> str:
    """Return a path below the package."""
    return path.relative_to(SOURCE).as_posix()


def test_public_names_are_sorted_and_complete() -> None:
    """What the package shows is what it names, in order, and every name is there."""
    named = {name: getattr(packhouse, name) for name in packhouse.__all__}
    shown = {
        name
        for name, value in vars(packhouse).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }

    assert packhouse.__all__ == sorted(named)
    assert set(named) == shown - {"annotations", "TYPE_CHECKING"}
    assert set(named) <= set(dir(packhouse))


def test_the_lazy_names_are_those_that_type_checkers_see() -> None:
    """What is imported on first use is what the block for type checkers imports, from the same home."""
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]

    declared = {
        name.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    assert declared == packhouse._HOMES


def test_an_unknown_name_is_an_attribute_error() -> None:
    """The package has no other names than those."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = packhouse.nothing


def test_import_pulls_in_no_heavy_library() -> None:
    """The bare import stays light: libraries load where they are used."""
    code = f"import sys, packhouse; print(*[m for m in {HEAVY!r} if m in sys.modules])"

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.split() == []


@pytest.mark.parametrize("init", INITS, ids=shown_as)
def test_no_export_shadows_a_module(init: Path) -> None:
    """A folder never exports a name that one of its modules already bears."""
    exports = set(getattr(importlib.import_module(dotted(init)), "__all__", ()))

    assert exports.isdisjoint(path.stem for path in init.parent.iterdir())


@pytest.mark.parametrize("path", FILES, ids=shown_as)
def test_files_stay_small(path: Path) -> None:
    """A file that outgrows the limit is two files; an __init__ is hardly one."""
    assert code_lines(path) <= (MOST_LINES_OF_INIT if path.name == "__init__.py" else MOST_LINES)


@pytest.mark.parametrize("path", FILES, ids=shown_as)
def test_every_module_says_what_it_is(path: Path) -> None:
    """Each begins with a docstring whose first line is a sentence."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""

    assert text.splitlines()[:1]
    assert text.split("\n\n")[0].rstrip().endswith((".", ":"))


def test_every_folder_is_a_package() -> None:
    """No folder of modules lacks its __init__: it would be left out of nothing, and documented by nothing."""
    assert {path.parent for path in FILES} == {path.parent for path in INITS}


@pytest.mark.parametrize("init", INITS, ids=shown_as)
def test_folders_stay_small(init: Path) -> None:
    """A folder that outgrows the limit is two; the command line has one file a command."""
    if init.parent.name != "cli":
        assert len(list(init.parent.glob("*.py"))) <= MOST_FILES


def test_no_file_stem_is_used_twice() -> None:
    """A file is found by its name alone; a file of the command line may be named as what it calls."""
    stems = Counter(path.stem for path in FILES if path.name != "__init__.py" and path.parent.name != "cli")

    assert [stem for stem, count in stems.items() if count > 1] == []


def test_no_class_name_is_used_twice() -> None:
    """One name, one thing."""
    names = Counter(
        node.name
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    )

    assert [name for name, count in names.items() if count > 1] == []


def test_what_is_not_public_is_behind_an_underscore() -> None:
    """A module is public or below a folder that starts with an underscore; the docs list the public ones."""
    public = {name for name in map(dotted, FILES) if "._" not in name}
    page = (Path(__file__).parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")

    assert public == PUBLIC
    assert all(f"`{name}`" in page for name in public)


def test_types_are_shipped() -> None:
    """The marker that lets type checkers read our hints is in the package."""
    assert (SOURCE / "py.typed").is_file()


@pytest.mark.parametrize("path", [path for path in FILES if "system" not in path.parts], ids=shown_as)
def test_calls_that_some_systems_lack_are_in_one_folder(path: Path) -> None:
    """The rest of the package asks `_src/system` for them, which knows what to do without."""
    found = SOME_SYSTEMS_LACK.findall(path.read_text(encoding="utf-8"))
    assert found == []
