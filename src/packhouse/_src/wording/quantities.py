"""Numbers and lists in words: sizes, counts, examples."""

from __future__ import annotations

from collections.abc import Sequence

from packhouse._src.wording.visible_text import visible_line

EXAMPLES = 3
THOUSAND = 1000


def size(n_bytes: float) -> str:
    """Return a number of bytes for reading: "1.2 MB", decimal units."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if n_bytes < THOUSAND:
            return f"{n_bytes:,.0f} {unit}" if unit == "bytes" else f"{n_bytes:.1f} {unit}"
        n_bytes /= THOUSAND
    return f"{n_bytes:.2f} TB"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: "1 image", "2,000 images"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def examples(values: Sequence[str], total: int | None = None) -> str:
    """Return the first few of some values, none of them twice, and that there are more."""
    shown = ", ".join(visible_line(str(value)) for value in list(dict.fromkeys(values))[:EXAMPLES])
    return shown + (", ..." if (total or len(values)) > EXAMPLES else "")
