"""packhouse inspect: what a pack holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from packhouse.cli._printing import examples, print_json, size


@click.command("inspect")
@click.argument("pack")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(pack: str, as_json: bool) -> None:
    """Show what PACK holds: images, tables, the types of their columns and why, link, joins."""
    import packhouse

    with packhouse.open(pack) as opened:
        document = opened.manifest
    if as_json:
        print_json(document)
    else:
        click.echo("\n".join(_lines(pack, document)))


def _lines(pack: str, document: dict[str, Any]) -> Iterator[str]:
    yield f"{pack}: made of {document['source']} by packhouse {document['packhouse']}"
    yield from _image_lines(document["images"])
    yield from _table_lines(document["tables"])
    link = document["link"]
    if link is not None:
        yield f"link: {link['table']}.{link['column']} ({link['chosen']})"
        yield (
            f"  {link['rows_with_image']:,} rows with an image, {link['rows_without_image']:,} without; "
            f"{link['images_without_row']:,} images without a row"
        )
    for name, join in document["joins"].items():
        made = f"{join['rows']:,} rows, {size(join['bytes'])}"
        yield f"{name} ({join['file']}): {made} - {join['spec']}, {join['how']}"
    if document["skipped"]:
        yield f"skipped: {examples([one['path'] for one in document['skipped']])}"
    for failure in document["failed"]:
        yield f"FAILED {failure['path']}: {failure['message']}"


def _image_lines(images: dict[str, Any] | None) -> Iterator[str]:
    if images is None:
        return
    yield (
        f"images.h5: {images['count']:,} images in {images['groups']:,} groups, "
        f"{size(images['bytes'])}, digest {images['digest']}"
    )
    for key, problem in images["problems"].items():
        yield f"  {key}: {problem}"


def _table_lines(tables: dict[str, Any]) -> Iterator[str]:
    for name, table in tables.items():
        yield f"{name} ({table['file']}): {table['rows']:,} rows, {size(table['bytes'])}"
        for column in table["columns"]:
            nulls = f", {column['nulls']:,} empty" if column["nulls"] else ""
            yield f"  {column['name']}: {column['arrow']}{nulls} - {column['reason']}"
