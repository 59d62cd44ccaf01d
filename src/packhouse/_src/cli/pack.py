"""packhouse pack: a data set in, a pack out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from packhouse._src.cli._options import SpelledCommand, given_options, json_option, options_of
from packhouse._src.packing.options import PackOptions


@click.command("pack", cls=SpelledCommand)
@click.argument("src")
@click.option("-o", "--output", "dest", required=True, metavar="DEST", help="Pack to create")
@options_of(PackOptions)
@click.option("--dry-run", is_flag=True, help="Show the plan and write nothing")
@json_option
def command(
    src: str,
    dest: str,
    dry_run: bool,
    as_json: bool,
    **parameters: Any,  # noqa: ANN401  # one for each option of PackOptions
) -> int:
    """Pack the data set SRC (image folders and tables) into DEST.

    \b
    packhouse pack h-and-m -o hm.pack --join "train = transactions_train + customers on customer_id"
    """
    import packhouse
    from packhouse._src.cli._printing import format_plan, print_done, print_json
    from packhouse._src.cli.main import DONE, INCOMPLETE
    from packhouse._src.progress_display.display import shown
    from packhouse._src.sources.detecting import is_hdf5

    options = given_options(PackOptions, parameters)
    if dry_run:
        with shown() as observer:
            plan = packhouse.plan(src, dest, options=PackOptions(**options), progress=observer)
        print_json(plan.to_dict()) if as_json else click.echo(format_plan(plan))
        return DONE
    with shown() as observer:
        report = packhouse.pack(src, dest, **options, progress=observer)
    print_done(dest, report.to_dict(), str(report), as_json=as_json)
    is_odd = report.has_what_is_no_image and is_hdf5(Path(src))
    return DONE if report.is_complete and not is_odd else INCOMPLETE
