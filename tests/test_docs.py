"""README and docs are true: their commands and code blocks run, their tables agree with the code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import packhouse
from frameworks_kit import framework
from packhouse import PackOptions
from packhouse._src.cli.main import COMMANDS
from packhouse._src.imagefile import format as file_format
from packhouse._src.packing.settings import merge_settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
KINDS = {
    "README.md": {"console", "python", "text"},
    "tables.md": {"toml", "text"},
    "loading.md": {"python"},
    "frameworks.md": {"python"},
    "hdf5.md": {"python", "text"},
    "layouts.md": {"python"},
}
"""Languages of code blocks that are tested below."""

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(text: str, language: str) -> list[str]:
    """Return the code blocks of one language, in order."""
    return [body for found, body in BLOCK.findall(text) if found == language]


def commands(block: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each command of a console block and the lines that are shown below it."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        yield command, [line for line in shown if line != "..."]


def without_numbers(line: str) -> str:
    """Return a line with each number as "#": sizes, seconds and ids differ from run to run."""
    return re.sub(r"\d[\d.,]*", "#", " ".join(line.split())).removesuffix(" ...")


def test_every_block_of_the_readme_runs_in_order_in_an_empty_folder(tmp_path: Path) -> None:
    """Commands first, since the Python blocks read what they make; each prints what is shown below it."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for block in blocks(README, "console"):
        assert block.startswith("$ ")
        for command, shown in commands(block):
            done = subprocess.run(
                command,
                shell=True,
                cwd=tmp_path,
                env={**os.environ, "PATH": programs},
                check=True,
                stdout=subprocess.PIPE,
                text=True,
                timeout=240,
            )
            printed = iter([without_numbers(line) for line in done.stdout.splitlines()])
            for line in shown:
                assert any(one.startswith(without_numbers(line)) for one in printed), (command, line)
    for block in blocks(README, "python"):
        subprocess.run([sys.executable, "-W", "error", "-c", block], cwd=tmp_path, check=True, timeout=120)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pack that the README makes."""
    folder = tmp_path_factory.mktemp("docs")
    sizes = ["--images", "200", "--customers", "500", "--transactions", "10000"]
    command = [str(Path(sys.executable).parent / "packhouse"), "sample", str(folder / "shop"), *sizes]
    subprocess.run(command, check=True, capture_output=True)
    packhouse.pack(folder / "shop", folder / "shop.pack")
    return folder


@pytest.mark.parametrize("place", range(5))
def test_the_blocks_about_loading_run(shop: Path, place: int) -> None:
    """Each by itself, beside the pack."""
    block = blocks((ROOT / "docs/loading.md").read_text(encoding="utf-8"), "python")[place]
    subprocess.run([sys.executable, "-W", "error", "-c", block], cwd=shop, check=True, timeout=120)


@pytest.mark.parametrize(
    ("place", "module"), list(enumerate(["torch", "torch", "torch", "keras", "grain.python", "datasets"]))
)
def test_the_blocks_about_frameworks_run(shop: Path, place: int, module: str) -> None:
    """Where the framework is there; in `make test-all` it has to be."""
    framework(module, extra={"grain.python": "grain", "datasets": "hf"}.get(module, module))
    block = blocks((ROOT / "docs/frameworks.md").read_text(encoding="utf-8"), "python")[place]
    environment = {**os.environ, "HF_HOME": str(shop / "hf"), "KERAS_BACKEND": "torch"}
    subprocess.run([sys.executable, "-c", block], cwd=shop, check=True, timeout=120, env=environment)


@pytest.mark.parametrize("module", ["h5py", "keras"])
def test_the_blocks_about_hdf5_files_run(tmp_path: Path, module: str) -> None:
    """The first one makes the file that the second trains a model from."""
    framework(module, extra=module)
    first, second = blocks((ROOT / "docs/hdf5.md").read_text(encoding="utf-8"), "python")
    for block in (first,) if module == "h5py" else (first, second):
        environment = {**os.environ, "KERAS_BACKEND": "torch"}
        subprocess.run([sys.executable, "-c", block], cwd=tmp_path, check=True, timeout=120, env=environment)


def test_the_block_about_layouts_makes_one_file_of_two(tmp_path: Path) -> None:
    """Packed by itself, that file has labels."""
    (block,) = blocks((ROOT / "docs/layouts.md").read_text(encoding="utf-8"), "python")
    subprocess.run([sys.executable, "-W", "error", "-c", block], cwd=tmp_path, check=True, timeout=120)

    with packhouse.open(tmp_path / "valid_x.h5") as pack:
        assert pack.samples(size=8, label="labels.y").targets == [0, 1, 1, 0]


def test_all_blocks_of_these_pages_are_run() -> None:
    """As many as the tests above count on."""
    for page, count in (("loading.md", 5), ("frameworks.md", 6), ("hdf5.md", 2), ("layouts.md", 1)):
        assert len(blocks((ROOT / "docs" / page).read_text(encoding="utf-8"), "python")) == count


def test_blocks_are_of_a_kind_that_is_tested() -> None:
    """A block that no test runs is plain text, and docs have no code that nobody runs."""
    for page in PAGES:
        languages = {found for found, _ in BLOCK.findall(page.read_text(encoding="utf-8"))}
        assert languages <= KINDS.get(page.name, {"text"}), page


def test_the_settings_shown_are_settings() -> None:
    """The packhouse.toml of the docs is read as options."""
    (shown,) = blocks((ROOT / "docs/tables.md").read_text(encoding="utf-8"), "toml")

    options = merge_settings(tomllib.loads(shown), PackOptions())

    assert options.types == {"articles.department_no": "integer"}
    assert options.encoding_of("customers") == "cp1252"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link is a file of the repository."""
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_make_targets_that_are_named_exist() -> None:
    """`make x` in the docs is a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in PAGES:
        for target in re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_command_is_in_the_readme() -> None:
    """What the program can do, the README shows."""
    for command in COMMANDS:
        assert f"packhouse {command}" in README


def test_the_format_page_lists_the_columns_of_the_index() -> None:
    """docs/format.md and file_format.py name the same columns, in the same order, with the same types."""
    page = (ROOT / "docs" / "format.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([\w\[\]]+) \|", page, re.MULTILINE)

    types = {"digest": "fixed_size_binary[16]"}
    assert rows == [(name, types.get(kind, kind)) for name, kind in file_format.INDEX_COLUMNS.items()]


def test_the_architecture_page_names_every_module() -> None:
    """docs/architecture.md has every public module, and every folder and file right below `_src/`."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for folder in (ROOT / "src" / "packhouse", ROOT / "src" / "packhouse" / "_src"):
        for entry in folder.iterdir():
            if entry.name.startswith("__") or entry.name == "py.typed":
                continue
            name = f"{entry.name}/" if entry.is_dir() else entry.name
            assert f"`{name}`" in page, name


def test_the_architecture_page_names_files_that_exist() -> None:
    """Each path of a module on the page, in pictures and tables, is one below `packhouse` or its `_src/`."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    package = ROOT / "src" / "packhouse"

    for name in set(re.findall(r"[\w/]+/\w+\.py\b|\b\w+_\.py\b", page)):
        assert any((folder / name).is_file() for folder in (package, package / "_src")), name


def test_the_changelog_has_the_version() -> None:
    """The version of the package has its section."""
    assert f"## {packhouse.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f'version = "{packhouse.__version__}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
