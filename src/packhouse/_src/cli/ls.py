"""packhouse ls: the groups of a pack, or the keys of one group."""

from __future__ import annotations

import click

from packhouse._src.cli._options import json_option
from packhouse.errors import KeyNotFoundError, Where


@click.command("ls")
@click.argument("pack")
@click.argument("group", required=False)
@click.option("--print0", is_flag=True, help="End each key with a zero byte, for xargs -0")
@json_option
def command(pack: str, group: str | None, print0: bool, as_json: bool) -> None:
    """List the groups of PACK, or the keys in GROUP ("/" is the root)."""
    import packhouse
    from packhouse._src.cli._printing import on_one_line, print_data, print_json

    if print0 and (group is None or as_json):
        raise click.UsageError("--print0 is for the keys of a group, without --json")

    with packhouse.open(pack) as opened:
        groups = opened.images.groups
        if group is None:
            if as_json:
                print_json(groups)
            for name, count in ({} if as_json else groups).items():
                print_data(f"{on_one_line(name or '/')}\t{count}\n")
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
        end = "\0" if print0 else "\n"
        print_data("".join(f"{key if print0 else on_one_line(key)}{end}" for key in keys))
