"""What must hold after a run was killed, and after the one that goes on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import h5py

import packhouse
from crash.scenes import Scene, contents
from packhouse._src.imagefile.digest import digest_of
from packhouse._src.imagefile.write.journal import files_in, read_journal
from packhouse._src.records import SourceFile

FOR_OUR_USE = (".lock", ".images-")
"""What may be left in a complete DEST when the kill came between its rename and the tidying up."""


def pack_in(folder: Path) -> dict[str, bytes]:
    """Return the files of a pack, without what is only left over."""
    return {path: data for path, data in contents(folder).items() if not path.startswith(FOR_OUR_USE)}


def replaced_in(scene: Scene) -> list[Path]:
    """Return the folders that a pack was moved to, to be replaced."""
    return sorted(scene.out.glob("some.pack.replaced-*"))


def check_reference(scene: Scene) -> list[str]:
    """See that the pack made in one go holds the data set; all others are compared with it."""
    problems = []
    with packhouse.open(scene.dest) as pack:
        wanted = {path: data for path, data in scene.images.items() if path not in scene.unreadable}
        held = {image.file_name: image.bytes for image in pack.images.values()}
        if held != wanted:
            problems.append(f"the reference holds {sorted(held)}")
        if "tables" not in scene.options and ("items" not in pack.tables or not pack.manifest["links"]):
            problems.append(f"the reference has {list(pack.tables)}, linked {pack.manifest['links']}")
    return problems


def check_stopped(scene: Scene) -> tuple[list[str], set[str]]:
    """Look at what a kill has left.

    Args:
        scene: The data set and where it was packed.

    Returns:
        What is wrong, and the paths of the images that are acknowledged.
    """
    problems = [*_check_dest(scene), *_check_image_files(scene)]
    acknowledged: set[str] = set()
    for journal in sorted(scene.packing.glob(".images-*/journal")):
        found, wrong = _check_journal(scene, journal)
        acknowledged |= found
        problems += wrong
    strange = [name for name in os.listdir(scene.out) if not name.startswith("some.pack")]
    return problems + [f"{name} was left" for name in strange], acknowledged


def _check_dest(scene: Scene) -> Iterator[str]:
    """DEST is not there, or one of the two packs; the old one is somewhere until the new one is there."""
    if scene.dest.exists():
        found = pack_in(scene.dest)
        if found not in (scene.reference, scene.old):
            yield f"DEST is incomplete: {sorted(found)}"
        with packhouse.open(scene.dest):
            return
    elif scene.old is not None:
        kept = [pack_in(folder / scene.dest.name) for folder in replaced_in(scene)]
        if scene.old not in kept:
            yield "the old pack is gone, and the new one not there"


def _check_image_files(scene: Scene) -> Iterator[str]:
    images = scene.images
    everything = {path.removesuffix(".jpg") for path in images}
    without = everything - {path.removesuffix(".jpg") for path in scene.unreadable}
    for path in sorted(scene.packing.rglob("images.h5")):
        try:
            names = _datasets_in(path)
        except OSError as err:
            yield f"{path} does not open: {err}"
        else:
            if names not in (everything, without):
                yield f"{path} holds {sorted(names)}"


def _datasets_in(path: Path) -> set[str]:
    names: set[str] = set()

    def note(name: str, node: h5py.Group | h5py.Dataset) -> None:
        if isinstance(node, h5py.Dataset):
            names.add(name)

    with h5py.File(path, "r") as file:
        file.visititems(note)
    return names


def _check_journal(scene: Scene, journal: Path) -> tuple[set[str], list[str]]:
    reading = read_journal(journal)
    if reading is None:
        return set(), [f"{journal} cannot be read"]
    places = [journal.with_name("images.h5"), journal.with_name("unfinished.h5"), scene.packing / "images.h5"]
    there = [path for path in places if path.exists()]
    if not there and reading.records:
        return set(), [f"what {journal} says has no image file"]
    images = scene.images
    problems, acknowledged = [], set()
    for file, offset, digest in files_in(reading):
        acknowledged.add(file.path)
        with there[0].open("rb") as stored:
            stored.seek(offset)
            data = stored.read(file.size)
        if data != images[file.path] or digest_of(data) != digest or file != _seen(scene, file.path):
            problems.append(f"{file.path} is acknowledged and not in its place")
    return acknowledged, problems


def _seen(scene: Scene, path: str) -> SourceFile:
    facts = (scene.source / path).stat()
    return SourceFile(path, facts.st_size, facts.st_mtime_ns, facts.st_ino, facts.st_ctime_ns)


def check_finished(scene: Scene, replaced: list[Path]) -> list[str]:
    """See that the pack is that of a run in one go, and that nothing else is left.

    Args:
        scene: The data set and where it was packed.
        replaced: Folders with replaced packs that were there before this run.

    Returns:
        What is wrong.
    """
    if not scene.dest.exists():
        return ["DEST is not there"]
    problems, found = [], contents(scene.dest)
    differ = {name for name in found.keys() | scene.reference if found.get(name) != scene.reference.get(name)}
    if differ:
        problems.append(f"not byte-identical: {sorted(differ)}")
    left = {scene.out / name for name in os.listdir(scene.out)} - {scene.dest, *replaced}
    return problems + [f"{path.name} was left" for path in sorted(left)]
