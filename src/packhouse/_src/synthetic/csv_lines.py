"""Fixed-width rows as CSV lines, and random bytes as hexadecimal text, both without a loop over rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

ID_BYTES = 32
"""Bytes behind a customer id or postal code: 64 hexadecimal digits."""

Raw = npt.NDArray[np.uint8]
"""(rows, ID_BYTES)."""

Text = npt.NDArray[np.bytes_]
Lines = tuple[int, bytes]
"""A number of rows, and their bytes."""

_PAIRS = np.array([f"{value:02x}" for value in range(256)], dtype="S2")


def as_hex(raw: Raw) -> Text:
    """Return the hexadecimal text of each row: (rows,) of S64, ASCII, lower case."""
    return np.ascontiguousarray(_PAIRS[raw]).view(f"S{2 * ID_BYTES}").reshape(len(raw))


def as_lines(*columns: Text) -> Lines:
    """Return rows as CSV lines.

    Args:
        columns: Texts that need no quotes, as many in each column.

    Returns:
        The number of rows, and their lines.
    """
    fields = [(f"{number}", column.dtype) for number, column in enumerate(columns)]
    ends = [(f"after {number}", "S1") for number in range(len(columns))]
    rows = np.zeros(len(columns[0]), [field for pair in zip(fields, ends, strict=True) for field in pair])
    for number, column in enumerate(columns):
        rows[f"{number}"] = column
        rows[f"after {number}"] = b"\n" if number == len(columns) - 1 else b","
    # zero bytes pad the short texts
    return len(rows), rows.tobytes().translate(None, b"\0")
