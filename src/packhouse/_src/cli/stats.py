"""packhouse stats: what the images of a pack are like."""

from __future__ import annotations

import click

from packhouse._src.cli._options import json_option


@click.command("stats")
@click.argument("pack")
@click.option("--label", metavar="T.C", help='Count the classes of a column, or of folders ("group")')
@click.option("--where", metavar="SQL", help="Only images that match this condition")
@click.option("--split", metavar="NAME", default="all", help="Only this split, e.g. train")
@click.option("--size", metavar="N", type=int, default=224, help="Scale and crop to N x N pixels")
@click.option("--sample", metavar="N", type=int, help="Read the pixels of N images only")
@json_option
def command(
    pack: str,
    *,
    label: str | None,
    where: str | None,
    split: str,
    size: int,
    sample: int | None,
    as_json: bool,
) -> None:
    """Measure images: formats, sizes, classes, mean and deviation.

    The last line is ready for torchvision: Normalize(mean=..., std=...).

    \b
    packhouse stats shop.pack --label articles.product_type_name --split train
    """
    import packhouse
    from packhouse._src.cli._printing import print_json
    from packhouse._src.progress_display.display import shown

    with packhouse.open(pack) as opened, shown() as observer:
        found = opened.stats(
            size=size, label=label, where=where, split=split, sample=sample, progress=observer
        )
    print_json(found.to_dict()) if as_json else click.echo(str(found))
