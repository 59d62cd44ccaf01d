"""packhouse inspect: what a pack holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from packhouse._src.cli._options import json_option
from packhouse._src.cli._printing import print_json
from packhouse._src.wording.quantities import counted, examples, size
from packhouse._src.wording.visible_text import joined

MOST_REFUSED = 20


@click.command("inspect")
@click.argument("pack")
@json_option
def command(pack: str, as_json: bool) -> None:
    """Show the contents of PACK: images, tables, links and joins.

    Each column is listed with its type and the reason for it.
    """
    import packhouse

    with packhouse.open(pack) as opened:
        document = opened.manifest
    if as_json:
        print_json(document)
    else:
        click.echo(joined(_lines(pack, document)))


def _lines(pack: str, document: dict[str, Any]) -> Iterator[str]:
    yield f"{pack}: made from {document['source']} by packhouse {document['packhouse']}"
    yield from _image_lines(document["images"])
    for entry in document.get("derived", {}).values():
        yield (
            f"{entry['file']}: the same images, shorter side {entry['size']} pixels, "
            f"{size(entry['bytes'])}; {entry['scaled']:,} scaled, JPEG quality {entry['quality']}"
        )
    yield from _table_lines(document["tables"])
    for link in document["links"]:
        yield from _link_lines(link)
    for name, join in document["joins"].items():
        yield from _join_lines(name, join)
    if document["skipped"]:
        yield f"skipped: {examples([one['path'] for one in document['skipped']])}"
    if document.get("refused"):
        yield f"not images: {counted(document['refused_count'], 'item')} of the file"
    for one in document.get("refused", ())[:MOST_REFUSED]:
        yield f"  {one['path']}: {one['reason']}"
    for failure in document["failed"]:
        first, *others = failure["message"].split("\n")
        yield f"FAILED {failure['path']}: {first}"
        yield from others


def _image_lines(images: dict[str, Any] | None) -> Iterator[str]:
    if images is None:
        return
    yield (
        f"images.h5: {counted(images['count'], 'image')} in {counted(images['groups'], 'group')}, "
        f"{size(images['bytes'])}, digest {images['digest']}"
    )
    for key, problem in images["problems"].items():
        yield f"  {key}: {problem}"


def _table_lines(tables: dict[str, Any]) -> Iterator[str]:
    for name, table in tables.items():
        rows = counted(table["rows"], "row")
        yield f"{name} ({table['file']}): {rows}, {size(table['bytes'])}{_order_of(table)}"
        for column in table["columns"]:
            nulls = f", {column['nulls']:,} empty" if column["nulls"] else ""
            yield f"  {column['name']}: {column['arrow']}{nulls} - {column['reason']}"


def _link_lines(link: dict[str, Any]) -> Iterator[str]:
    from packhouse._src.packing.reporting.report_lines import several_images

    yield f"link: {link['table']}.{link['column']} ({link['chosen']})"
    yield (
        f"  {link['flag_column']}, {link['key_column']}: "
        f"{counted(link['rows_with_image'], 'row')} with an image, "
        f"{link['rows_without_image']:,} without{_such_as(link['rows_without_image_examples'])}; "
        f"{link['images_without_row']:,} of {counted(link['images'], 'image')} without a row"
        f"{_such_as(link['images_without_row_examples'])}"
    )
    if link["rows_ambiguous"]:
        yield "  " + several_images(link["rows_ambiguous"], link.get("rows_of_copies", 0))
    for other in link["other_candidates"]:
        yield (
            f"  also possible: {other['table']}.{other['column']}: {other['values_found']:,} of "
            f"{other['values']:,} values match {other['images_found']:,} images"
        )


def _such_as(values: list[str]) -> str:
    return f" ({examples(values)})" if values else ""


def _join_lines(name: str, join: dict[str, Any]) -> Iterator[str]:
    made = f"{counted(join['rows'], 'row')}, {size(join['bytes'])}"
    yield f"{name} ({join['file']}): {made} - {join['spec']}, {join['how']}{_order_of(join)}"
    for step in join["steps"]:
        yield (
            f"  + {step['right']} on {', '.join(step['on'])}: {step['left_unmatched']:,} of "
            f"{counted(step['left_rows'], 'left row')} without a match; "
            f"{counted(step['right_unmatched'], 'row')} of {step['right']} matched nothing"
        )
        for old, new in step["renamed"]:
            yield f"    {step['right']}.{old} is renamed to {new}"
    for key in join["compact_keys"]:
        yield f"  {key['column']} -> {key['ix_column']}, the row number in {key['lookup']}"
    for column, reason in join["kept_text"]:
        yield f"  {column} stays text: {reason}"


def _order_of(table: dict[str, Any]) -> str:
    order = f", sorted by {', '.join(table['sorted_by'])}" if table["sorted_by"] else ""
    column = table.get("partitioned_by")
    return f"{order}, partitioned by {column}" if column else order
