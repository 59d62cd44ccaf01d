"""packhouse index: makes the index of an HDF5 file of images, whoever wrote it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from packhouse._src.foreign.foreign_index import Indexed


@click.command("index")
@click.argument("file")
@click.option("--workers", type=click.IntRange(min=1), help="How many read images at once; one a core.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(file: str, workers: int | None, as_json: bool) -> int:
    """Make the index of FILE, an HDF5 file of images, so that it opens at once.

    It is kept beside the file, or in the user's cache folder; one that is there is made again. Opening such a
    file makes it too, when it is missing.
    """
    from packhouse._src.cli._printing import print_json
    from packhouse._src.cli._progress import shown
    from packhouse._src.cli.main import DONE, INCOMPLETE
    from packhouse._src.foreign.foreign_index import index_foreign

    with shown() as observer:
        made = index_foreign(Path(file), workers=workers, observer=observer)
    if as_json:
        print_json(
            {
                "file": file,
                "index": str(made.path),
                "images": made.images,
                "problems": made.problems,
                "helpers": made.helpers,
                "refused": [{"path": one.path, "reason": one.reason} for one in made.refused],
            }
        )
    else:
        click.echo("\n".join(_lines(file, made)))
    return INCOMPLETE if made.refused else DONE


def _lines(file: str, made: Indexed) -> Iterator[str]:
    from packhouse._src.cli._printing import examples

    yield f"{file}: {made.images:,} images, index in {made.path}"
    for problem in sorted(set(made.problems.values())):
        keys = [key for key, found in made.problems.items() if found == problem]
        yield f"  {len(keys):,} of them are {problem}: {examples(keys)}"
    if made.helpers:
        yield f"  names and places are taken from {examples(made.helpers)}"
    if not made.refused:
        return
    yield f"{len(made.refused):,} things in the file are not in the index:"
    for reason, count in Counter(one.reason for one in made.refused).most_common():
        paths = [one.path for one in made.refused if one.reason == reason]
        yield f"  {examples(paths)} ({count:,}): {reason}"
