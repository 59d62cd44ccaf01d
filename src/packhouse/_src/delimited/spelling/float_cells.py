"""Converts cells to floating-point numbers, and sees how they are written.

Of most cells Arrow's own spelling tells all at once: the shortest digits, with zeros behind them, or with an
exponent as C and Python write it. The rest is looked at cell by cell.
"""

from __future__ import annotations

from operator import eq

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from packhouse._src.delimited.column_types import SMALLEST_DOUBLE, Candidate
from packhouse._src.delimited.spelling.collisions import Pairs
from packhouse._src.delimited.spelling.float_spelling import (
    MINUS_ZERO,
    REPR_HIGH,
    REPR_LOW,
    FloatStyles,
    encode,
)

Mask = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]

ARROW_LOW, ARROW_HIGH = 1e-4, 1e9
"""Between these Arrow writes no exponent; a little less than it could be."""

PADDED_FROM = 1e-9

SURE_DIGITS = 15
"""A decimal of so many digits is had back from a double (IEEE 754, binary64)."""


def convert_floats(
    candidate: Candidate, cells: pa.StringArray, *, collects: bool = False
) -> tuple[pa.Array, FloatStyles, Pairs | None] | None:
    """Convert cells to doubles.

    Args:
        candidate: What the cells must be.
        cells: Text; null where a cell is empty.
        collects: Whether to return the spelling of each cell.

    Returns:
        The values; the styles; the spellings, when asked for. None when a cell is no such number.

    Raises:
        pa.ArrowInvalid: Likewise.

    Cost: releases the interpreter lock, but for cells with exponents (1 us a distinct one as
    Python writes them, otherwise 10).
    """
    typed = pc.cast(cells, pa.float64())
    present = cells.drop_null() if cells.null_count else cells
    values = np.asarray((typed.drop_null() if cells.null_count else typed).to_numpy())
    size = np.abs(values)
    point = pc.find_substring(present, ".").to_numpy()
    length = pc.binary_length(present).to_numpy()
    decimals = np.where(point < 0, 0, length - point - 1)
    is_usual = (size == 0) | ((size >= ARROW_LOW) & (size < ARROW_HIGH))
    back = pc.cast(typed.drop_null() if cells.null_count else typed, pa.string())
    is_short = np.asarray(pc.equal(back, present).to_numpy(zero_copy_only=False)) & is_usual
    is_padded = np.zeros(len(values), bool)
    maybe = is_usual & ~is_short & (point >= 0) & (length <= SURE_DIGITS) & (decimals > 0)
    if maybe.any():
        is_padded[maybe] = _are_padded(present.filter(pa.array(maybe)), back.filter(pa.array(maybe)))
    known = is_short | is_padded
    styles = _plain_styles(values, decimals, known, is_padded)
    codes = np.where((decimals == 1) & is_padded, 0, decimals).astype(np.int64)
    codes[(values == 0) & np.signbit(values)] += MINUS_ZERO
    if not known.all():
        rest = np.flatnonzero(~known)
        found = _look_at(candidate, present.take(pa.array(rest)), styles, collects=collects)
        if found is None:
            return None
        codes[rest] = found
    pairs = Pairs((values + 0.0).view(np.int64), codes) if collects else None
    return typed, styles, pairs


def _are_padded(cells: pa.StringArray, back: pa.StringArray) -> Mask:
    """Say which cells are Arrow's spelling with zeros behind the decimals: 1.10 and 5.0."""
    bare = pc.utf8_rtrim(pc.utf8_rtrim(cells, "0"), ".")
    return np.asarray(pc.equal(bare, back).to_numpy(zero_copy_only=False))


def _plain_styles(values: Doubles, decimals: npt.NDArray[np.int32], known: Mask, padded: Mask) -> FloatStyles:
    styles = FloatStyles()
    if not known.any():
        return styles
    values, decimals, padded = values[known], decimals[known], padded[known]
    size = np.abs(values)
    styles.decimals = {int(one) for one in np.flatnonzero(np.bincount(decimals))}
    if (padded & (decimals > 1)).any():
        styles.marks.add("long")
    if (decimals == 0).any():
        styles.marks.add("whole")
    if (padded & (decimals == 1)).any():
        styles.marks.add("whole.0")
    if (values < 0).any():
        styles.marks.add("minus")
    is_zero = size == 0
    if is_zero.any():
        minus = np.signbit(values[is_zero])
        styles.marks |= ({"-zero"} if minus.any() else set()) | (set() if minus.all() else {"zero"})
        size = size[~is_zero]
    if len(size):
        styles.low, styles.high = float(size.min()), float(size.max())
    return styles


def _look_at(
    candidate: Candidate, cells: pa.StringArray, styles: FloatStyles, *, collects: bool
) -> npt.NDArray[np.int64] | None:
    """Return the codes of cells that are written in other ways; None when one is no number."""
    encoded = cells.dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    values = list(map(float, texts))
    is_repr = np.fromiter(map(eq, map(repr, values), texts), bool, len(texts))
    size = np.abs(values)
    is_repr &= (size >= SMALLEST_DOUBLE) & (size < np.inf)
    others = np.flatnonzero(~is_repr).tolist()
    if not all(candidate.holds(texts[place]) for place in others):
        return None
    if any(text.startswith("-") for text in texts):
        styles.marks.add("minus")
    if is_repr.any():
        _add_reprs(styles, encoded.dictionary.filter(pa.array(is_repr)), size[is_repr])
    for place in others:
        styles.add_text(texts[place], values[place])
    if not collects:
        return np.zeros(len(cells), np.int64)
    codes = np.fromiter(map(encode, texts, values), np.int64, len(texts))
    return np.asarray(codes[encoded.indices.to_numpy()])


def _add_reprs(styles: FloatStyles, cells: pa.StringArray, size: Doubles) -> None:
    """Take in cells that Python writes so, none of them zero."""
    point = pc.find_substring(cells, ".").to_numpy()
    end = pc.find_substring(cells, "e").to_numpy()
    is_plain = end < 0
    end = np.where(is_plain, pc.binary_length(cells).to_numpy(), end)
    decimals = np.where(point < 0, 0, end - point - 1)
    if is_plain.any():
        styles.decimals |= set(np.unique(decimals[is_plain]).tolist())
        styles.low = min(styles.low, float(size[is_plain].min()))
        styles.high = max(styles.high, float(size[is_plain].max()))
        if (size[is_plain] % 1 == 0).any():
            styles.marks.add("whole.0")
    if is_plain.all():
        return
    small, large = size[size < REPR_LOW], size[size >= REPR_HIGH]
    styles.exponent_decimals |= set(np.unique(decimals[~is_plain]).tolist())
    styles.marks |= {"e"} | ({"exponent, whole"} if (decimals[~is_plain] == 0).any() else set())
    if len(small):
        styles.marks.add("minus")
        styles.exponent_high = max(styles.exponent_high, float(small.max()))
        # from 1e-09 on the exponent has a zero in front
        styles.marks |= {"pad2"} if small.max() >= PADDED_FROM else set()
    if len(large):
        styles.exponent_low = min(styles.exponent_low, float(large.min()))
        styles.marks.add("signed")
