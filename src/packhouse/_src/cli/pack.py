"""packhouse pack: a data set in, a pack out."""

from __future__ import annotations

from typing import Any

import click

JOIN_HELP = (
    'Join tables: "train = transactions_train + customers on customer_id", and so on: '
    '"... + articles on article_id". Repeatable.'
)


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


def _split_sort(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    from packhouse._src.sql.sort_specs import parse_sort

    found: dict[str, tuple[str, ...]] = {}
    for value in values:
        table, columns = parse_sort(value)
        if table in found:
            raise click.BadParameter(f"{table} is to be sorted twice")
        found[table] = columns
    return found


@click.command("pack")
@click.argument("src")
@click.option("-o", "--output", "dest", required=True, metavar="DEST", help="The pack to make.")
@click.option("--join", "joins", multiple=True, metavar="SPEC", help=JOIN_HELP)
@click.option("--how", help="inner or left.  [default: inner]")
@click.option("--allow-many/--no-allow-many", default=None, help="Let the right side of a join repeat a key.")
@click.option(
    "--sort",
    multiple=True,
    metavar="TABLE=COLUMN,...",
    callback=_split_sort,
    help="Sort the rows of a table or join. Repeatable.",
)
@click.option(
    "--compact-keys/--no-compact-keys",
    default=None,
    help="In joins: numbers of rows for keys of other tables.",
)
@click.option(
    "--link", multiple=True, metavar="TABLE.COLUMN", help="Names the images; found by itself. Repeatable."
)
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
    help="Demand a type: text, integer, float, boolean, date, timestamp. Repeatable.",
)
@click.option(
    "--encoding", multiple=True, metavar="[TABLE=]NAME", help="Of tables not in UTF-8: cp1252. Repeatable."
)
@click.option("--compression", help="zstd, gzip, snappy or lz4.  [default: zstd]")
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
    link: tuple[str, ...],
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
    from packhouse._src.cli._printing import format_plan, format_report, print_json
    from packhouse._src.cli._progress import shown
    from packhouse._src.cli.main import DONE, INCOMPLETE

    if link and no_link:
        raise click.UsageError("--link and --no-link contradict each other")
    options["link"] = False if no_link else link or None
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
