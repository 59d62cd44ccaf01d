"""packhouse rows: the table rows that describe an image."""

from __future__ import annotations

import click


@click.command("rows")
@click.argument("pack")
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document: table -> rows.")
def command(pack: str, key: str, as_json: bool) -> None:
    """Print the rows of the linked tables of PACK that describe the image KEY, each under its table."""
    import packhouse
    from packhouse.cli._printing import print_json

    with packhouse.open(pack) as opened:
        found = opened.rows(key)
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("no table of this pack is linked to its images", err=True)
    elif not any(found.values()):
        click.echo(f"no row of {' or '.join(found)} names this image", err=True)
    blocks = [(table, row) for table, rows in found.items() for row in rows]
    for number, (table, row) in enumerate(blocks):
        if number:
            click.echo()
        click.echo(f"[{table}]")
        for column, value in row.items():
            click.echo(f"{column}\t{'' if value is None else value}")
