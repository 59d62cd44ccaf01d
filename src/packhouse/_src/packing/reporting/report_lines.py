"""The report of packing in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from packhouse._src.delimited.column_types import ONE_VALUE
from packhouse._src.packing.reporting.report_facts import ReportFacts, Resumed, Updated
from packhouse._src.records import Failed
from packhouse._src.table_records import JoinReport, LinkReport, TableReport
from packhouse._src.wording.quantities import EXAMPLES, counted, examples, size


def report_lines(report: ReportFacts) -> Iterator[str]:
    """Yield the report of packing in words, line by line.

    Args:
        report: What was packed.
    """
    totals = report.totals
    seconds = sum(report.seconds.values())
    if report.up_to_date:
        yield f"{report.dest}: {size(report.bytes)}, up to date: nothing has changed, nothing was written"
    else:
        yield f"{report.dest}: {size(report.bytes)}, made in {seconds:.1f} s"
    yield (
        f"  {counted(totals.seen, 'file')} seen = {counted(totals.images, 'image')}"
        f" + {counted(totals.tables, 'table')} packed"
        + (" + packhouse.toml" if totals.settings else "")
        + f" + {totals.skipped:,} skipped + {totals.failed:,} failed"
    )
    if report.images is not None:
        yield from _image_lines(report)
    for table in report.tables:
        yield from _table_lines(table)
    for link in report.links:
        yield from _link_lines(link)
    for join in report.joins:
        yield from _join_lines(join)
    yield from _trouble_lines(report)


def _image_lines(report: ReportFacts) -> Iterator[str]:
    images = report.images
    if images is None:
        return
    yield (
        f"images.h5: {counted(images.count, 'image')} in {counted(images.groups, 'group')}, "
        f"{size(images.source_bytes)} -> {size(images.bytes)} (index {size(images.index_bytes)})"
    )
    if images.kept_extensions:
        yield (
            "  keys with extension, because another file has the same name: "
            f"{len(images.kept_extensions):,}, such as {examples(images.kept_extensions)}"
        )
    if images.escaped_names:
        yield (
            f"  names that are not UTF-8, written with %XX: {len(images.escaped_names):,}, such as "
            + examples(images.escaped_names)
        )
    for page, names in images.name_encodings.items():
        yield (
            f"  names read as {page} (to change it: --name-encoding): {len(names):,}, such as "
            + examples(names)
        )
    if images.alike:
        yield (
            "  keys that differ only in case or Unicode form (one file on macOS): "
            f"{len(images.alike):,}, such as {examples(images.alike)}"
        )
    yield from _resumed_lines(report.resumed)
    yield from _updated_lines(report.updated)
    for problem in sorted(set(images.problems.values())):
        keys = [key for key, found in images.problems.items() if found == problem]
        yield f"  {len(keys)} packed unchanged, but {problem}: {examples(keys)}"


def _resumed_lines(resumed: Resumed | None) -> Iterator[str]:
    if resumed is None:
        return
    if resumed.found:
        yield f"  resumed: {counted(resumed.found, 'image')} already written by an earlier run"
    if resumed.changed:
        yield f"  {counted(resumed.changed, 'image')} of that run changed since, and read again"
    if resumed.copied:
        yield f"  {counted(resumed.copied, 'unchanged image')} copied from an earlier image file"


def _updated_lines(updated: Updated | None) -> Iterator[str]:
    if updated is None:
        return
    yield f"  update: {counted(updated.unchanged, 'image')} unchanged"
    for store in updated.derived:
        yield f"  derived store {store} was dropped; to make it again: packhouse derive --size {store}"
    for what, paths in (("new", updated.new), ("changed", updated.changed), ("removed", updated.removed)):
        if paths:
            yield f"  {len(paths):,} {what}: {examples(paths)}"


def _table_lines(table: TableReport) -> Iterator[str]:
    yield (
        f"{table.file}: {counted(table.rows, 'row')}, {counted(len(table.columns), 'column')}, "
        f"{size(table.source_bytes)} -> {size(table.bytes)}"
    )
    typed = [f"{column.name} {column.arrow}" for column in table.columns if column.arrow != "string"]
    if typed:
        others = "; all others text" if len(typed) < len(table.columns) else ""
        yield f"  types: {', '.join(typed)}{others}"
    for column in table.columns:
        if any(words in column.reason for words in ("start with 0", "starts with 0", ONE_VALUE)):
            yield f"  {column.name} stays {column.reason}"
    yield from _partition_lines(table)
    for note in table.notes:
        yield f"  note: {note}"


def _partition_lines(made: TableReport | JoinReport) -> Iterator[str]:
    if made.partitioned_by:
        folders = {part.file.rpartition("/")[0] for part in made.parts}
        yield f"  partitioned by {made.partitioned_by}: {counted(len(folders), 'folder')}"


def _link_lines(link: LinkReport) -> Iterator[str]:
    yield f"link: {link.table}.{link.column} ({link.chosen})"
    yield (
        f"  columns {link.flag_column}, {link.key_column}: "
        f"{counted(link.rows_with_image, 'row')} with an image, {link.rows_without_image:,} without"
        + _such_as(link.rows_without_image_examples, link.rows_without_image)
    )
    yield (
        f"  {link.images_without_row:,} of {counted(link.images, 'image')} without a row"
        + _such_as(link.images_without_row_examples, link.images_without_row)
    )
    if link.rows_ambiguous:
        yield "  " + several_images(link.rows_ambiguous, link.rows_of_copies)
    for other in link.other_candidates[:EXAMPLES]:
        yield (
            f"  also possible: {other.table}.{other.column}, {other.values_found:,} of {other.values:,} "
            f"values match {other.images_found:,} images (choose with --link)"
        )
    if len(link.other_candidates) > EXAMPLES:
        yield f"  and {len(link.other_candidates) - EXAMPLES:,} more, in pack.json"


def several_images(rows: int, copies: int) -> str:
    """Say how rows that match several images each are handled."""
    said = f"{counted(rows, 'row')} with several matching images: flagged, but without a key"
    if not copies:
        return f"{said}; no image gets such a row"
    return f"{said}; {copies:,} of them with copies of one image: each copy gets the row"


def _such_as(values: Sequence[str], total: int) -> str:
    return f" ({examples(values, total)})" if values else ""


def _join_lines(join: JoinReport) -> Iterator[str]:
    verb = "dropped" if join.how == "inner" else "kept, with missing values"
    yield f"{join.file}: {counted(join.rows, 'row')}, {size(join.bytes)} ({join.spec}; {join.how})"
    for step in join.steps:
        yield (
            f"  {step.right}: {step.left_unmatched:,} of {counted(step.left_rows, 'left row')} "
            f"without a match ({verb}); {counted(step.right_unmatched, 'row')} of {step.right} "
            "matched nothing"
        )
        if step.renamed:
            yield "  renamed: " + ", ".join(f"{old} -> {new}" for old, new in step.renamed)
    if join.sorted_by:
        yield f"  sorted by {', '.join(join.sorted_by)}"
    yield from _partition_lines(join)
    for key in join.compact_keys:
        yield f"  {key.column} -> {key.ix_column}, the row number in {key.lookup}"
    for column, reason in join.kept_text:
        yield f"  {column} stays text: {reason}"


def _trouble_lines(report: ReportFacts) -> Iterator[str]:
    if report.archives:
        yield f"archives packed as folders: {len(report.archives)} ({examples(report.archives)})"
    for reason, paths in report.skipped_by_reason().items():
        yield f"skipped, {reason}: {len(paths)} ({examples(paths)})"
    for failure in report.failed:
        yield from failed_lines(failure)


def failed_lines(failure: Failed) -> Iterator[str]:
    """Yield what failed, and why: a message has several lines."""
    first, *others = failure.message.split("\n")
    yield f"FAILED {failure.path}: {first}"
    yield from others
