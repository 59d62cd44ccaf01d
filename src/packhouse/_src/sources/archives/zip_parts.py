"""Zip archives that were cut into parts: told apart from damaged ones, and which parts are missing."""

from __future__ import annotations

import re
import struct
from pathlib import Path

from packhouse.errors import SourceError, Where

_END = struct.Struct("<4sHH")
_END_SIGNATURE = b"PK\5\6"
_PART = re.compile(r"(.+)\.z([0-9]{2,3})", re.IGNORECASE)
_CUT = re.compile(r"(.+\.(?:zip|tar|tgz|tar\.gz))\.([0-9]{2,3}|part[0-9]+)", re.IGNORECASE)
MOST_PARTS = 999
EXAMPLES = 5


def is_part(name: str) -> bool:
    """Say whether a file is named as a part of a split archive: set.z01, set.zip.001."""
    return bool(_PART.fullmatch(name) or _CUT.fullmatch(name))


def split_archive_error(path: Path, tail: bytes = b"") -> SourceError | None:
    """Return what is wrong with a file that is one part of a split archive; None when it is none.

    Args:
        path: The file.
        tail: Its last bytes, if it is named .zip.
    """
    name, where = path.name, Where(file=str(path))
    if part := _PART.fullmatch(name):
        return SourceError(
            "this is one part of a split archive", where=where, hint=_join_hint(f"{part[1]}.zip")
        )
    if part := _CUT.fullmatch(name):
        hint = f"join the parts, then pack the result: cat {part[1]}.* > {part[1]}"
        return SourceError("this is one part of a split archive", where=where, hint=hint)
    end = tail.rfind(_END_SIGNATURE)
    if end < 0 or len(tail) < end + _END.size:
        return None
    _, disk, _ = _END.unpack_from(tail, end)
    if not 0 < disk <= MOST_PARTS:
        return None
    stem = name[:-4] if name.lower().endswith(".zip") else name
    parts = [f"{stem}.z{number:02d}" for number in range(1, disk + 1)]
    missing = [part for part in parts if not path.with_name(part).exists()]
    told = ", ".join(missing[:EXAMPLES]) + (" ..." if len(missing) > EXAMPLES else "")
    problem = f"is the last of the {disk + 1} parts of a split archive"
    if missing:
        return SourceError(
            f"{problem}; missing beside it: {told}",
            where=where,
            hint=f"copy all parts there, then {_join_hint(name)}",
        )
    return SourceError(problem, where=where, hint=_join_hint(name))


def _join_hint(name: str) -> str:
    return f"join the parts, then pack the result: zip -s 0 {name} --out whole.zip"
