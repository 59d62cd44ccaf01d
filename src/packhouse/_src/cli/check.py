"""packhouse check: leaks between splits, duplicates, labels that contradict."""

from __future__ import annotations

import click

from packhouse._src.cli._options import json_option


@click.command("check")
@click.argument("pack")
@click.option("--split-column", metavar="T.C", help="Column whose values name the split of each image")
@click.option("--together", metavar="T.C", help="Column whose values must not be in several splits")
@click.option(
    "--label",
    metavar="T.C",
    help='Column of classes, or "group" for folders: compare the labels of duplicates',
)
@json_option
def command(
    pack: str, split_column: str | None, together: str | None, label: str | None, as_json: bool
) -> int:
    """Find leaks between splits, duplicates and conflicting labels.

    Splits are top folders such as train/ and test/, or the values of a column. Exit code 4 if an image, or a
    value of the column --together, is in several splits.

    \b
    packhouse check skin.pack --split-column photos.split --together photos.patient --label photos.diagnosis
    """
    import packhouse
    from packhouse._src.cli._printing import print_json
    from packhouse._src.cli.main import DAMAGED, DONE
    from packhouse._src.progress_display.display import shown

    with shown() as observer:
        report = packhouse.check(
            pack, split_column=split_column, together=together, label=label, progress=observer
        )
    print_json(report.to_dict()) if as_json else click.echo(str(report))
    return DAMAGED if report.has_leaks else DONE
