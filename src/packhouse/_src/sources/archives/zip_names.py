"""The names of a zip archive as text: whatever code page they are in, whatever separates their folders."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from contextlib import suppress
from zipfile import ZipInfo

from packhouse._src.sources.archives.code_pages import STANDARD, guess_code_page

IS_UTF8 = 0x0800
UNICODE_PATH = 0x7075
FAT = frozenset({0, 14})
"""Hosts whose own paths have backslashes: MS-DOS and VFAT (APPNOTE.TXT, 4.4.2)."""


class ZipNames:
    """How the names of one archive are read.

    Args:
        infos: Its members.
        encoding: Of the names that are not UTF-8, as the user said; None: found.
    """

    def __init__(self, infos: Iterable[ZipInfo], encoding: str | None) -> None:
        strange = {raw for info in infos if (raw := _unknown(info)) is not None}
        # zip on Linux writes UTF-8 without saying so; in another code page one name may be UTF-8 by chance
        self._not_utf8 = {raw for raw in strange if not _is_utf8(raw)}
        page = encoding or (guess_code_page(strange) if self._not_utf8 else None)
        if page is not None and self._not_utf8 and all(_fits(raw, page) for raw in strange):
            self._not_utf8 = strange
        self._code_page = page or guess_code_page(self._not_utf8) or STANDARD

    def read(self, info: ZipInfo) -> tuple[str, str | None]:
        """Return the name of a member, and the code page it is in when it is neither ASCII nor UTF-8."""
        raw = _unknown(info)
        if raw is None:
            return _with_slashes(info, _known(info)), None
        if raw in self._not_utf8 and _fits(raw, self._code_page):
            return _with_slashes(info, raw.decode(self._code_page)), self._code_page
        return _with_slashes(info, raw.decode("utf-8", "surrogateescape")), None  # escaped if it is not text


def _is_utf8(raw: bytes) -> bool:
    return _fits(raw, "utf-8")


def _fits(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _with_slashes(info: ZipInfo, name: str) -> str:
    # as unzip does: an archive of a FAT host that has no slash in a name means folders by its backslashes
    return name.replace("\\", "/") if info.create_system in FAT and "/" not in name else name


def _unknown(info: ZipInfo) -> bytes | None:
    """Return a name if the archive does not say how it is encoded; else None."""
    if info.flag_bits & IS_UTF8 or info.orig_filename.isascii():
        return None
    raw = _raw(info)
    return raw if _unicode_path(info.extra, raw) is None else None


def _known(info: ZipInfo) -> str:
    # the original: zipfile cuts a name at a NUL, and what is left might be another's
    name = info.orig_filename
    if info.flag_bits & IS_UTF8:
        return name
    return _unicode_path(info.extra, _raw(info)) or name


def _raw(info: ZipInfo) -> bytes:
    return info.orig_filename.encode("cp437")  # as zipfile has decoded it


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """Return the name in UTF-8 that stands in an extra field beside the raw one (APPNOTE.TXT, 4.6.9)."""
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, place)
        field = extra[place + 4 : place + 4 + length]
        if kind == UNICODE_PATH and field[:5] == b"\1" + struct.pack("<I", zlib.crc32(raw)):
            with suppress(UnicodeDecodeError):
                return field[5:].decode()
        place += 4 + int(length)
    return None
