"""packhouse bench: how fast a pack feeds training on this machine, and the bottleneck."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from packhouse._src.cli._options import json_option

if TYPE_CHECKING:
    from packhouse._src.benchmarking.bench_report import BenchReport


@click.command("bench")
@click.argument("pack")
@click.option(
    "--size", type=int, default=224, show_default=True, metavar="N", help="Height and width in pixels"
)
@click.option(
    "--crop",
    type=click.Choice(["center", "random", "random-resized", "exact", "fit"]),
    default="center",
    show_default=True,
    help="Part of each image to use",
)
@json_option
def command(pack: str, size: int, crop: str, as_json: bool) -> int:
    """Measure how fast PACK feeds training, and report the bottleneck.

    Reads, decodes and loads a random sample of the images. Takes 10 to 20 seconds.
    """
    import packhouse
    from packhouse._src.cli._printing import print_json
    from packhouse._src.cli.main import DONE
    from packhouse._src.progress_display.display import shown

    with shown() as observer:
        report = packhouse.bench(pack, size, crop=crop, progress=observer)  # type: ignore[arg-type]  # checked
    print_json(report.to_dict()) if as_json else click.echo("\n".join(_lines(report)))
    return DONE


def _lines(report: BenchReport) -> Iterator[str]:
    yield report.verdict
    yield (
        f"  {report.images:,} images of {report.store}, {report.image_bytes / 1000:,.0f} kB each, to "
        f"{report.size[0]} x {report.size[1]}, resized by {report.resizer}"
    )
    yield f"  disk    {report.disk:10,.0f} img/s  {report.disk * report.image_bytes / 1e6:,.0f} MB/s"
    yield f"  decode  {report.ceiling:10,.0f} img/s  decoder calls alone, one thread per core, from memory"
    for threads, rate in report.loader.items():
        best = "  best" if threads == report.threads else ""
        yield f"  loader  {rate:10,.0f} img/s  threads={threads}{best}"
    for line in report.advice:
        yield f"  {line}"
