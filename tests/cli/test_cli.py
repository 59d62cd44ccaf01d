"""The command line in processes of its own: exit codes, streams, JSON, typos, Ctrl-C."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import packhouse
from small_dataset import JOIN, DataSet, jpeg

PROGRAM = Path(sys.executable).with_name("packhouse")


def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run one command line."""
    return subprocess.run(
        [PROGRAM, *arguments], capture_output=True, text=True, check=False, cwd=cwd, timeout=120
    )


@pytest.fixture
def packed(dataset: DataSet, tmp_path: Path) -> Path:
    """A pack of the data set."""
    packhouse.pack(dataset.folder, tmp_path / "shop.pack", joins=[JOIN])
    return tmp_path / "shop.pack"


def test_pack_prints_its_report_and_exits_0(dataset: DataSet, tmp_path: Path) -> None:
    """The report goes to stdout, progress to stderr, and what was packed opens."""
    done = run("pack", dataset.folder, "-o", tmp_path / "shop.pack", "--join", JOIN)

    assert done.returncode == 0
    assert "24 images + 3 tables packed" in done.stdout
    assert "article_id stays text: 27 of 27 values start with 0" in done.stdout
    assert "link: articles.article_id" in done.stdout
    assert "train.parquet: 300 rows" in done.stdout
    assert "images: 24 files" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_pack_json_is_one_document_like_the_report(dataset: DataSet, tmp_path: Path) -> None:
    """--json prints the same facts, and nothing else on stdout."""
    done = run("pack", dataset.folder, "-o", tmp_path / "shop.pack", "--json")

    document = json.loads(done.stdout)
    files = {"seen": 27, "images": 24, "tables": 3, "settings": 0, "skipped": 0, "failed": 0}
    assert document["files"] == files
    assert document["links"][0]["rows_without_image"] == 3
    assert document["dest"] == str(tmp_path / "shop.pack")
    manifest = json.loads((tmp_path / "shop.pack" / "pack.json").read_text(encoding="utf-8"))
    assert len(manifest.pop("digest")) == 32
    assert {name: document[name] for name in manifest} == manifest


def test_skipped_and_failed_inputs_exit_3(dataset: DataSet, tmp_path: Path) -> None:
    """Done, but not with everything: listed, and seen in the exit code."""
    (dataset.folder / "readme.txt").write_text("x")
    (dataset.folder / "bad.csv").write_text("a,b\n1,2,3\n")

    done = run("pack", dataset.folder, "-o", tmp_path / "shop.pack")

    assert done.returncode == 3
    assert "skipped, neither an image nor a table, by its name: 1 (readme.txt)" in done.stdout
    assert "FAILED bad.csv: the row has 3 cells, the header has 2: 1,2,3" in done.stdout


def test_dry_run_writes_nothing(dataset: DataSet, tmp_path: Path) -> None:
    """The plan is shown in words and as JSON."""
    words = run("pack", dataset.folder, "-o", tmp_path / "shop.pack", "--dry-run", "--join", JOIN)
    document = json.loads(
        run("pack", dataset.folder, "-o", tmp_path / "shop.pack", "--dry-run", "--json").stdout
    )

    assert words.returncode == 0
    assert "images.h5: 24 images" in words.stdout
    assert "train.parquet: train = transactions_train + customers on customer_id (inner)" in words.stdout
    assert document["images"]["count"] == 24
    assert os.listdir(tmp_path) == ["shop"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["pakc"], 2, "Did you mean pack?"),
        (["pack", "shop"], 2, "Missing option"),
        (["pack", "sohp", "-o", "x.pack"], 1, "SRC does not exist"),
        (["pack", "shop", "-o", "x.pack", "--how", "outer"], 2, "is not one of 'inner', 'left'"),
        (["pack", "shop", "-o", "x.pack", "--link", "articles.id"], 1, "there is no column 'id'"),
        (["pack", "shop", "-o", "x.pack", "--link", "a.b", "--no-link"], 2, "contradict"),
        (["pack", "shop", "-o", "x.pack", "--types", "articles.name"], 2, "TABLE.COLUMN=TYPE"),
        (["inspect", "nothing.pack"], 1, "there is no such pack"),
        (["inspect", "shop"], 1, "is not a pack"),
        (["sample", "shop"], 1, "shop"),
    ],
)
def test_mistakes_say_what_and_what_to_do(
    dataset: DataSet, arguments: list[str], code: int, says: str
) -> None:
    """The message is on stderr without a traceback, stdout is empty, the exit code is the written one."""
    done = run(*arguments, cwd=dataset.folder.parent)

    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_errors_of_the_file_system_are_messages_too(packed: Path, dataset: DataSet, tmp_path: Path) -> None:
    """A missing folder for -o, a sample where none can be, a full stdout: no traceback."""
    name = min(dataset.files).split("/")[2].removesuffix(".jpg")
    mistakes: list[list[str | Path]] = [
        ["get", packed, name, "-o", tmp_path / "absent" / "x.jpg"],
        ["sample", "/proc/none"],
        ["pack", "", "-o", tmp_path / "y.pack"],
        ["inspect", packed / "articles.parquet"],
    ]
    for arguments in mistakes:
        done = run(*arguments)

        assert done.returncode in {1, 2}
        assert done.stderr.startswith("error: ")
        assert "Traceback" not in done.stderr
    with Path("/dev/full").open("w") as full:
        command = [str(PROGRAM), "inspect", str(packed)]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_ctrl_c_in_sample_leaves_an_empty_folder(tmp_path: Path) -> None:
    """So that the same command can be run again."""
    process = subprocess.Popen(
        [PROGRAM, "sample", tmp_path / "shop", "--images", "3000"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    while not list(tmp_path.glob("shop/images/*/*.jpg")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]

    assert process.returncode == 130
    assert "Traceback" not in said
    assert list((tmp_path / "shop").iterdir()) == []


def test_verbose_shows_where_an_error_arose(tmp_path: Path) -> None:
    """-v adds the traceback."""
    done = run("-v", "inspect", tmp_path / "nothing.pack")

    assert "Traceback" in done.stderr
    assert done.returncode == 1


def test_ls_lists_groups_and_keys(packed: Path, dataset: DataSet) -> None:
    """Groups with their counts; the keys of one group; a wrong group is an error."""
    groups = dict(line.split("\t") for line in run("ls", packed).stdout.splitlines())
    keys = run("ls", packed, "010").stdout.split()

    expected = [path.removeprefix("images/").removesuffix(".jpg") for path in sorted(dataset.files)]
    assert json.loads(run("ls", packed, "--json").stdout) == {g: int(n) for g, n in groups.items()}
    assert sum(map(int, groups.values())) == 24
    assert keys == [key for key in expected if key.startswith("010/")]
    assert run("ls", packed, "999").returncode == 1


def test_get_gives_the_files_own_bytes(packed: Path, dataset: DataSet, tmp_path: Path) -> None:
    """To stdout, to a file and to a folder; nothing is overwritten."""
    path, data = min(dataset.files.items())
    key = path.removeprefix("images/").removesuffix(".jpg")
    piped = subprocess.run([PROGRAM, "get", packed, key], capture_output=True, check=True)
    to_file = run("get", packed, key, "-o", tmp_path / "one.jpg")
    again = run("get", packed, key, "-o", tmp_path / "one.jpg")
    (tmp_path / "out").mkdir()
    others = [name.split("/")[2].removesuffix(".jpg") for name in sorted(dataset.files)[:3]]
    to_folder = run("get", packed, *others, "-o", tmp_path / "out")

    assert piped.stdout == data
    assert to_file.returncode == 0
    assert (tmp_path / "one.jpg").read_bytes() == data
    assert again.returncode == 1
    assert "already exists" in again.stderr
    assert to_folder.returncode == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"{n}.jpg" for n in others]
    assert run("get", packed, *others).returncode == 2


def test_get_names_the_nearest_keys(packed: Path, dataset: DataSet) -> None:
    """A typo in a key is answered with keys that look like it."""
    key = min(dataset.files).removeprefix("images/").removesuffix(".jpg")

    done = run("get", packed, key + "x")

    assert done.returncode == 1
    assert f"try: did you mean {key}" in done.stderr


def test_hints_name_only_what_the_command_has(packed: Path) -> None:
    """`repair` has no --update and no --overwrite; `index` needs no pack, whose index is there."""
    exists = run("repair", packed, packed.parent / "shop")
    indexed = run("index", packed)

    assert (exists.returncode, indexed.returncode) == (1, 1)
    assert "try: choose another name\n" in exists.stderr
    assert "a pack has its index already" in indexed.stderr


def test_output_into_a_closed_pipe_ends_without_a_traceback(packed: Path) -> None:
    """`packhouse inspect | head -1` is quiet."""
    done = subprocess.run(
        f"{PROGRAM} inspect {packed} | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


def test_bars_are_drawn_on_a_terminal_only(dataset: DataSet, tmp_path: Path) -> None:
    """On a terminal stderr shows bars, and with NO_COLOR no colours."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, "pack", dataset.folder, "-o", tmp_path / "x.pack"],
        stderr=slave,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "NO_COLOR": "1", "TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(master)

    assert process.wait() == 0
    assert b"table articles" in shown
    assert b"24/24" in shown
    assert b"\x1b[3" not in shown.replace(b"\x1b[3A", b"")  # no colour: cursor movements only


def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    """An interrupt while packing exits with 130, without DEST; the same command completes."""
    folder = tmp_path / "big"
    data = jpeg(1)
    for group in range(40):
        (folder / f"{group:03d}").mkdir(parents=True)
        for number in range(400):
            (folder / f"{group:03d}" / f"{number:05d}.jpg").write_bytes(data)
    process = subprocess.Popen(
        [PROGRAM, "pack", folder, "-o", tmp_path / "big.pack"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    while not (tmp_path / "big.pack.packing").exists() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]

    assert process.returncode == 130
    assert "run the same command again" in said
    assert "Traceback" not in said
    kept = (tmp_path / "big.pack.packing").exists()
    assert ("goes on from there" if kept else "nothing half-done is left behind") in said
    assert not (tmp_path / "big.pack").exists()
    assert run("pack", folder, "-o", tmp_path / "big.pack").returncode == 0
    assert sorted(os.listdir(tmp_path)) == ["big", "big.pack"]


def test_a_killed_run_is_followed_by_a_good_one(dataset: DataSet, tmp_path: Path) -> None:
    """After kill -9 DEST is not there, and the same command then completes."""
    process = subprocess.Popen(
        [PROGRAM, "pack", dataset.folder, "-o", tmp_path / "shop.pack"],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    while not (tmp_path / "shop.pack.packing").exists() and process.poll() is None:
        time.sleep(0.001)
    process.kill()
    process.wait()

    done = run("pack", dataset.folder, "-o", tmp_path / "shop.pack")

    assert done.returncode == 0
    assert sorted(os.listdir(tmp_path)) == ["shop", "shop.pack"]


def test_sample_then_pack_as_the_readme_says(tmp_path: Path) -> None:
    """With --problems every odd file is named in the report, and the exit code is 3."""
    made = run(
        "sample",
        tmp_path / "shop",
        "--images",
        "20",
        "--customers",
        "30",
        "--transactions",
        "200",
        "--problems",
    )
    done = run("pack", tmp_path / "shop", "-o", tmp_path / "shop.pack", "--join", JOIN, "--json")

    assert made.returncode == 0
    assert done.returncode == 3
    document = json.loads(done.stdout)
    assert set(document["images"]["problems"].values()) == {"empty", "truncated", "not an image"}
    assert {Path(one["path"]).name for one in document["skipped"]} == {".DS_Store", "Thumbs.db", "notes.txt"}
    assert len(document["images"]["kept_extensions"]) == 2
    assert document["failed"] == []


def test_help_of_every_command_names_its_options() -> None:
    """--help works everywhere, and imports nothing heavy."""
    for command in ("sample", "pack", "inspect", "ls", "get", "find", "rows"):
        done = run(command, "--help")

        assert done.returncode == 0
        assert done.stdout.startswith(f"Usage: packhouse {command}")
    code = (
        "import sys, packhouse._src.cli.main as m; m.run(['pack', '--help']); "
        "print([n for n in ('numpy', 'h5py', 'pyarrow', 'duckdb', 'PIL') if n in sys.modules])"
    )
    heavy = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert heavy.stdout.splitlines()[-1] == "[]"
