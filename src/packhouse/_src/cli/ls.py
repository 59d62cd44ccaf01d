"""packhouse ls: the groups of a pack, or the keys of one group."""

from __future__ import annotations

import click

from packhouse._src.cli._options import json_option
from packhouse.errors import KeyNotFoundError, Where


@click.command("ls")
@click.argument("pack")
@click.argument("group", required=False)
@json_option
def command(pack: str, group: str | None, as_json: bool) -> None:
    """List the groups of PACK, or the keys in GROUP ("/" is the root)."""
    import packhouse
    from packhouse._src.cli._printing import print_json

    with packhouse.open(pack) as opened:
        groups = opened.images.groups
        if group is None:
            if as_json:
                print_json(groups)
            for name, count in ({} if as_json else groups).items():
                click.echo(f"{name or '/'}\t{count}")
            return
        wanted = group.strip("/")
        if wanted not in groups:
            raise KeyNotFoundError(
                f"no group {group!r}",
                where=Where(file=pack),
                hint=f"packhouse ls {pack} lists them",
            )
        keys = [key for key in opened.images if key.rpartition("/")[0] == wanted]
    if as_json:
        print_json(keys)
    else:
        click.echo("\n".join(keys))
