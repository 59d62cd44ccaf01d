"""packhouse rows: the table rows that describe an image."""

from __future__ import annotations

from typing import Any

import click

from packhouse._src.cli._options import json_option
from packhouse._src.wording.quantities import counted


@click.command("rows")
@click.argument("pack")
@click.argument("key")
@json_option
def command(pack: str, key: str, as_json: bool) -> None:
    """Print the table rows for the image KEY."""
    import packhouse
    from packhouse._src.cli._printing import on_one_line, print_data, print_json

    with packhouse.open(pack) as opened:
        found, links = opened.rows(key), opened.manifest["links"]
    if as_json:
        print_json(found)
        return
    if not any(found.values()):
        click.echo(_why_none(found, links), err=True)
    blocks = [(table, row) for table, rows in found.items() for row in rows]
    for number, (table, row) in enumerate(blocks):
        print_data(f"{chr(10) if number else ''}[{on_one_line(table)}]\n")
        for column, value in row.items():
            shown = "" if value is None else on_one_line(str(value))
            print_data(f"{on_one_line(column)}\t{shown}\n")


def _why_none(found: dict[str, Any], links: list[dict[str, Any]]) -> str:
    if not found:
        return "no table of this pack is linked to its images"
    lines = [f"no row of {' or '.join(found)} names this image alone"]
    lines += [
        f"{counted(link['rows_ambiguous'], 'row')} of {link['table']} with several matching images"
        for link in links
        if link["rows_ambiguous"]
    ]
    return "\n".join(lines)
