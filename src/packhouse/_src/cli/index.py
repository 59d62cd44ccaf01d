"""packhouse index: makes third-party HDF5 files of images readable at full speed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from packhouse._src.cli._options import json_option, with_default, workers_option
from packhouse._src.foreign.evidence.layouts import LAYOUTS, Layout

if TYPE_CHECKING:
    from packhouse._src.maintenance.index import IndexReport


@click.command("index")
@click.argument("file")
@click.option(
    "--images-from",
    multiple=True,
    metavar="DATASET",
    help=with_default("Dataset or group that contains the images", "detected"),
)
@click.option("--layout", type=click.Choice(LAYOUTS), help=with_default("Axes of the images", "detected"))
@workers_option
@json_option
def command(
    file: str, images_from: tuple[str, ...], layout: Layout | None, workers: int | None, as_json: bool
) -> int:
    """Index FILE, an HDF5 file of images, so that it opens at once.

    Works for HDF5 files that were not made by packhouse. The index is written next to FILE, or to the user's
    cache folder; an existing one is replaced. Opening such a file also makes a missing index. Exit code 3 if
    something in FILE is not in the index; it is listed.
    """
    import packhouse
    from packhouse._src.cli._printing import print_done
    from packhouse._src.cli.main import DONE, INCOMPLETE
    from packhouse._src.progress_display.display import shown
    from packhouse._src.wording.visible_text import joined

    with shown() as observer:
        report = packhouse.index(
            file, images_from=images_from, layout=layout, workers=workers, progress=observer
        )
    words = joined(_lines(report))
    print_done("the index", report.to_dict(), words, as_json=as_json)
    return DONE if report.is_clean else INCOMPLETE


def _lines(report: IndexReport) -> Iterator[str]:
    from packhouse._src.wording.quantities import counted, examples

    yield f"{report.file}: {counted(report.images, 'image')}, index in {report.index}"
    for problem in sorted(set(report.problems.values())):
        keys = [key for key, found in report.problems.items() if found == problem]
        yield f"  {problem}: {len(keys):,} of them ({examples(keys)})"
    if report.helpers:
        yield f"  names and places are taken from {examples(report.helpers)}"
    if report.labels:
        yield f"  table of labels: {', '.join(report.labels)}"
    if not report.refused:
        return
    yield f"not in the index: {counted(len(report.refused), 'item')} of the file"
    for reason, count in Counter(one.reason for one in report.refused).most_common():
        paths = [one.path for one in report.refused if one.reason == reason]
        yield f"  {examples(paths)} ({count:,}): {reason}"
