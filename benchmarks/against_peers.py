"""The other formats, one after the other: packing one tree, bytes added, random reads of the same images."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from measuring import (
    OUT,
    PROGRAM,
    Scale,
    clear,
    command,
    heading,
    line,
    ratios,
    record,
    seconds,
    settle,
    size_bytes,
    spread,
)
from peers import PEERS
from peers_environment import peers_python
from random_reads import each, in_batches, micros
from trees import jpeg_tree, warm

import packhouse

BATCH = 64
SCRIPT = Path(__file__).with_name("peer_process.py")


@dataclass(slots=True)
class Measured:
    """What was measured of one format; seconds, round by round, with ours in turn."""

    bytes_added: float = 0.0
    whole: list[float] = field(default_factory=list)
    call: list[float] = field(default_factory=list)
    our_whole: list[float] = field(default_factory=list)
    single: list[float] = field(default_factory=list)
    our_single: list[float] = field(default_factory=list)
    batch: list[float] = field(default_factory=list)
    our_batch: list[float] = field(default_factory=list)
    failed: str = ""
    """Why it is left out."""


class Reader:
    """A process of the peers' environment that reads all images of its list once for each line it gets."""

    def __init__(self, python: Path, peer: str, *paths: Path) -> None:
        self._process = subprocess.Popen(
            [python, SCRIPT, peer, "read", *paths],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=_offline(),
        )
        self._answer()

    def ask(self, what: str) -> float:
        """Return the seconds of one round."""
        assert self._process.stdin  # noqa: S101
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        return float(self._answer()["seconds"])

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout  # noqa: S101
        text = self._process.stdout.readline()
        if not text:
            raise PeerError(self._process.communicate()[1])
        return dict(json.loads(text))


class PeerError(Exception):
    """A format could not be measured; its last line says why."""

    def __str__(self) -> str:
        """Return the last line of what it printed."""
        lines = str(self.args[0]).strip().splitlines()
        return lines[-1] if lines else "no word why"


def measure(scale: Scale) -> None:
    """Print the two tables of the other formats."""
    python = peers_python()
    tree = jpeg_tree(images=scale.images, size=scale.image_bytes)
    warm(tree)
    found = {}
    our_bytes = 0.0
    for peer in PEERS:
        found[peer] = measured = Measured()
        dest = OUT / f"peer-{peer}"
        try:
            _pack(python, peer, tree, dest, measured, scale)
            if PEERS[peer].reads_by:
                _read(python, peer, tree, dest, measured, scale)
            else:
                _call(python, peer, "check", tree, dest)
        except PeerError as err:
            measured.failed = str(err)
        our_bytes = (size_bytes(OUT / "tree.pack") - size_bytes(tree)) / scale.images
        record("peer", peer=peer, **{name: getattr(measured, name) for name in Measured.__slots__})
        clear(dest)
    clear(OUT / "tree.pack")
    _print_packing(found, our_bytes, scale)
    _print_reading(found, scale)


def _pack(python: Path, peer: str, tree: Path, dest: Path, measured: Measured, scale: Scale) -> None:
    """Whole commands in turn, imports included; and the seconds that the peer itself says it took."""
    pack = OUT / "tree.pack"
    for number in range(scale.peer_rounds + 1):
        clear(pack)
        settle()
        our_s = seconds(command(PROGRAM, "pack", tree, "-o", pack))
        clear(dest)
        settle()
        said: list[float] = []
        whole_s = seconds(lambda: said.append(_call(python, peer, "pack", tree, dest)["call_s"]))  # noqa: B023
        if number:  # the first round warms up
            measured.our_whole.append(our_s)
            measured.whole.append(whole_s)
            measured.call.append(said[0])
    measured.bytes_added = (size_bytes(dest) - size_bytes(tree)) / scale.images


def _call(python: Path, peer: str, what: str, *paths: Path) -> dict[str, float]:
    """Return what the command says in its last line."""
    arguments: list[str | Path] = [python, SCRIPT, peer, what, *paths]
    done = subprocess.run(arguments, check=False, capture_output=True, text=True, env=_offline())
    if done.returncode:
        raise PeerError(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _read(python: Path, peer: str, tree: Path, dest: Path, measured: Measured, scale: Scale) -> None:
    """Read the same images in turn, each in its own process, from a warm cache."""
    images = packhouse.open(OUT / "tree.pack").images
    everything = list(images)
    rows = random.Random(0).choices(range(scale.images), k=scale.reads)
    keys = [everything[row] for row in rows]
    batches = in_batches(keys, BATCH)
    listed = OUT / "rows.json"
    listed.write_text(json.dumps(rows), encoding="utf-8")
    warm(dest)
    warm(OUT / "tree.pack")
    reader = Reader(python, peer, tree, dest, listed)
    for number in range(scale.read_rounds + 1):
        our_single = seconds(lambda: each(images.read, keys))
        single = reader.ask("single")
        our_batch = seconds(lambda: each(images.read_many, batches))
        batch = reader.ask(f"batch {BATCH}") if PEERS[peer].batch_call else 0.0
        if number:  # the first round warms up
            measured.our_single.append(our_single)
            measured.single.append(single)
            if batch:
                measured.our_batch.append(our_batch)
                measured.batch.append(batch)
    reader.close()
    listed.unlink()


def _print_packing(found: dict[str, Measured], our_bytes: float, scale: Scale) -> None:
    heading(
        f"Other formats: packing {scale.images:,} files of {scale.image_bytes // 1000} KB",
        "format",
        "time / `packhouse pack`, whole commands",
        "s",
        "without imports, s",
        "bytes added an image",
    )
    ours = [value for one in found.values() for value in one.our_whole]
    line("packhouse", "1", f"{statistics.median(ours):.1f}", "-", f"{our_bytes:.0f}")
    for peer, one in found.items():
        if not one.whole:
            line(PEERS[peer].name, f"**LEFT OUT: {one.failed}**", "-", "-", "-")
            continue
        line(
            PEERS[peer].name,
            spread(ratios(one.whole, one.our_whole)),
            f"{statistics.median(one.whole):.1f}",
            f"{statistics.median(one.call):.1f}",
            f"{one.bytes_added:.0f}",
        )


def _print_reading(found: dict[str, Measured], scale: Scale) -> None:
    heading(
        "Other formats: random reads (aim: every ratio of single reads above 1)",
        "format",
        "asked by",
        "single read, us",
        "time / `images.read(key)`",
        f"in batches of {BATCH}, us an image",
        "time / `images.read_many(keys)`",
    )
    single = [value for one in found.values() for value in micros(one.our_single, scale.reads)]
    batch = [value for one in found.values() for value in micros(one.our_batch, scale.reads)]
    if single and batch:
        line("packhouse, digests checked", "key", spread(single, digits=1), "1", spread(batch, digits=1), "1")
    for peer, one in found.items():
        kind = PEERS[peer]
        if not one.single:
            why = f"**LEFT OUT: {one.failed}**" if one.failed else "reads no single image"
            line(kind.name, why, "-", "-", "-", "-")
            continue
        line(
            kind.name,
            kind.reads_by,
            spread(micros(one.single, scale.reads), digits=1),
            spread(ratios(one.single, one.our_single)),
            f"{spread(micros(one.batch, scale.reads), digits=1)}, {kind.batch_call}" if one.batch else "-",
            spread(ratios(one.batch, one.our_batch)) if one.batch else "-",
        )


def _offline() -> dict[str, str]:
    return {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
