"""Packing against `tar -cf`: whole commands in turn, small images and large ones; bytes added; memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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
from trees import jpeg_tree, warm

import packhouse

PEAK = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


def measure(scale: Scale) -> None:
    """Print the table of packing."""
    heading("Packing", "what", "measured", "aim")
    tree = jpeg_tree(images=scale.images, size=scale.image_bytes)
    pack = OUT / "tree.pack"
    _turns(tree, pack, images=scale.images, size=scale.image_bytes, rounds=scale.rounds, aim="<= 1.3")
    originals = size_bytes(tree)
    hdf5 = (size_bytes(pack / "images.h5") - originals) / scale.images
    index = size_bytes(pack / "image_index.parquet") / scale.images
    record("overhead", hdf5_bytes=hdf5, index_bytes=index, images=scale.images)
    line("bytes of HDF5 an image", f"{hdf5:.0f}", "<= 360")
    line("bytes of index an image", f"{index:.0f}", "<= 70")
    clear(pack)
    _peak_memory(tree, pack, images=scale.images)
    clear(pack)
    large = jpeg_tree(images=scale.large_images, size=scale.large_bytes)
    _turns(large, pack, images=scale.large_images, size=scale.large_bytes, rounds=scale.rounds, aim="<= 1.05")
    clear(pack)
    clear(large)


def _turns(tree: Path, pack: Path, *, images: int, size: int, rounds: int, aim: str) -> None:
    """Whole commands, start of the interpreter and fsync included; and the call alone, in one process."""
    warm(tree)
    tar = OUT / "tree.tar"
    whole, call, tarred, flushed, tar_bytes = [], [], [], [], 0
    for number in range(rounds + 1):
        clear(pack)
        settle()
        whole_s = seconds(command(PROGRAM, "pack", tree, "-o", pack))
        clear(tar)
        settle()
        tar_s = seconds(command("tar", "-cf", tar, tree))
        tar_bytes = size_bytes(tar)
        flush_s = seconds(lambda: _flush(tar))
        clear(tar)
        clear(pack)
        settle()
        call_s = seconds(lambda: packhouse.pack(tree, pack))
        if number:  # the first round warms up
            whole.append(whole_s)
            call.append(call_s)
            tarred.append(tar_s)
            flushed.append(tar_s + flush_s)
            record(
                "pack", images=images, size=size, whole_s=whole_s, call_s=call_s, tar_s=tar_s, flush_s=flush_s
            )
    what = f"{images:,} files of {size // 1000} KB"
    line(f"`packhouse pack` / `tar -cf`, {what}", spread(ratios(whole, tarred)), aim)
    line("the same, `packhouse.pack()` in a running process", spread(ratios(call, tarred)), aim)
    line("`packhouse pack` / `tar -cf` and an fsync of its file", spread(ratios(whole, flushed)), "-")
    line("`packhouse pack`, s", spread(whole, digits=1), "-")
    line("`tar -cf`, s", spread(tarred, digits=1), "-")
    line("bytes `tar` adds an image", f"{(tar_bytes - size_bytes(tree)) / images:.0f}", "-")


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _peak_memory(tree: Path, pack: Path, *, images: int) -> None:
    """Memory of the whole process, as the operating system counts it."""
    arguments = [sys.executable, "-c", PEAK, str(PROGRAM), "pack", str(tree), "-o", str(pack)]
    code, peak = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.split()
    if code != "0":
        sys.exit(f"packing {tree} failed")
    record("memory", images=images, peak_mb=int(peak))
    line(f"peak memory of packing {images:,} images, MB", peak, "<= 300")
