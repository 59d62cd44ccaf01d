"""How the timestamps of a column are spelled, and whether two spellings can be one moment. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

BASE_LENGTH = len("2018-02-03 10:20:30")
_ZONES = ("", "Z", "+HH", "+HHMM", "+HH:MM", "-HH", "-HHMM", "-HH:MM")
_SEPARATORS = (" ", "T")


@dataclass(frozen=True, slots=True)
class Shape:
    """How one timestamp is written."""

    separator: str
    """A blank or T."""

    decimals: int
    """Digits behind the seconds; 0 is without a point."""

    zone: str
    """"", "Z", or as "+HH:MM"."""

    @staticmethod
    def of(separator: str, tail: str) -> Shape:
        """Return the shape of a timestamp.

        Args:
            separator: What stands between date and time.
            tail: What stands behind the seconds.
        """
        decimals = 0
        if tail.startswith("."):
            rest = tail[1:].lstrip("0123456789")
            decimals = len(tail) - 1 - len(rest)
            tail = rest
        if tail.startswith(("+", "-")):
            tail = tail[0] + {2: "HH", 4: "HHMM", 5: "HH:MM"}[len(tail) - 1]
        return Shape(separator, decimals, tail)

    @property
    def code(self) -> int:
        """A number for it."""
        return (_ZONES.index(self.zone) << 4) + (_SEPARATORS.index(self.separator) << 3) + self.decimals

    @staticmethod
    def decoded(code: int) -> Shape:
        """Return the shape that has a code."""
        return Shape(_SEPARATORS[(code >> 3) & 1], code & 7, _ZONES[code >> 4])

    def write(self, microseconds: int, offset_minutes: int) -> str:
        """Return the text of a moment.

        Args:
            microseconds: From 1970-01-01, in UTC where there is a zone.
            offset_minutes: Of the zone.
        """
        offset = timedelta(minutes=offset_minutes)
        moment = (datetime(1970, 1, 1, tzinfo=UTC) + offset) + timedelta(microseconds=microseconds)
        text = moment.replace(tzinfo=None).isoformat(self.separator, "microseconds")
        fraction = text[BASE_LENGTH : BASE_LENGTH + 1 + self.decimals] if self.decimals else ""
        return text[:BASE_LENGTH] + fraction + self.zone_text(offset_minutes)

    def zone_text(self, offset_minutes: int) -> str:
        """Return the zone as it is written."""
        hours, minutes = divmod(abs(offset_minutes), 60)
        return self.zone.replace("HH", f"{hours:02}").replace("MM", f"{minutes:02}")


@dataclass(slots=True)
class StampStyles:
    """The ways in which timestamps of a column are written."""

    shapes: set[Shape] = field(default_factory=set)
    has_whole: bool = False
    """Whether a fraction was written that is 0."""

    has_padding: bool = False
    """Whether a fraction was written that ends with 0."""

    offset_minutes: int = 0
    """Of the zone."""

    def add(self, other: StampStyles) -> None:
        """Take in the styles of more cells."""
        self.shapes |= other.shapes
        self.has_whole |= other.has_whole
        self.has_padding |= other.has_padding

    @property
    def is_one(self) -> bool:
        """Whether no two of such spellings are one moment."""
        if len({(shape.separator, shape.zone) for shape in self.shapes}) > 1:
            return False
        decimals = {shape.decimals for shape in self.shapes}
        if len(decimals) <= 1 or not self.has_padding:
            return True
        return len(decimals - {0}) == 1 and not self.has_whole

    @property
    def recipe(self) -> str | None:
        """How to write the values so that they are the cells again: as for strftime.

        "%3f" stands for three digits of the fraction, "[.%6f]" for six where it is not 0, "[.%f]" for as many
        as it has; behind it comes the zone.
        """
        if not self.shapes or not self.is_one:
            return None
        shape = min(self.shapes, key=lambda one: one.decimals)
        decimals = sorted({one.decimals for one in self.shapes})
        text = f"%Y-%m-%d{shape.separator}%H:%M:%S"
        if len(decimals) == 1:
            text += f".%{decimals[0]}f" if decimals[0] else ""
        elif decimals[0] == 0 and len(decimals) == 2 and not self.has_whole:  # noqa: PLR2004  # none, or so many
            text += f"[.%{decimals[1]}f]"
        else:
            text += "[.%f]"
        return text + shape.zone_text(self.offset_minutes)


BOOLEAN_WORDS = ("true", "false", "True", "False", "TRUE", "FALSE")


@dataclass(slots=True)
class BooleanStyles:
    """The words of a column for true and false."""

    words: set[str] = field(default_factory=set)

    def add(self, other: BooleanStyles) -> None:
        """Take in the words of more cells."""
        self.words |= other.words

    @property
    def is_one(self) -> bool:
        """Whether each of the two has one word."""
        return len({word.lower() for word in self.words}) == len(self.words)

    @property
    def recipe(self) -> str | None:
        """The two words, such as "True|False"."""
        if not self.is_one:
            return None
        named = {word.lower(): word for word in self.words}
        return f"{named.get('true', 'true')}|{named.get('false', 'false')}"
