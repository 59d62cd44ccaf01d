"""Names of files that are no text, and names in archives that lead elsewhere: pure functions of the name."""

from __future__ import annotations

import re
from typing import TypeGuard

from packhouse.errors import SourceError

_NOT_TEXT = re.compile("[%\udc80-\udcff]")
_ESCAPED = re.compile(rb"%([0-9A-F]{2})")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def escape_path(raw: bytes) -> str:
    """Return a path as text; one that is not UTF-8 is escaped, so that nothing of it is lost.

    Args:
        raw: The path as the file system or the archive has it.

    Returns:
        The path itself when it is UTF-8, also when it holds "%". Else every byte that is no part of valid
        UTF-8 as "%" and two upper-case hexadecimal digits, and every "%" as "%25".
    """
    return as_text(raw.decode("utf-8", "surrogateescape"))


def unescape_path(text: str) -> bytes:
    """Return the raw path of one that `escape_path` has escaped; others it would change.

    Args:
        text: An escaped path.

    Returns:
        The path as the file system or the archive has it.
    """
    return _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), text.encode())


def is_encoding(name: object) -> TypeGuard[str]:
    """Say whether a value is the name of an encoding of text that Python has."""
    try:
        return isinstance(name, str) and bool("".encode(name) or True)
    except LookupError:
        return False


def is_text(path: str) -> bool:
    """Say whether a name as Python decodes it stands for valid UTF-8."""
    if path.isascii():
        return True
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_text(path: str) -> str:
    """Return a path as text, in which Python put surrogates for bytes that are none (PEP 383)."""
    if is_text(path):
        return path
    return _NOT_TEXT.sub(lambda found: f"%{ord(found[0]) & 0xFF:02X}", path)


def member_path(raw: str) -> str:
    r"""Return the path of a member of an archive below the data set, or refuse one that leads out of it.

    A backslash is a letter like any other: an archive that means a folder by it is not what the formats say,
    and guessing would give two members one path.

    Args:
        raw: The name in the archive.

    Returns:
        The parts joined by "/", without empty ones and ".".

    Raises:
        SourceError: The name is empty, absolute, holds "..", a NUL, or begins with a drive such as "C:\".
    """
    parts = [part for part in raw.split("/") if part not in {"", "."}]
    if "\0" in raw:
        raise SourceError("its name contains NUL")
    if raw.startswith("/"):
        raise SourceError("its name is an absolute path")
    if _DRIVE.match(raw) or (parts and _DRIVE.match("/".join(parts))):
        raise SourceError("its name starts with a drive letter")
    if ".." in parts:
        raise SourceError('its name points outside the archive: it contains ".."')
    if not parts:
        raise SourceError("its name is empty")
    return "/".join(parts)
