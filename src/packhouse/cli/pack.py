"""packhouse pack: a data set in, a pack out."""

from __future__ import annotations

from typing import Any

import click

JOIN_HELP = 'Join two tables: "train = transactions_train + customers on customer_id". Repeatable.'


def _split_types(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    found = {}
    for value in values:
        column, equals, kind = value.partition("=")
        if not equals:
            raise click.BadParameter(f"{value!r} is not of the form TABLE.COLUMN=TYPE")
        found[column] = kind
    return found


@click.command("pack")
@click.argument("src")
@click.option("-o", "--output", "dest", required=True, metavar="DEST", help="The pack to make.")
@click.option("--join", "joins", multiple=True, metavar="SPEC", help=JOIN_HELP)
@click.option("--how", default="inner", show_default=True, help="inner or left.")
@click.option("--allow-many", is_flag=True, help="Let the right side of a join repeat a key.")
@click.option("--link", metavar="TABLE.COLUMN", help="The column that names the images; found by itself.")
@click.option("--no-link", is_flag=True, help="Link no table to the images.")
@click.option("--images", multiple=True, metavar="GLOB", help="Which files are images. Repeatable.")
@click.option("--tables", multiple=True, metavar="GLOB", help="Which files are tables. Repeatable.")
@click.option("--include", multiple=True, metavar="GLOB", help="Other files to pack as bytes. Repeatable.")
@click.option("--text", multiple=True, metavar="TABLE.COLUMN", help="Keep a column as text. Repeatable.")
@click.option(
    "--types",
    multiple=True,
    metavar="TABLE.COLUMN=TYPE",
    callback=_split_types,
    help="Demand a type: text, integer, float, date, timestamp. Repeatable.",
)
@click.option("--compression", default="zstd", show_default=True, help="zstd, gzip, snappy or lz4.")
@click.option("--workers", type=int, help="How many copy images at once; one a core.")
@click.option("--engine", default="local", show_default=True, help="local (threads) or processes.")
@click.option("--memory-limit", metavar="SIZE", help="For tables; min(2GB, a quarter of the memory).")
@click.option(
    "--on-error",
    default="report",
    show_default=True,
    help="report: pack the rest; stop: end there.",
)
@click.option("--dry-run", is_flag=True, help="Show the plan and write nothing.")
@click.option("--overwrite", is_flag=True, help="Replace a pack that is there.")
@click.option("--update", is_flag=True, help="Bring a pack that is there up to date.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON document.")
def command(
    src: str,
    dest: str,
    link: str | None,
    no_link: bool,
    dry_run: bool,
    as_json: bool,
    **options: Any,  # noqa: ANN401  # click hands the rest over by name, as `packhouse.pack` calls them
) -> int:
    """Pack the data set SRC (image folders and CSV files) into DEST.

    \b
    packhouse pack h-and-m -o hm.pack --join "train = transactions_train + customers on customer_id"
    """
    import packhouse
    from packhouse.cli._printing import format_plan, format_report, print_json
    from packhouse.cli._progress import shown
    from packhouse.cli.main import DONE, INCOMPLETE

    if link and no_link:
        raise click.UsageError("--link and --no-link contradict each other")
    options["link"] = False if no_link else link
    if dry_run:
        with shown() as observer:
            chosen = packhouse.PackOptions(**options)
            plan = packhouse.plan(src, dest, options=chosen, progress=observer)
        print_json(plan.to_dict()) if as_json else click.echo(format_plan(plan))
        return DONE
    with shown() as observer:
        report = packhouse.pack(src, dest, **options, progress=observer)
    print_json(report.to_dict()) if as_json else click.echo(format_report(report))
    return INCOMPLETE if report.skipped or report.failed else DONE
