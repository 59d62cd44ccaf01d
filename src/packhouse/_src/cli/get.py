"""packhouse get: the bytes of images."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from packhouse.errors import DestinationExistsError, Where

if TYPE_CHECKING:
    from packhouse._src.imagefile.read.image import StoredImage


@click.command("get")
@click.argument("pack")
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@click.option(
    "-o",
    "--output",
    metavar="FILE|DIR|-",
    help="New file, existing folder, or - for stdout  [default: stdout]",
)
def command(pack: str, keys: tuple[str, ...], output: str | None) -> None:
    """Write the original bytes of images to a file, a folder or stdout."""
    import packhouse

    to_stdout = output in {None, "-"}
    if to_stdout and len(keys) > 1:
        raise click.UsageError("several images need a folder: -o DIR")
    if output is None and sys.stdout.isatty():
        raise click.UsageError("an image would garble the terminal: use -o FILE, or -o - to print it anyway")
    with packhouse.open(pack) as opened:
        images = [opened.images[key] for key in keys]
        if to_stdout:
            sys.stdout.buffer.write(images[0].bytes)
            return
        targets = _targets(images, Path(output or ""))
        paths = [target for _, target in targets]
        for target in paths:
            if target.exists() or paths.count(target) > 1:
                raise DestinationExistsError(
                    "the file already exists, or is requested twice",
                    where=Where(file=str(target)),
                    hint="choose another -o",
                )
        for image, target in targets:
            data = image.bytes  # before the file is there, which must not stay empty if this is damaged
            with target.open("xb") as file:
                file.write(data)
            click.echo(str(target), err=True)


def _targets(images: list[StoredImage], output: Path) -> list[tuple[StoredImage, Path]]:
    if output.is_dir():
        # the last part only: a name from a pack must not lead out of the folder
        return [(image, output / Path(image.file_name).name) for image in images]
    if len(images) > 1:
        raise click.UsageError(f"several images need a folder, and {output} is not a folder")
    return [(images[0], output)]
