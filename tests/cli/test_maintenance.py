"""`packhouse verify` and `packhouse extract` in processes of their own: exit codes, JSON, typos."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import packhouse
from maintenance_kit import flip, ranges, tree
from small_dataset import JOIN, DataSet, jpeg

PROGRAM = Path(sys.executable).with_name("packhouse")


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one command line."""
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def packed(dataset: DataSet, tmp_path: Path) -> Path:
    """A pack of the data set."""
    packhouse.pack(dataset.folder, tmp_path / "shop.pack", joins=[JOIN])
    return tmp_path / "shop.pack"


def test_verify_says_that_nothing_is_damaged(packed: Path, dataset: DataSet) -> None:
    """In words and as JSON; 0."""
    words = run("verify", packed, "--against", dataset.folder)
    document = json.loads(run("verify", packed, "--json", "--workers", "1").stdout)

    assert words.returncode == 0
    assert "24 images and 4 tables read" in words.stdout
    assert "0 images differ" in words.stdout
    assert "no damage found" in words.stdout
    assert (document["sound"], document["images"], document["damaged"]) == (True, 24, [])


def test_verify_names_what_is_damaged_and_exits_4(packed: Path) -> None:
    """The key, on stdout."""
    key, (offset, _) = max(ranges(packed).items())
    flip(packed / "images.h5", 8 * offset)

    words = run("verify", packed)
    document = run("verify", packed, "--json")

    assert (words.returncode, document.returncode) == (4, 4)
    assert f"DAMAGED {key}: its bytes do not match their digest" in words.stdout
    assert [one["key"] for one in json.loads(document.stdout)["damaged"]] == [key]


def test_verify_against_other_originals_exits_4(packed: Path, dataset: DataSet) -> None:
    """A changed original is no damage of the pack, and is not passed over."""
    (dataset.folder / min(dataset.files)).write_bytes(b"x")

    done = run("verify", packed, "--against", dataset.folder)

    assert done.returncode == 4
    assert f"DIFFERENT {min(dataset.files)}: has 1 bytes in SRC" in done.stdout
    assert "the pack itself is not damaged" in done.stdout


def test_extract_exits_0_3_or_4(packed: Path, dataset: DataSet, tmp_path: Path) -> None:
    """All written; something in the way; an image damaged."""
    first = run("extract", packed, tmp_path / "out")
    document = json.loads(run("extract", packed, tmp_path / "out", "--json").stdout)
    (tmp_path / "out" / min(dataset.files)).write_bytes(b"mine")
    in_the_way = run("extract", packed, tmp_path / "out")
    flip(packed / "images.h5", 8 * max(ranges(packed).values())[0])
    damaged = run("extract", packed, tmp_path / "new")

    assert (first.returncode, in_the_way.returncode, damaged.returncode) == (0, 3, 4)
    assert "24 of 24 images written" in first.stdout
    assert "tables are not converted back to CSV: articles" in first.stdout
    assert (document["written"], document["there_already"]) == (0, 24)
    assert f"FAILED {min(dataset.files)}: another file with this name already exists" in in_the_way.stdout
    assert (tmp_path / "out" / min(dataset.files)).read_bytes() == b"mine"
    assert "DAMAGED" in damaged.stdout
    assert len(tree(tmp_path / "new")) == 23


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["verify", "absent.pack"], 1, "there is no such pack"),
        (["verfiy", "x"], 2, "Did you mean verify?"),
        (["extract", "absent.pack", "out"], 1, "there is no such pack"),
        (["extract", "absent.pack"], 2, "Missing argument"),
    ],
)
def test_mistakes_say_what_and_what_to_do(arguments: list[str], code: int, says: str) -> None:
    """On stderr, without a traceback."""
    done = run(*arguments)

    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_pack_and_a_source_mistyped(packed: Path, tmp_path: Path) -> None:
    """--against something that is not there; a file of the pack in its stead; --workers 0."""
    assert run("verify", packed, "--against", tmp_path / "absent").returncode == 1
    assert "the folder it is in" in run("verify", packed / "images.h5").stderr
    assert run("verify", packed, "--workers", "0").returncode == 2


def test_ctrl_c_leaves_whole_files_and_the_next_run_completes(tmp_path: Path) -> None:
    """130; every file that is there is whole; the same command then writes the rest."""
    source = tmp_path / "src"
    data = jpeg(1)
    for number in range(6000):
        path = source / f"{number % 60:02d}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    packhouse.pack(source, tmp_path / "p")
    process = subprocess.Popen(
        [PROGRAM, "extract", tmp_path / "p", tmp_path / "out"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list((tmp_path / "out").glob("*/*")) and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]

    assert process.returncode == 130
    assert "Traceback" not in said
    assert all(found == data for found in tree(tmp_path / "out").values())
    assert run("extract", tmp_path / "p", tmp_path / "out").returncode == 0
    assert sum(len(names) for _, _, names in os.walk(tmp_path / "out")) == 6000


def test_a_pack_repaired_without_its_manifest_is_inspected(packed: Path, tmp_path: Path) -> None:
    """What pack.json said is lost, and inspect shows what is known."""
    (packed / "pack.json").unlink()

    run("repair", packed, tmp_path / "out.pack")
    done = run("inspect", tmp_path / "out.pack")

    assert (done.returncode, done.stderr) == (0, "")
    assert "articles (articles.parquet): 27 rows" in done.stdout
