"""No name, cell or argument reaches a terminal as an escape sequence, a line or a bidirectional mark."""

from __future__ import annotations

import csv
import os
import pty
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

import packhouse
from packhouse._src.cli.main import COMMANDS
from packhouse._src.wording.visible_text import visible, visible_line
from small_dataset import jpeg

PROGRAM = Path(sys.executable).with_name("packhouse")
EVIL = "\x1b]0;evil\x07\x1b[31m\u202egnp\u2066\nFAKE line\r\x9b2J"
"""Sets the title of a terminal, colours it, turns the writing around, begins a line, clears the screen."""

KEY = f"k{EVIL}"
INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set whose files, folders, tables, columns and cells have such names, and its pack."""
    folder = tmp_path_factory.mktemp("terminal")
    group = folder / "src" / f"g{EVIL}"
    group.mkdir(parents=True)
    (folder / "src" / "train").mkdir()
    (folder / "src" / "test").mkdir()
    (group / f"{KEY}.jpg").write_bytes(jpeg(1))
    (group / f"cut{EVIL}.jpg").write_bytes(jpeg(2)[:300])
    for split in ("train", "test"):
        (folder / "src" / split / f"{split}{EVIL}.jpg").write_bytes(jpeg(3))
    with (folder / "src" / f"t{EVIL}.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [["name", f"c{EVIL}", "kind"], [f"{KEY}.jpg", f"v{EVIL}", f"a{EVIL}"], [f"gone{EVIL}", "", ""]]
        csv.writer(file).writerows(rows)
    (folder / "src" / f"bad{EVIL}.csv").write_text(f'a,b\n1,2,3{EVIL}\n"', encoding="utf-8")
    (folder / "src" / f"left{EVIL}.xyz").write_text("x")
    packhouse.pack(folder / "src", folder / "a.pack", link=[f"t{EVIL}.name"])
    return folder


def commands(folder: Path, to: Path) -> dict[str, list[str]]:
    """Return command lines for every command, some of them wrong."""
    pack, group, key = str(folder / "a.pack"), f"g{EVIL}", f"g{EVIL}/{KEY}"
    src = str(folder / "src")
    return {
        "sample": ["sample", str(to / f"s{EVIL}"), "--images", "2"],
        "pack": ["pack", src, "-o", str(to / f"p{EVIL}.pack")],
        "pack --dry-run": ["pack", src, "-o", str(to / "q.pack"), "--dry-run"],
        "inspect": ["inspect", pack],
        "inspect --json": ["inspect", pack, "--json"],
        "ls": ["ls", pack],
        "ls group": ["ls", pack, group],
        "ls wrong": ["ls", pack, f"wrong{EVIL}"],
        "get": ["get", pack, f"wrong{EVIL}"],
        "find": ["find", pack, "--where", "true"],
        "find wrong": ["find", pack, "--where", f"nothing{EVIL} = 1"],
        "find orphans": ["find", pack, "--orphans", "rows"],
        "rows": ["rows", pack, key],
        "rows wrong": ["rows", pack, f"wrong{EVIL}"],
        "stats": ["stats", pack, "--size", "8"],
        "check": ["check", pack],
        "check label": ["check", pack, "--label", f"t{EVIL}.kind"],
        "verify": ["verify", pack, "--against", str(folder / "small")],
        "repair": ["repair", pack, str(to / f"r{EVIL}.pack")],
        "extract": ["extract", pack, str(to / f"x{EVIL}")],
        "derive": ["derive", pack, "--size", f"wrong{EVIL}"],
        "bench": ["bench", str(to / f"nothing{EVIL}")],
        "index": ["index", str(to / f"nothing{EVIL}.h5")],
        f"no{EVIL}": [f"no{EVIL}"],
    }


def test_all_commands_are_tried(tmp_path: Path) -> None:
    """A new one has to be added above."""
    tried = {line[0] for line in commands(tmp_path, tmp_path).values()}
    assert set(COMMANDS) <= tried


NAMES = list(commands(Path(), Path()))


@pytest.mark.parametrize("name", NAMES, ids=[visible_line(name)[:16] for name in NAMES])
def test_a_terminal_gets_visible_text_alone(hostile: Path, tmp_path: Path, name: str) -> None:
    """On stdout, which is a terminal here, and on stderr."""
    (hostile / "small").mkdir(exist_ok=True)
    (hostile / "small" / f"other{EVIL}.jpg").write_bytes(jpeg(9))
    out, err = run_in_terminal(commands(hostile, tmp_path)[name])

    for text in (out.replace("\r\n", "\n"), err):
        odd = {one for one in text if unicodedata.category(one) in INVISIBLE} - {"\n", "\t"}
        assert odd == set(), text
        assert not any(line.startswith("FAKE") for line in text.splitlines()), text


def run_in_terminal(arguments: list[str]) -> tuple[str, str]:
    """Run a command with a terminal as stdout; return what came there, and on stderr."""
    parent, child = pty.openpty()
    process = subprocess.Popen([PROGRAM, *arguments], stdout=child, stderr=subprocess.PIPE)
    os.close(child)
    shown = b""
    while chunk := _read(parent):
        shown += chunk
    os.close(parent)
    _, err = process.communicate(timeout=120)
    return shown.decode(), err.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end is closed
        return b""


def test_bars_show_names_as_text(hostile: Path, tmp_path: Path) -> None:
    """A terminal as stderr gets the sequences of the bars, and none of a table's name."""
    parent, child = pty.openpty()
    arguments = [str(PROGRAM), "pack", str(hostile / "src"), "-o", str(tmp_path / "b.pack")]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=child)
    os.close(child)
    shown = b""
    while chunk := _read(parent):
        shown += chunk
    os.close(parent)
    process.wait()
    text = shown.decode()
    assert "\x1b]0;" not in text
    assert not {"\u202e", "\u2066", "\x9b", "\x07"} & set(text)


def test_a_pipe_gets_exact_records(hostile: Path) -> None:
    """A record a line, from which the key can be made again; --print0 and --json have it as it is."""
    pack, group = str(hostile / "a.pack"), f"g{EVIL}"
    with packhouse.open(pack) as opened:
        keys = sorted(key for key in opened.images if key.startswith(group))
        every = list(opened.images)
    found = subprocess.run([PROGRAM, "ls", pack, group, "--print0"], capture_output=True, check=True).stdout
    assert found.decode().split("\0")[:-1] == keys
    found = subprocess.run(
        [PROGRAM, "find", pack, "--where", "true", "--print0"], capture_output=True, check=True
    ).stdout
    assert found.decode().split("\0")[:-1] == every
    lines = subprocess.run([PROGRAM, "ls", pack, group], capture_output=True, check=True).stdout.decode()
    assert lines.split("\n")[:-1] == [
        key.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
        for key in keys
    ]


def test_cells_on_a_pipe_keep_their_escape_sequences(hostile: Path) -> None:
    """No library between takes them for colours that a pipe cannot show."""
    key = f"g{EVIL}/{KEY}"
    found = subprocess.run(
        [PROGRAM, "rows", str(hostile / "a.pack"), key], capture_output=True, check=True
    ).stdout.decode()
    assert f"c{EVIL}\tv{EVIL}".replace("\n", "\\n").replace("\r", "\\r") in found.split("\n")


def test_visible_text() -> None:
    """Letters of all scripts stay; what is invisible is spelled as Python spells it."""
    assert visible("größe Größe 漢字 עברית a\nb\tc") == "größe Größe 漢字 עברית a\nb\tc"
    assert visible_line("a\nb\tc\r") == "a\\nb\\tc\\r"
    assert visible("\x1b[0m\x9b\u202e\ud800\U000e0001") == "\\x1b[0m\\x9b\\u202e\\ud800\\U000e0001"
    for number in range(0x110000):
        shown = visible_line(chr(number))
        assert unicodedata.category(shown[0]) not in INVISIBLE
        assert shown == chr(number) or shown.startswith("\\")
