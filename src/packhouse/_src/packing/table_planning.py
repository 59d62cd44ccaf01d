"""Plans the tables: what each is called, where its file goes, and what its header says."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from packhouse._src.delimited.dialect import LONGEST_HEADER_BYTES, Header, read_header
from packhouse._src.imagefile.format import IMAGES_FILE, INDEX_FILE, INDEX_TABLE, MANIFEST_FILE
from packhouse._src.packing.options import PackOptions
from packhouse._src.records import Failed, SourceFile
from packhouse._src.sources.sorting import without_extension
from packhouse._src.sources.source import Source
from packhouse._src.table_records import TablePlan
from packhouse.errors import CsvError, SourceError, Where

HEADER_BYTES = 64 << 10
"""So much of a table in an archive is looked at to find its header line, and more if it is longer."""

LONGEST_NAME_BYTES = 255 - len(".linked")
"""Of the file of a table; most file systems have names of 255, and it is written anew under a longer one."""


def plan_tables(
    source: Source, files: Sequence[SourceFile], options: PackOptions
) -> tuple[tuple[TablePlan, ...], list[Failed]]:
    """Read the header of every table, and find it a place in the pack.

    Args:
        source: The data set.
        files: Its tables.
        options: What the user asked for.

    Returns:
        The tables that can be converted, as far as can be told; those that cannot, with reasons.
    """
    plans: dict[str, TablePlan] = {}
    failed: list[Failed] = []
    for file in files:
        try:
            plan = _plan_table(source, file, plans, options)
        except (CsvError, SourceError) as err:
            failed.append(Failed(file.path, type(err).__name__, str(err)))
        else:
            plans[plan.name.lower()] = plan
    return tuple(plans.values()), failed


def _plan_table(
    source: Source, file: SourceFile, others: Mapping[str, TablePlan], options: PackOptions
) -> TablePlan:
    path = without_extension(file.path)
    name = path.replace("/", "_")
    clash = others.get(name.lower())
    if clash is not None or name.lower() == INDEX_TABLE:
        other = clash.source if clash is not None else "the image index"
        raise CsvError(
            f"its table would have the name {name}, like that of {other}",
            where=Where(file=file.path),
            hint="rename one of the files",
        )
    _check_target(f"{path}.parquet", file.path, others, options)
    try:
        encoding = options.encoding_of(name)
        header = _header_of(source, file, encoding)
    except SourceError:
        raise
    except OSError as err:
        raise SourceError(f"cannot be read: {err.strerror}", where=Where(file=file.path)) from err
    target = f"{path}.parquet"
    return TablePlan(name, file.path, file.size, target, header.columns, header.notes, encoding)


def _check_target(target: str, source: str, others: Mapping[str, TablePlan], options: PackOptions) -> None:
    """See that a table's file has a place in the pack, where other files and folders have theirs."""
    joins = (f"{join.name}.parquet" for join in options.join_specs)
    taken = {MANIFEST_FILE, IMAGES_FILE, INDEX_FILE, *joins, *(other.file for other in others.values())}
    folders = {other.file.rpartition("/")[0] for other in others.values()}
    parts = target.split("/")
    above = {"/".join(parts[:number]) for number in range(1, len(parts))}
    clash = next((name for name in sorted(above & taken)), None)
    if clash is None and any(f"{folder}/".startswith(f"{target}/") for folder in folders):
        clash = target
    if clash is not None:
        raise CsvError(
            f"its file would be {target}, and the pack has both a file and a folder {clash}",
            where=Where(file=source),
            hint="rename the folder",
        )
    if len(os.fsencode(parts[-1])) > LONGEST_NAME_BYTES:
        raise CsvError(
            f"the name of its Parquet file would be longer than {LONGEST_NAME_BYTES} bytes",
            where=Where(file=source),
            hint="rename the file",
        )


def _header_of(source: Source, file: SourceFile, encoding: str | None) -> Header:
    most = HEADER_BYTES
    while True:
        with (
            TemporaryDirectory(prefix="packhouse-") as place,
            source.as_file(file, Path(place), most=most) as path,
        ):
            # of a file in an archive there may be only the start
            short = most < file.size and path.stat().st_size < file.size
            header = read_header(path, shown_as=file.path, encoding=encoding, is_start_only=short)
        if header is not None:
            return header
        most = file.size if most >= LONGEST_HEADER_BYTES else most * 16
