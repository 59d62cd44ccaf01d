"""A pack is replaced over and over while it is read: each open pack gives answers of one generation."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import packhouse
from packhouse.errors import CorruptStoreError, NotAPackError, PackReplacedError
from small_dataset import jpeg
from soak.budget import Budget, Trials

IMAGES = 5
REPLACE = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import packhouse
from soak.replacements import write_generation

for number in range(1, int(sys.argv[3]) + 1):
    folder = Path(sys.argv[2])
    write_generation(folder / "shop", number)
    packhouse.pack(folder / "shop", folder / "a.pack", update=True)
    print(number, flush=True)
"""


def write_generation(folder: Path, number: int) -> None:
    """Write images and a table that all tell their generation."""
    (folder / "i").mkdir(parents=True, exist_ok=True)
    for image in range(IMAGES):
        (folder / "i" / f"{image:03d}.jpg").write_bytes(picture(number, image))
    rows = [f"{image:03d},{number}" for image in range(IMAGES)]
    (folder / "items.csv").write_text("\n".join(["item,generation", *rows, ""]), encoding="utf-8")


def picture(generation: int, image: int) -> bytes:
    """Return an image of a generation."""
    return jpeg(10 * generation + image, width=16, height=16)


def replacements(folder: Path, budget: Budget) -> Generator[Trials]:
    """Update the pack in another process, and read it meanwhile; a trial is a replacement."""
    known = {picture(number, image): number for number in range(budget.most + 1) for image in range(IMAGES)}
    write_generation(folder / "shop", 0)
    packhouse.pack(folder / "shop", folder / "a.pack")
    tests = Path(__file__).parents[1]
    done, log = 0, folder / "replaced"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", REPLACE, tests, folder, f"{budget.most}"], stdout=out
        )
    try:
        while process.poll() is None:
            wrong = _read_one(folder / "a.pack", known)
            before, done = done, len(log.read_bytes().splitlines())
            yield Trials(done - before, tuple(wrong))
        if process.returncode:
            yield Trials(1, (f"the packer ended with {process.returncode}",))
        yield Trials(len(log.read_bytes().splitlines()) - done, tuple(_read_one(folder / "a.pack", known)))
    finally:
        process.kill()
        process.wait()


def _read_one(path: Path, known: dict[bytes, int]) -> list[str]:
    """Open the pack and read it twice; say where two answers are of different generations."""
    seen: dict[str, set[Any]] = {}
    try:
        with packhouse.open(path) as pack:
            for time in ("first", "second"):
                seen[f"images, {time}"] = {
                    known.get(pack.images[key].bytes, "unknown") for key in pack.images
                }
                seen[f"to_arrow, {time}"] = set(pack.tables["items"].to_arrow()["generation"].to_pylist())
                seen[f"sql, {time}"] = set(pack.sql("SELECT generation FROM items")["generation"].to_pylist())
                seen[f"row, {time}"] = {pack.row(key)["generation"] for key in pack.images}  # type: ignore[index]
                batches = list(pack.loader(5, size=8, threads=1, columns=["generation"]))
                seen[f"loader, {time}"] = {one for batch in batches for one in batch.columns["generation"]}
    except (PackReplacedError, NotAPackError):  # between two renames there is no pack at all
        pass
    except CorruptStoreError as err:
        return [f"{type(err).__name__}: {err}, seen {seen}"]
    generations = set().union(*seen.values())
    return [f"generations are mixed: {seen}"] if len(generations) > 1 else []
