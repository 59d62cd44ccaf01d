"""packhouse find: keys of images by SQL; images without a row and rows without an image."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable

import click

from packhouse._src.cli._options import json_option
from packhouse._src.cli._printing import on_one_line
from packhouse._src.wording.quantities import counted


@click.command("find")
@click.argument("pack")
@click.option("--where", metavar="SQL", help="Condition on columns of image_index and of linked tables")
@click.option(
    "--orphans",
    type=click.Choice(["images", "rows"]),
    help="List images without a table row, or table rows without an image",
)
@click.option("--print0", is_flag=True, help="End each key with a zero byte, for xargs -0")
@json_option
def command(pack: str, where: str | None, orphans: str | None, print0: bool, as_json: bool) -> None:
    """Find images by a condition, or images and rows without a match.

    \b
    packhouse find hm.pack --where "colour_group_name = 'Black' AND width < 400"
    packhouse find hm.pack --orphans images
    packhouse find hm.pack --orphans rows      (one line per row: table, tab, value without an image)
    """
    import packhouse

    if (where is None) == (orphans is None):
        raise click.UsageError("give either --where or --orphans")
    if print0 and (as_json or orphans == "rows"):
        raise click.UsageError("--print0 is for keys, without --json")
    with packhouse.open(pack) as opened:
        if orphans == "rows":
            rows = opened.rows_without_image()
            if as_json:
                count = _print_list({"table": table, "value": value} for table, value in rows)
            else:
                count = _print_lines(
                    f"{on_one_line(table)}\t{on_one_line(value or '')}" for table, value in rows
                )
            click.echo(counted(count, "row"), err=True)
            return
        keys = opened.images_without_row() if where is None else opened.find(where)
        if as_json:
            count = _print_list(keys)
        else:
            count = _print_lines(keys, "\0") if print0 else _print_lines(map(on_one_line, keys))
        click.echo(counted(count, "image"), err=True)


def _print_lines(lines: Iterable[str], end: str = "\n") -> int:
    """Print lines as they come, and return how many."""
    out, count = sys.stdout, 0
    for line in lines:
        count += 1
        out.write(f"{line}{end}")  # not echo, which flushes each: there may be millions
    return count


def _print_list(items: Iterable[object]) -> int:
    """Print one JSON list as its items come, and return how many."""
    out, count = sys.stdout, 0
    out.write("[")
    for item in items:
        count += 1
        out.write(f"{',' if count > 1 else ''}\n  {json.dumps(item, ensure_ascii=False)}")
    out.write("\n]\n" if count else "]\n")
    return count
