"""Text of a data set for people: what is invisible or moves the cursor is spelled out.

Names, cells and messages of other libraries come from strangers: a terminal obeys escape sequences in them
(it can be told to show something else, or to type), and bidirectional marks make a name look like another.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TextIO
from unicodedata import category

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_BYTE, _PLANE = 0xFF, 0xFFFF


def visible(text: str, *, keep: str = "\n\t") -> str:
    r"""Return a text with what is invisible spelled out, as in Python: "\\x1b", "\\u202e".

    Args:
        text: Any.
        keep: Characters that stay as they are: line breaks and tabs that are ours.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(one if one in keep else _spelled(one) for one in text)


def visible_line(text: str) -> str:
    """Return a text on one line: line breaks and tabs are spelled out too."""
    return visible(text, keep="")


def joined(lines: Iterable[str]) -> str:
    """Join lines that are ours; a line break in a name makes none."""
    return "\n".join(visible(line, keep="\t") for line in lines)


def _spelled(character: str) -> str:
    if category(character) not in _INVISIBLE:
        return character
    if character in _SHORT:
        return _SHORT[character]
    number = ord(character)
    if number <= _BYTE:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= _PLANE else f"\\U{number:08x}"


class VisibleStream:
    """A stream of text that shows what is invisible; otherwise like the one behind it.

    Args:
        stream: Where the text goes.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text, spelled out."""
        if not isinstance(text, str):
            raise TypeError("text is needed, not bytes")
        self._stream.write(visible(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write lines, spelled out."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the stream has
        """Return what the stream has."""
        return getattr(self._stream, name)
