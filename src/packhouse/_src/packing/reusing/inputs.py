"""What decides what a pack holds, in one digest, but for what is in the files of the data set."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from packhouse._src.imagefile.format import IMAGES_FILE, INDEX_FILE
from packhouse._src.packing.keeping.run_memory import (
    RunMemory,
    clocks_of,
    digest_of_json,
    digest_of_said,
    remember_run,
)
from packhouse._src.packing.keeping.table_journal import versions
from packhouse._src.packing.planning import Plan


def remember_plan(plan: Plan, manifest: Mapping[str, Any], target: Path) -> None:
    """Keep what a finished run has read and made in the cache folder, where that can be written.

    Args:
        plan: What was packed, to where it is now.
        manifest: What pack.json says.
        target: As `remembered` says.
    """
    with suppress(OSError):
        made = clocks_of(plan.dest, (IMAGES_FILE, INDEX_FILE) if plan.images else ())
        images = digest_of_images(plan)
        inputs = digest_of_inputs(plan, images)
        remember_run(RunMemory(inputs, images, digest_of_said(manifest), made), target)


def digest_of_inputs(plan: Plan, images: str) -> str:
    """Return a digest of all that decides what a pack holds, but for what is in the files.

    Args:
        plan: What is packed.
        images: What `digest_of_images` gives.
    """
    return digest_of_json(
        {
            "images": images,
            "options": [plan.options.shaping, plan.given.shaping],
            "source": [plan.source.path.absolute().name, plan.seen, plan.settings, plan.archives],
            "tables": [asdict(table) for table in plan.tables],
            "files": [(file.path, file.size) for file in plan.table_files.values()],
            "lost": [repr(one) for one in (*plan.skipped, *plan.failed)],
        }
    )


def digest_of_images(plan: Plan) -> str:
    """Return a digest of all that decides what the image file and its index hold, but for their bytes.

    Keys are not in it: they follow from the paths. Cost: 1 us per image.
    """
    paths, sizes = list(plan.images), [file.size for file in plan.images.values()]
    names = [plan.escaped, sorted(plan.code_pages.items()), paths, sizes]
    return digest_of_json([*versions(), version("h5py"), names])
