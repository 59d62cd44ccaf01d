"""packhouse extract: the images of a pack as files again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from packhouse._src.maintenance.extract import ExtractReport


@click.command("extract")
@click.argument("pack")
@click.argument("target", metavar="DIR")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON document.")
def command(pack: str, target: str, as_json: bool) -> int:
    """Write the images of PACK below DIR, byte for byte, under their original names.

    Nothing is written outside of DIR or over a file that is there, and no link in DIR is followed. Files that
    are there with the same bytes count as done: the same command goes on where it was stopped. Tables are
    not turned back into CSV files. Exit code 3 when something could not be written, 4 when an image is
    damaged; each is listed.
    """
    import packhouse
    from packhouse._src.cli._printing import print_json
    from packhouse._src.cli._progress import shown
    from packhouse._src.cli.main import DAMAGED, DONE, INCOMPLETE

    with shown() as observer:
        report = packhouse.extract(pack, target, progress=observer)
    print_json(report.to_dict()) if as_json else click.echo("\n".join(_lines(report)))
    if report.damaged:
        return DAMAGED
    return INCOMPLETE if report.failed else DONE


def _lines(report: ExtractReport) -> Iterator[str]:
    from packhouse._src.cli._printing import size

    for damage in report.damaged:
        yield f"DAMAGED {damage}"
    for failure in report.failed:
        yield f"FAILED {failure.path}: {failure.message}"
    yield (
        f"{report.target}: {report.written:,} of {report.images:,} images written, {size(report.bytes)} "
        f"in {report.seconds:.1f} s"
    )
    if report.there_already:
        yield f"  {report.there_already:,} already existed with the same bytes"
    if report.tables:
        yield f"  tables are not converted back to CSV: {', '.join(report.tables)}"
