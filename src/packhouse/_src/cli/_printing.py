"""What commands print: JSON documents, and the plan of packing in words."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from packhouse._src.wording.quantities import counted, examples, size
from packhouse._src.wording.visible_text import joined

if TYPE_CHECKING:
    from packhouse._src.packing.planning import Plan


def print_json(document: object) -> None:
    """Print one JSON document to stdout; values that JSON lacks (dates, NaN) become text."""
    click.echo(_json_of(document))


def print_done(done: str, document: object, words: str, *, as_json: bool) -> None:
    """Print the report of something that is complete; if that fails, say on stderr that it is complete.

    Args:
        done: What is complete.
        document: The report for --json.
        words: The report in words.
        as_json: Which of both is printed.
    """
    try:
        click.echo(_json_of(document) if as_json else words)
        if sys.stdout is not None:  # it is where the program was started without one
            sys.stdout.flush()
    except OSError as err:
        drop_stdout()
        click.echo(f"{done} is complete, but its report cannot be printed: {err.strerror}", err=True)


def print_data(text: str) -> None:
    """Print data as it is: without a terminal `click.echo` leaves colours out, also those in a name."""
    if sys.stdout is not None:
        sys.stdout.write(text)


def on_one_line(text: str) -> str:
    """Return a text with line breaks and tabs as backslash and letter, so that a record is a line."""
    for mark, written in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(mark, written)
    return text


def drop_stdout() -> None:
    """Write nothing more to a stdout that cannot be written to: Python would do it once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _json_of(document: object) -> str:
    try:
        return json.dumps(document, ensure_ascii=False, indent=2, default=str, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(document), ensure_ascii=False, indent=2, default=str)


def _finite(document: object) -> object:
    """Return a document with text in place of numbers that are not finite."""
    if isinstance(document, float) and not math.isfinite(document):
        return str(document)
    if isinstance(document, dict):
        return {key: _finite(value) for key, value in document.items()}
    return [_finite(one) for one in document] if isinstance(document, list | tuple) else document


def format_plan(plan: Plan) -> str:
    """Return what would be packed, in words.

    Args:
        plan: The plan.

    Returns:
        Several lines.
    """
    return joined(_plan_lines(plan))


def _plan_lines(plan: Plan) -> Iterator[str]:
    from packhouse._src.packing.reporting.report_lines import failed_lines

    yield f"{plan.source.path} -> {plan.dest} (dry run: nothing was written)"
    yield f"  needs about {size(plan.needed_bytes)} of disk space"
    if plan.settings is not None:
        yield f"  with settings from {plan.settings}"
    yield from _plan_image_lines(plan)
    for table in plan.tables:
        yield f"{table.file}: {table.source}, {size(table.source_bytes)}, columns {', '.join(table.columns)}"
        for note in table.notes:
            yield f"  note: {note}"
    yield from _plan_join_lines(plan)
    if plan.tables and plan.images and plan.options.link is not False:
        yield f"link: {', '.join(plan.options.link or ['detected by testing every column'])}"
    for archive in plan.archives:
        yield f"archive {archive}, packed as a folder"
    for skipped in plan.skipped:
        yield f"skip {skipped.path}: {skipped.reason}"
    for failure in plan.failed:
        yield from failed_lines(failure)


def _plan_join_lines(plan: Plan) -> Iterator[str]:
    for join in plan.joins.specs:
        compact = ", compact keys" if plan.options.compact_keys else ""
        yield f"{join.name}.parquet: {join} ({plan.options.how or 'inner'}{compact})"
    for name, columns in plan.options.sort_columns.items():
        yield f"{name} is sorted by {', '.join(columns)}"
    for name, column in plan.partitions.items():
        yield f"{name} is partitioned by {column}"


def _plan_image_lines(plan: Plan) -> Iterator[str]:
    keys = plan.keys
    if keys.keys:
        yield f"images.h5: {counted(len(keys.keys), 'image')}, {size(plan.image_bytes)}"
        yield f"  keys such as {examples([key.key for key in keys.keys])}"
        if kept := keys.kept_extensions:
            yield f"  keys with extension: {len(kept):,}, such as {examples(kept)}"
