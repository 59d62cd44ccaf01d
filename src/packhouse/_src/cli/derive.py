"""packhouse derive: a store of the same images, made smaller, for training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from packhouse._src.cli._options import json_option, workers_option

if TYPE_CHECKING:
    from packhouse._src.deriving.derive import DeriveReport


@click.command("derive")
@click.argument("pack")
@click.option("--size", type=int, default=256, show_default=True, metavar="N", help="Shorter side in pixels")
@click.option(
    "--quality", type=int, default=90, show_default=True, metavar="N", help="JPEG quality, 1 to 100"
)
@workers_option
@click.option("--overwrite", is_flag=True, help="Replace an existing store of this size")
@json_option
def command(pack: str, size: int, quality: int, workers: int | None, overwrite: bool, as_json: bool) -> int:
    """Add smaller copies of all images to PACK, for faster training.

    Use it when the originals are much larger than the images you train on: decoding then takes most of the
    time. The originals stay as they are. Images that are not larger than the new size, or cannot be decoded,
    are copied byte for byte. Exit code 3 if some originals are broken; they are listed.
    """
    import packhouse
    from packhouse._src.cli._printing import print_done
    from packhouse._src.cli.main import DONE, INCOMPLETE
    from packhouse._src.progress_display.display import shown
    from packhouse._src.wording.visible_text import joined

    with shown() as observer:
        report = packhouse.derive(
            pack, size, quality=quality, workers=workers, overwrite=overwrite, progress=observer
        )
    words = joined(_lines(report))
    print_done("the derived store", report.to_dict(), words, as_json=as_json)
    return DONE if report.is_clean else INCOMPLETE


def _lines(report: DeriveReport) -> Iterator[str]:
    from packhouse._src.wording.quantities import counted, examples, size

    yield (
        f"{report.folder}: {counted(report.images, 'image')}, "
        f"{size(report.source_bytes)} -> {size(report.bytes)} in {report.seconds:.1f} s"
    )
    yield f"  {report.scaled:,} scaled to a shorter side of {report.size}, JPEG quality {report.quality}"
    if report.copied:
        yield f"  {report.copied:,} copied unchanged: not larger than that"
    for problem in sorted(set(report.problems.values())):
        keys = [key for key, found in report.problems.items() if found == problem]
        yield f"  {len(keys):,} copied unchanged, but {problem}: {examples(keys)}"
