"""How the cells of a column spell their values, and whether two spellings can be one value. Pure.

A column that is spelled in one style (the shortest digits, or one number of decimals) cannot have two
spellings of one value, so its values need not be compared. Any other column is compared: each distinct value
goes with a code of its spelling, from which the text can be had back.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from packhouse._src.delimited.column_types import ALL_DIGITS, nearest

_FLOAT = re.compile(r"-?([0-9]+)(?:\.([0-9]+))?(?:([eE])([-+]?)([0-9]+))?")

REPR_LOW, REPR_HIGH = 1e-4, 1e16
"""Python's repr, and DuckDB, write numbers below and from here on with exponents."""


@dataclass(slots=True)
class FloatStyles:
    """The ways in which numbers of a column are written."""

    marks: set[str] = field(default_factory=set)
    """What was seen: "zero", "-zero" and both with an exponent; "whole" (5) and "whole.0" (5.0); "long": not
    the shortest digits; "loose": exponents that are not of scientific notation; and of other exponents the
    letter, the sign and the padding; "minus": a sign in front of the number, or of the exponent."""

    decimals: set[int] = field(default_factory=set)
    """Numbers of decimals where there is no exponent."""

    exponent_decimals: set[int] = field(default_factory=set)
    low: float = math.inf
    """Smallest size above 0 without an exponent, and the largest."""

    high: float = 0.0
    exponent_low: float = math.inf
    """Smallest size with an exponent, of those from 1 on."""

    exponent_high: float = 0.0
    """Largest size with an exponent, of those below 1."""

    code: str = ""
    """A cell such as 1e5, with neither a point nor a sign: the last one in order of letters."""

    def add(self, other: FloatStyles) -> None:
        """Take in the styles of more cells."""
        self.marks |= other.marks
        self.decimals |= other.decimals
        self.exponent_decimals |= other.exponent_decimals
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.exponent_low = min(self.exponent_low, other.exponent_low)
        self.exponent_high = max(self.exponent_high, other.exponent_high)
        self.code = max(self.code, other.code)

    def add_text(self, text: str, value: float) -> None:
        """Take in one number, as it is written."""
        _whole, decimals, letter, _sign, _exponent = _parts(text)
        size = abs(value)
        sort = ("-" if math.copysign(1, value) < 0 else "") + "zero"
        if letter is None:
            self.decimals.add(len(decimals))
            if size:
                self.low, self.high = min(self.low, size), max(self.high, size)
            self.marks |= _plain_marks(text, value, decimals)
            self.marks |= set() if size else {sort}
            return
        self.exponent_decimals.add(len(decimals))
        self.marks |= _exponent_marks(text, value)
        if text.isalnum():
            self.code = max(self.code, text)
        if size == 0:
            self.marks.add(f"{sort}, exponent")
        elif size < 1:
            self.exponent_high = max(self.exponent_high, size)
        else:
            self.exponent_low = min(self.exponent_low, size)

    @property
    def may_be_codes(self) -> bool:
        """Whether some have exponents, and none a point or a sign."""
        has_points = max(self.decimals | self.exponent_decimals, default=0) > 0
        return bool(self.code) and not has_points and not self.marks & {"signed", "minus", "-zero"}

    @property
    def is_one(self) -> bool:
        """Whether no two of such spellings are one value; 5 and 5.0 are one spelling."""
        marks = self.marks
        if len(marks & {"zero", "-zero", "zero, exponent", "-zero, exponent"}) > 1 or "loose" in marks:
            return False
        plain = "long" not in marks or len(self.decimals) == 1
        return plain and self._has_one_exponent and self._exponents_are_apart

    @property
    def _has_one_exponent(self) -> bool:
        if any(len(self.marks & group) > 1 for group in ({"e", "E"}, {"signed", "bare"}, _PADDINGS)):
            return False
        digits = self.marks & {"exponent, long", "exponent, whole", "exponent, whole.0"}
        return len(self.exponent_decimals) <= 1 or digits in (
            set(),
            {"exponent, whole"},
            {"exponent, whole.0"},
        )

    @property
    def _exponents_are_apart(self) -> bool:
        return self.exponent_high < self.low and self.high < self.exponent_low

    @property
    def recipe(self) -> str | None:
        """How to write the values so that they are the cells again: "%.2f", "%r" or "%s"; see `Candidate`."""
        marks = self.marks
        if not self.is_one:
            return None
        if not self.exponent_decimals and len(self.decimals) == 1 and max(self.decimals) > 0:
            return f"%.{max(self.decimals)}f"
        is_repr = self.low >= REPR_LOW and self.high < REPR_HIGH
        if self.exponent_decimals:
            is_repr = (
                is_repr
                and not marks & {"E", "bare", "pad1", "pad3", "exponent, long", "exponent, whole.0"}
                and self.exponent_high < REPR_LOW
                and self.exponent_low >= REPR_HIGH
                and not marks & {"zero, exponent", "-zero, exponent"}
            )
        if not is_repr or "long" in marks or marks >= {"whole", "whole.0"}:
            return None
        return "%s" if "whole" in marks else "%r"


_PADDINGS = {"pad1", "pad2", "pad3"}


def _parts(text: str) -> tuple[str, str, str | None, str, str]:
    match = _FLOAT.fullmatch(text)
    if match is None:
        message = f"{text!r} is not a number"
        raise ValueError(message)
    whole, decimals, letter, sign, exponent = match.groups()
    return whole, decimals or "", letter, sign or "", exponent or ""


def _plain_marks(text: str, value: float, decimals: str) -> set[str]:
    if value == int(value) and decimals in ("", "0"):
        is_short = _digits(text) == _digits(repr(value))
        return ({"whole.0"} if decimals else {"whole"}) | (set() if is_short else {"long"})
    return set() if _digits(text) == _digits(repr(value)) and not decimals.endswith("0") else {"long"}


def _digits(text: str) -> str:
    whole, decimals, *_ = _parts(text)
    return (whole + decimals).strip("0")


def _exponent_marks(text: str, value: float) -> set[str]:
    whole, decimals, letter, sign, exponent = _parts(text)
    marks = {letter or ""} | ({"signed"} if sign == "+" else set() if sign else {"bare"})
    marks |= {"minus"} if "-" in text else set()
    unit = (len(whole) == 1 and whole != "0") or (value == 0 and not whole.strip("0"))
    if not unit or (value == 0 and exponent.strip("0")) or (sign == "-" and not exponent.strip("0")):
        marks.add("loose")
    if len(exponent) == 1 or exponent.startswith("0"):
        marks.add(f"pad{len(exponent)}")
    if not decimals:
        marks.add("exponent, whole")
    elif decimals == "0":
        marks.add("exponent, whole.0")
    elif decimals.endswith("0"):
        marks.add("exponent, long")
    if _digits(text) != _digits(repr(value)):
        marks.add("exponent, long")
    return marks


_MINUS_ZERO, _HAS_EXPONENT, _UPPER = 1 << 9, 1 << 10, 1 << 11
_SIGN_AT, _PADDING_AT, _EXPONENT_AT = 12, 14, 16
_SIGNS = ("", "+", "-")
MINUS_ZERO = _MINUS_ZERO
"""Of a code: the sign of a zero, which the value does not tell."""


def encode(text: str, value: float) -> int:
    """Return a number for the spelling: with the value it gives the text; 5.0 has that of 5."""
    _whole, decimals, letter, sign, exponent = _parts(text)
    code = _MINUS_ZERO if value == 0 and math.copysign(1, value) < 0 else 0
    if letter is None:
        return code + (0 if decimals == "0" else len(decimals))
    code += len(decimals) + _HAS_EXPONENT + (_UPPER if letter == "E" else 0)
    return (
        code
        + (_SIGNS.index(sign) << _SIGN_AT)
        + (len(exponent) << _PADDING_AT)
        + (int(exponent) << _EXPONENT_AT)
    )


def decode(value: float, code: int) -> str:
    """Return the text that has this value and this spelling."""
    decimals = code & (_MINUS_ZERO - 1)
    minus = "-" if value < 0 or code & _MINUS_ZERO else ""
    if not code & _HAS_EXPONENT:
        return minus + f"{nearest(value, -decimals):.{decimals}f}"
    sign = _SIGNS[(code >> _SIGN_AT) & 3]
    exponent = str(code >> _EXPONENT_AT).zfill((code >> _PADDING_AT) & 3)
    power = int(sign.replace("+", "") + exponent)
    mantissa = nearest(value, power - decimals).scaleb(-power, ALL_DIGITS)
    return f"{minus}{mantissa:.{decimals}f}{'E' if code & _UPPER else 'e'}{sign}{exponent}"
