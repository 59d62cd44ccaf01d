"""Which images are loaded: those that meet a condition, and of these the ones of a split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from packhouse._src.imagefile.read.store import ImageStore
from packhouse._src.loader.choice.dividing import divide, units_of
from packhouse._src.loader.choice.left_out_links import hint_of_left_out_links
from packhouse._src.loader.choice.split_folders import SplitFolders, is_below
from packhouse._src.loader.choice.split_names import ALL, SPLITS, TEST, TRAIN, VAL, split_word
from packhouse._src.loader.choice.split_sources import (
    MOST_NAMED,
    Rows,
    SplitSource,
    folders_of,
    from_column,
    from_folders,
    listed,
)
from packhouse._src.tables.finding import find_keys
from packhouse._src.tables.linked_rows import LinkedColumns
from packhouse._src.tables.per_image import groups_of_images, rows_of_keys
from packhouse._src.tables.table import Tables
from packhouse.errors import UsageError, Where

MOST_REASONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSelection:
    """What was asked for; `Pack.samples` explains it."""

    where: str | None = None
    split: str | None = None
    split_column: str | None = None
    val: float = 0.0
    test: float = 0.0
    together: str | None = None
    exact: bool = False

    @property
    def fractions(self) -> dict[str, float]:
        """Split -> its fraction, of those that have one."""
        return {name: share for name, share in ((VAL, self.val), (TEST, self.test)) if share}

    @property
    def said_fractions(self) -> str:
        """The fractions as they were written."""
        return ", ".join(f"{name}={share}" for name, share in self.fractions.items())

    def __str__(self) -> str:
        """Return it as it was written."""
        names = ("where", "split", "split_column", "val", "test", "together", "exact")
        return ", ".join(f"{name}={value!r}" for name in names if (value := getattr(self, name)))


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The chosen images, and what follows for classes that are folders."""

    rows: Rows
    """Their rows in the index, ascending."""

    pool: Rows
    """Those that met the condition, whatever split they are in."""

    folders: SplitFolders
    """The folders that are splits."""

    folder: str = ""
    """The group that was asked for by its own name."""

    parts: dict[str, Rows] | None = None
    """Split -> its images, where fractions divide."""


def choose_rows(
    images: ImageStore,
    tables: Tables,
    links: Sequence[LinkedColumns],
    selection: ImageSelection,
    strata_of: Callable[[Choice], NDArray[np.int64]] | None = None,
) -> Choice:
    """Choose images.

    Args:
        images: The images of the pack.
        tables: The tables of the pack.
        links: The linked tables.
        selection: Which.
        strata_of: Returns the classes of images, if each class is to be divided for itself.

    Returns:
        The choice.

    Raises:
        UsageError: There is no such split, it could be several things, the choice mixes splits, or nothing
            is left.
        QueryError: `where` is not one condition, or does not fit the columns.
        ColumnNotFoundError: There is no such column.
        CorruptStoreError: A table that is needed is missing or damaged.

    Cost: one column of the index; a split by hash takes 0.5 us per image.
    """
    place = Where(file=str(images.path))
    if not len(images):
        refused = images.index.notes.get("refused")  # of a third-party HDF5 file
        hint = "; ".join(f"{path}: {reason}" for path, reason in (refused or ())[:MOST_REASONS])
        raise UsageError("the pack has no image", where=place, hint=hint)
    pool = np.arange(len(images), dtype=np.int64)
    if selection.where is not None:
        pool = rows_of_keys(tables, find_keys(tables, selection.where, links))
    folders = folders_of(images)
    try:
        choice = _chosen(_Chooser(images, tables, links, selection, strata_of), Choice(pool, pool, folders))
    except UsageError as err:
        err.where = place if err.where == Where() else err.where
        raise
    if not len(choice.rows):
        raise UsageError(
            f"no image matches {selection}", where=place, hint="test a condition with pack.find(...)"
        )
    return choice


class _Chooser(NamedTuple):
    """What a choice is made from."""

    images: ImageStore
    tables: Tables
    links: Sequence[LinkedColumns]
    selection: ImageSelection
    strata_of: Callable[[Choice], NDArray[np.int64]] | None


def _chosen(chooser: _Chooser, every: Choice) -> Choice:
    images, tables, links, selection, _strata_of = chooser
    if selection.split is None or selection.split == ALL:
        _refuse_unused(selection)
        return every if selection.split == ALL else _unmixed(tables, every)
    if selection.split_column is not None:
        source = from_column(tables, links, selection.split_column)
    else:
        source = from_folders(tables, every.folders)
    _refuse_two_meanings(source, selection)
    chosen = _of_split(source, chooser, every)
    if chosen is not None:
        return chosen
    if selection.split_column is None and not selection.fractions:
        groups, codes = groups_of_images(tables)
        below = np.array([is_below(group, selection.split) for group in groups], bool)[codes]
        if below.any():
            rows = every.pool[below[every.pool]]
            return _unmixed(tables, replace(every, rows=rows, folder=selection.split))
    raise _no_such_split(source, images, selection, tables.folder)


def _refuse_unused(selection: ImageSelection) -> None:
    """Refuse options that divide, where no part was asked for."""
    options = [f"{name}={share}" for name, share in selection.fractions.items()]
    if selection.split_column is not None:
        options.append(f"split_column={selection.split_column!r}")
    if options and selection.split is None:
        raise UsageError(
            f"{options[0]} divides the images: say which part to load", hint=f'split="{TRAIN}", {options[0]}'
        )
    if options:
        raise UsageError(f"split={ALL!r} takes all images: {options[0]} has no effect with it")


def _refuse_two_meanings(source: SplitSource, selection: ImageSelection) -> None:
    """Refuse a fraction for a split that is there already."""
    for name, share in selection.fractions.items():
        if name in source.rows:
            raise UsageError(
                f"{name}={share} would make a split {name!r}, "
                f"but {source.place} has one: {source.names[name]}",
                hint=f'split="{name}" takes it, split="{TRAIN}" the images to train on; leave {name}= out',
            )


def _of_split(source: SplitSource, chooser: _Chooser, every: Choice) -> Choice | None:
    """Return the images of the split that was asked for; None if there is no split of that name."""
    selection, pool = chooser.selection, every.pool
    split = selection.split or ""
    asked, fractions = split_word(split) or split, selection.fractions
    if fractions and asked not in SPLITS:
        made = " and ".join(map(repr, (TRAIN, *fractions)))
        raise UsageError(
            f"{selection.said_fractions} makes the splits {made}; split={split!r} is not one of them",
            hint=f'split="{TRAIN}", {selection.said_fractions}',
        )
    if asked in source.rows and (asked != TRAIN or not fractions):
        rows = _single(source, asked, pool)
        return replace(every, rows=np.intersect1d(pool, rows, assume_unique=True))
    if not fractions or asked not in (TRAIN, *fractions):
        return None
    divided = _single(source, TRAIN, pool) if TRAIN in source.rows else _outside(source, pool, selection)
    divided = np.intersect1d(pool, divided, assume_unique=True)
    units = units_of(chooser.images, chooser.tables, chooser.links, divided, selection.together)
    strata = None if chooser.strata_of is None else chooser.strata_of(replace(every, rows=divided))
    parts = divide(units, fractions, rest=TRAIN, exact=selection.exact, strata=strata)
    found = {name: divided[places] for name, places in parts.items()}
    return replace(every, rows=found[asked], parts=found)


def _single(source: SplitSource, split: str, pool: Rows) -> Rows:
    """Return the images of a split, unless several folders could be meant."""
    meant = [path for path, rows in source.rivals.get(split, ()) if len(np.intersect1d(rows, pool))]
    if len({path.rpartition("/")[0] for path in meant}) < len(meant):
        raise UsageError(
            f"several folders could be the split {split!r}: {listed(meant)}",
            hint=f'where="\\"group\\" LIKE \'{meant[0]}%\'" chooses one',
        )
    return source.rows[split]


def _outside(source: SplitSource, pool: Rows, selection: ImageSelection) -> Rows:
    """Return the images that fractions divide where no split is for training: those outside all splits."""
    if source.rows and not source.is_whole_pack:
        inside = np.concatenate(list(source.rows.values()))
        if len(np.intersect1d(pool, inside)):
            raise UsageError(
                f"{selection.said_fractions} divides the images to train on, but {source.place} has "
                f"{source.said} and no split {TRAIN!r}",
                hint="leave those images out with where=, so that the others are divided",
            )
    return pool


def _unmixed(tables: Tables, choice: Choice) -> Choice:
    """Refuse a choice of images of several splits."""
    folders = choice.folders
    if len(folders.folders) > 1:
        groups, codes = groups_of_images(tables)
        held = {folders.words.get(groups[code]) for code in np.unique(codes[choice.rows]).tolist()} - {None}
        mixed = [split for split in SPLITS if split in held]
        if len(mixed) > 1:
            paths = [path for split in mixed for path in folders.folders[split]]
            takes = " or ".join(f'split="{split}"' for split in mixed)
            raise UsageError(
                f"the chosen images are in folders of several splits: {listed(paths)}",
                hint=f'{takes} takes one of them, split="{ALL}" all images',
            )
    return choice


def _no_such_split(
    source: SplitSource, images: ImageStore, selection: ImageSelection, folder: Path
) -> UsageError:
    if selection.split_column is not None:
        there = f"only {source.said}" if source.rows else "no value at all"
        problem = f"split={selection.split!r}: {source.place} has no such value, {there}"
    else:
        tops = sorted({group.partition("/")[0] for group in images.groups} - {""})
        named = ", ".join(tops[:MOST_NAMED]) + (", ..." if len(tops) > MOST_NAMED else "")
        problem = f"split={selection.split!r}: there is no such folder at the top of the pack, " + (
            f"only {named}" if named else "nor any other"
        )
        links = hint_of_left_out_links(folder, selection.split or "")
        if links is not None:
            return UsageError(problem, hint=links)
    asked = split_word(selection.split or "")
    name = asked if asked in (VAL, TEST) else VAL
    hint = (
        f'split="{asked if asked == TEST else TRAIN}", {name}=0.1 holds out a tenth of the images to train on'
    )
    return UsageError(problem, hint=hint if name not in source.rows else "one of these names")
