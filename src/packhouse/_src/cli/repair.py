"""packhouse repair: all that is intact in a damaged pack, as a new pack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from packhouse._src.cli._options import json_option, workers_option

if TYPE_CHECKING:
    from packhouse._src.maintenance.repair import RepairReport


@click.command("repair")
@click.argument("pack")
@click.argument("dest")
@workers_option
@json_option
def command(pack: str, dest: str, workers: int | None, as_json: bool) -> int:
    """Save everything that is intact in PACK as the new pack DEST.

    PACK itself is not changed. Images and tables that match their digests are saved, all others are listed.
    Exit code 3 if something is lost or could not be checked.
    """
    import packhouse
    from packhouse._src.cli._printing import print_done
    from packhouse._src.cli.main import DONE, INCOMPLETE
    from packhouse._src.progress_display.display import shown
    from packhouse._src.wording.visible_text import joined

    with shown() as observer:
        report = packhouse.repair(pack, dest, workers=workers, progress=observer)
    words = joined(_lines(report))
    print_done("the repaired pack", report.to_dict(), words, as_json=as_json)
    return DONE if report.is_whole else INCOMPLETE


def _lines(report: RepairReport) -> Iterator[str]:
    from packhouse._src.wording.quantities import counted, examples

    for damage in report.lost:
        yield f"LOST {damage}"
    if report.unchecked:
        yield (
            f"{counted(len(report.unchecked), 'image')} not checked, because the digests are lost; "
            f"HDF5 gives their bytes: {examples(report.unchecked)}"
        )
    yield f"{report.dest}: {counted(report.images, 'image')} and {counted(len(report.tables), 'table')} saved"
    if any(damage.key for damage in report.lost) and report.tables:
        yield "  table rows may still name lost images: compare image_key with image_index"
