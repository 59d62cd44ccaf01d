"""Random bytes as hexadecimal text, and fixed-width rows as CSV lines; both without a loop over rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

ID_BYTES = 32
"""Bytes behind a customer id or postal code: 64 hexadecimal digits."""

Raw = npt.NDArray[np.uint8]
"""(rows, ID_BYTES)."""

Text = npt.NDArray[np.bytes_]

_PAIRS = np.array([f"{value:02x}" for value in range(256)], dtype="S2")


def as_hex(raw: Raw) -> Text:
    """Return the hexadecimal text of each row.

    Returns:
        (rows,) of S64, ASCII, lower case.
    """
    return np.ascontiguousarray(_PAIRS[raw]).view(f"S{2 * ID_BYTES}").reshape(len(raw))


def as_lines(rows: npt.NDArray[np.void]) -> bytes:
    """Return the bytes of a structured array without the zero bytes that pad short texts."""
    return rows.tobytes().translate(None, b"\0")


def row_type(**widths: int) -> np.dtype[np.void]:
    """Return the type of one CSV line: a text of each width, commas between them, a line feed after them."""
    fields: list[tuple[str, str]] = []
    for name, width in widths.items():
        fields += [(name, f"S{width}"), (f"after {name}", "S1")]
    return np.dtype(fields)


def new_rows(kind: np.dtype[np.void], number: int) -> npt.NDArray[np.void]:
    """Return empty lines of a type with their commas and line feeds in place."""
    rows = np.zeros(number, kind)
    names = [name for name in kind.names or () if name.startswith("after ")]
    for name in names[:-1]:
        rows[name] = b","
    rows[names[-1]] = b"\n"
    return rows
