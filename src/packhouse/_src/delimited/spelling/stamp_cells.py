"""Converts cells to timestamps and booleans, and sees how they are written."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from packhouse._src.delimited.column_types import Candidate
from packhouse._src.delimited.spelling.collisions import Pairs
from packhouse._src.delimited.spelling.stamp_spelling import (
    BASE_LENGTH,
    BOOLEAN_WORDS,
    BooleanStyles,
    Shape,
    StampStyles,
)

MOST_TAILS = 16
"""More distinct ends of timestamps than this have fractions."""


def boolean_styles(cells: pa.StringArray) -> tuple[BooleanStyles, Pairs]:
    """See which words stand in cells of true and false, and for which of the two."""
    words = sorted(cells.drop_null().unique().to_pylist())
    keys = np.array([word.lower() == "true" for word in words], np.int64)
    codes = np.array([BOOLEAN_WORDS.index(word) for word in words], np.int64)
    return BooleanStyles(set(words)), Pairs(keys, codes)


def stamp_styles(
    candidate: Candidate, cells: pa.StringArray, typed: pa.Array, *, collects: bool
) -> tuple[StampStyles, Pairs | None]:
    """See how timestamps are written.

    Args:
        candidate: What they are.
        cells: Text that was seen to be timestamps; null where a cell is empty.
        typed: The same, converted.
        collects: Whether to return the spelling of each cell.

    Returns:
        The styles; the spellings, when asked for.
    """
    if cells.null_count:
        cells, typed = cells.drop_null(), typed.drop_null()
    moments = np.asarray(typed.cast(pa.int64()).to_numpy())
    # the separator in front of what stands behind the seconds: a handful of texts, but for the fraction
    ends = pc.binary_join_element_wise(
        pc.utf8_slice_codeunits(cells, 10, 11), pc.utf8_slice_codeunits(cells, BASE_LENGTH), ""
    ).dictionary_encode()
    if len(ends.dictionary) > MOST_TAILS:
        masked = pc.replace_substring_regex(ends.dictionary, r"[0-9]", "9").dictionary_encode()
        shapes, place = masked.dictionary.to_pylist(), masked.indices.take(ends.indices).to_numpy()
    else:
        shapes, place = ends.dictionary.to_pylist(), ends.indices.to_numpy()
    found = [Shape.of(text[0], text[1:]) for text in shapes]
    decimals = np.array([shape.decimals for shape in found], np.int64)[place]
    micros = moments % 1_000_000
    styles = StampStyles(
        set(found),
        has_whole=bool(((micros == 0) & (decimals > 0)).any()),
        has_padding=bool(((micros % 10 ** (7 - np.maximum(decimals, 1)) == 0) & (decimals > 0)).any()),
        offset_minutes=candidate.offset_minutes,
    )
    codes = np.array([shape.code for shape in found], np.int64)[place]
    return styles, Pairs(moments, codes) if collects else None
