"""Which code page the names of a zip archive are in: judged by which one makes words of them. Pure.

A zip archive says of a name that it is UTF-8, or nothing. Then it is code page 437 by the standard, and in
truth whatever the computer used that wrote it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection
from itertools import pairwise

STANDARD = "cp437"
"""APPNOTE.TXT, D.1."""

_TELLING = {"cp932": ({"HIRAGANA", "KATAKANA"}, 2), "cp949": ({"HANGUL"}, 6)}
"""Code page -> a script, and how many of its letters nobody would find in the bytes of another language."""

FIRST_TRAIL = 0xA0
"""The second byte of the characters of both is above it."""

_WORD = re.compile(r"[^\W\d_]+")


def guess_code_page(names: Collection[bytes]) -> str | None:
    """Find the code page of names that are not UTF-8.

    Args:
        names: Names with other bytes than ASCII.

    Returns:
        The Python name of the only code page in which all of them are words of one script; None when several
        are possible, or none.
    """
    if not names:
        return None
    found = [page for page, is_word in _PAGES.items() if all(_fits(name, page, is_word) for name in names)]
    for page, (script, least) in _TELLING.items():
        if page in found:
            letters = {letter for name in names for letter in name.decode(page) if _script(letter) in script}
            if len(letters) >= least:
                return page
    return found[0] if len(found) == 1 else None


def _fits(name: bytes, page: str, is_word: Callable[[str], bool]) -> bool:
    try:
        text = name.decode(page)
    except UnicodeDecodeError:
        return False
    strange = [letter for letter in text if not letter.isascii()]
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    letters = sum(len(word) for word in words) - sum(letter.isascii() for word in words for letter in word)
    return text.encode(page) == name and letters == len(strange) and all(map(is_word, words))


def _is_latin(word: str) -> bool:
    accented = [letter for letter in word if not letter.isascii()]
    return 2 * len(accented) <= len(word) + 1 and all(_script(letter) == "LATIN" for letter in accented)


def _is_cyrillic(word: str) -> bool:
    odd_capitals = any(low.islower() and high.isupper() for low, high in pairwise(word))
    return not odd_capitals and all(_script(letter) == "CYRILLIC" for letter in word)


def _is_japanese(word: str) -> bool:
    return all(
        _script(one) in {"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "CJK"} or one.isascii() for one in word
    )


def _is_chinese(word: str) -> bool:
    """Say whether all characters are of the first level of GB 2312: those that are in common use."""
    return _is_of(word, "CJK", word.encode("gbk"), rows=range(0xB0, 0xD8))


def _is_korean(word: str) -> bool:
    """Say whether all characters are syllables of KS X 1001."""
    return _is_of(word, "HANGUL", word.encode("cp949"), rows=range(0xB0, 0xC9))


def _is_of(word: str, script: str, raw: bytes, *, rows: range) -> bool:
    strange = [letter for letter in word if not letter.isascii()]
    pairs = re.findall(rb"[\x80-\xff].", raw, re.DOTALL)
    return all(_script(letter) == script for letter in strange) and all(
        pair[0] in rows and pair[1] > FIRST_TRAIL for pair in pairs
    )


def _script(letter: str) -> str:
    name = unicodedata.name(letter, "")
    return name.split(" ")[0]


_PAGES: dict[str, Callable[[str], bool]] = {
    "cp949": _is_korean,
    "gbk": _is_chinese,
    "cp932": _is_japanese,
    "cp866": _is_cyrillic,
    "cp1251": _is_cyrillic,
    "cp437": _is_latin,
    "cp1252": _is_latin,
}
