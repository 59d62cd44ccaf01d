"""packhouse find: keys of images by SQL."""

from __future__ import annotations

import click


@click.command("find")
@click.argument("pack")
@click.option("--where", required=True, metavar="SQL", help="On columns of image_index and the linked table.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(pack: str, where: str, as_json: bool) -> None:
    """Print the keys of the images of PACK that meet a condition.

    \b
    packhouse find hm.pack --where "colour_group_name = 'Black' AND width < 400"
    """
    import packhouse
    from packhouse.cli._printing import print_json

    with packhouse.open(pack) as opened:
        keys = opened.find(where)
    if as_json:
        print_json(keys)
        return
    for key in keys:
        click.echo(key)
    click.echo(f"{len(keys):,} images", err=True)
