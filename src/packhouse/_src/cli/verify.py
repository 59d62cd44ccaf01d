"""packhouse verify: whether a pack is whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from packhouse._src.cli._options import json_option, workers_option

if TYPE_CHECKING:
    from packhouse._src.maintenance.verify import VerifyReport


@click.command("verify")
@click.argument("pack")
@click.option("--against", metavar="SRC", help="Compare the images with the original data set too")
@workers_option
@json_option
def command(pack: str, against: str | None, workers: int | None, as_json: bool) -> int:
    """Check PACK for damage: read every byte and compare all digests.

    Also compares the index with what the HDF5 library sees in images.h5. Nothing is changed. Exit code 4 if
    something is damaged, or differs from SRC.
    """
    import packhouse
    from packhouse._src.cli._printing import print_json
    from packhouse._src.cli.main import DAMAGED, DONE
    from packhouse._src.progress_display.display import shown
    from packhouse._src.wording.visible_text import joined

    with shown() as observer:
        report = packhouse.verify(pack, against=against, workers=workers, progress=observer)
    print_json(report.to_dict()) if as_json else click.echo(joined(_lines(report)))
    return DONE if report.is_sound else DAMAGED


def _lines(report: VerifyReport) -> Iterator[str]:
    from packhouse._src.wording.quantities import counted, size

    for damage in report.damaged:
        yield f"DAMAGED {damage}"
    for difference in report.differences:
        yield f"DIFFERENT {difference.path}: {difference.what}"
    for note in report.notes:
        yield f"note: {note}"
    yield (
        f"{report.pack}: {counted(report.images, 'image')} and {counted(report.tables, 'table')} read, "
        f"{size(report.bytes)} in {report.seconds:.1f} s"
    )
    if report.against is not None:
        differ = "differs" if len(report.differences) == 1 else "differ"
        yield f"  {counted(len(report.differences), 'image')} {differ} from {report.against}"
    intact = "the pack itself is not damaged" if report.differences else "no damage found"
    yield f"  {counted(len(report.damaged), 'item')} damaged" if report.damaged else f"  {intact}"
