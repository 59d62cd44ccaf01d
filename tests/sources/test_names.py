"""Names that are no text are escaped and come back; names that lead out of an archive are refused."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from packhouse._src.sources.names import as_text, escape_path, is_text, member_path, unescape_path
from packhouse.errors import SourceError


@settings(deadline=None)
@given(st.binary())
@example(b"100%\xff/%FF")
@example(b"\xed\xb3\xbf")  # a surrogate, as UTF-8 must not have it
@example(b"\xe9")
def test_escaping_is_reversible(raw: bytes) -> None:
    """Text stays itself, "%" too; anything else becomes text, and the same bytes again."""
    try:
        expected = raw.decode()
    except UnicodeDecodeError:
        escaped = escape_path(raw)
        assert escaped.encode().isascii() or "%" in escaped
        assert unescape_path(escaped) == raw
    else:
        assert escape_path(raw) == expected


@settings(deadline=None)
@given(st.binary(), st.binary())
def test_two_names_that_are_no_text_never_become_one(one: bytes, other: bytes) -> None:
    """Escaped names differ as the names do."""
    both = [raw + b"\xff" for raw in (one, other)]

    assert (escape_path(both[0]) == escape_path(both[1])) == (one == other)


def test_what_escaped_names_look_like() -> None:
    """Two upper-case digits a byte; what is text stays readable."""
    assert escape_path("größe".encode("latin-1") + b"%") == "gr%F6%DFe%25"
    assert escape_path("日本".encode() + b"\xff") == "日本%FF"
    assert escape_path(b"100%.jpg") == "100%.jpg"


def test_names_as_python_decodes_them() -> None:
    """Surrogates stand for bytes that are no text."""
    assert (is_text("ä%"), is_text("\udcff")) == (True, False)
    assert (as_text("ä%"), as_text("ä%\udcff")) == ("ä%", "ä%25%FF")


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("a/b.jpg", "a/b.jpg"),
        ("./a//b/./c.jpg", "a/b/c.jpg"),
        ("...", "..."),
        ("a/..b", "a/..b"),
        ("a\\..\\b", "a\\..\\b"),
        ("C:b", "C:b"),
        ("a/C:/b", "a/C:/b"),
        ("-rf *", "-rf *"),
    ],
)
def test_names_of_members(raw: str, path: str) -> None:
    """Empty parts and "." go; everything else is a letter like any other."""
    assert member_path(raw) == path


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "empty"),
        (".", "empty"),
        ("./", "empty"),
        ("/", "absolute"),
        ("/etc/passwd", "absolute"),
        ("//server/share", "absolute"),
        ("C:\\x", "drive"),
        ("c:/x", "drive"),
        ("./c:/x", "drive"),
        ("..", "points outside"),
        ("../x", "points outside"),
        ("a/../b", "points outside"),
        ("a/..", "points outside"),
        ("a\0.jpg", "NUL"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(raw: str, reason: str) -> None:
    """None of them is mended: what the archive meant is not known."""
    with pytest.raises(SourceError, match=reason):
        member_path(raw)
