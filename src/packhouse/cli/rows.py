"""packhouse rows: the table rows that describe an image."""

from __future__ import annotations

import click


@click.command("rows")
@click.argument("pack")
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(pack: str, key: str, as_json: bool) -> None:
    """Print the rows of the linked table of PACK that describe the image KEY."""
    import packhouse
    from packhouse.cli._printing import print_json

    with packhouse.open(pack) as opened:
        rows = opened.rows(key)
        linked = opened.linked
    if as_json:
        print_json(rows)
        return
    if linked is None:
        click.echo("no table of this pack is linked to its images", err=True)
    elif not rows:
        click.echo(f"no row of {linked.table} names this image", err=True)
    for number, row in enumerate(rows):
        if number:
            click.echo()
        for column, value in row.items():
            click.echo(f"{column}\t{'' if value is None else value}")
