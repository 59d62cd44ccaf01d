"""packhouse extract: the images of a pack as files again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from packhouse._src.cli._options import json_option

if TYPE_CHECKING:
    from packhouse._src.maintenance.extract import ExtractReport


@click.command("extract")
@click.argument("pack")
@click.argument("target", metavar="DIR")
@json_option
def command(pack: str, target: str, as_json: bool) -> int:
    """Write the images of PACK to DIR as files, byte for byte.

    Files get their original names. Nothing is written outside DIR, no existing file is overwritten, and no
    symlink in DIR is followed. If a run is interrupted, run the same command again: it resumes, because files
    that already have the right bytes count as done. Tables are not converted back to CSV. Exit code 3 if
    something could not be written, 4 if an image is damaged; both are listed.
    """
    import packhouse
    from packhouse._src.cli._printing import print_done
    from packhouse._src.cli.main import DAMAGED, DONE, INCOMPLETE
    from packhouse._src.progress_display.display import shown
    from packhouse._src.wording.visible_text import joined

    with shown() as observer:
        report = packhouse.extract(pack, target, progress=observer)
    words = joined(_lines(report))
    print_done("the extraction", report.to_dict(), words, as_json=as_json)
    if report.damaged:
        return DAMAGED
    return INCOMPLETE if report.failed else DONE


def _lines(report: ExtractReport) -> Iterator[str]:
    from packhouse._src.wording.quantities import counted, size

    for damage in report.damaged:
        yield f"DAMAGED {damage}"
    for failure in report.failed:
        yield f"FAILED {failure.path}: {failure.message}"
    yield (
        f"{report.target}: {report.written:,} of {counted(report.images, 'image')} written, "
        f"{size(report.bytes)} in {report.seconds:.1f} s"
    )
    if report.there_already:
        yield f"  {report.there_already:,} already existed with the same bytes"
    if report.tables:
        yield f"  tables are not converted back to CSV: {', '.join(report.tables)}"
