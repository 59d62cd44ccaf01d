"""How an option is spelled, once: a field of a dataclass with an `Option` beside its type.

The command line, packhouse.toml and pack.json follow from these fields, and a test compares the signature and
the docstring of the public function with them. Nothing here imports a command line library.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from functools import cache
from numbers import Integral
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from packhouse._src.option_types.named_values import parse_named, parse_named_list
from packhouse.errors import UsageError


@dataclass(frozen=True, slots=True)
class Option:
    """What there is to say of an option beside its name, type and default."""

    help: str
    """One line for users, without the default; the docstring of the public function begins with it."""

    choices: tuple[str, ...] = ()
    """All values that it can have, beside True and False; empty: any."""

    default: str = ""
    """The default in words, where the value itself does not say it: "one per core"."""

    metavar: str = ""
    """What stands for the value in the help: "GLOB"."""

    flag: str = ""
    """The name on the command line, where it is not that of the field: "--join" for `joins`."""

    off: str = ""
    """The line of help of "--no-X", for an option that can also be False."""

    minimum: int | None = None
    """The smallest number allowed."""

    in_pack: bool = False
    """Whether it decides what a pack contains: pack.json records it, packhouse.toml can set it."""

    adds_up: bool = False
    """Whether what is given now adds to packhouse.toml, or to an earlier run, instead of replacing it."""

    scoped: bool = False
    """Whether each value may be for one table or column: "[TABLE=]NAME"."""


class ValueKind(Enum):
    """What values of an option are, which says how they are written everywhere."""

    SWITCH = "True or False"
    YES_NO = "True, False or nothing said"
    SWITCH_OR_TEXT = "True, False or a text"
    NUMBER = "a whole number"
    TEXT = "a text"
    TEXTS = "a list of texts"
    TEXTS_OR_FALSE = "a list of texts, or false"
    TEXT_BY_NAME = "name -> text"
    NUMBER_BY_NAME = "name -> whole number"
    TEXTS_BY_NAME = "name -> list of texts"


KINDS: dict[Any, ValueKind] = {
    bool: ValueKind.SWITCH,
    bool | None: ValueKind.YES_NO,
    bool | str: ValueKind.SWITCH_OR_TEXT,
    int: ValueKind.NUMBER,
    int | None: ValueKind.NUMBER,
    str: ValueKind.TEXT,
    str | None: ValueKind.TEXT,
    tuple[str, ...]: ValueKind.TEXTS,
    tuple[str, ...] | Literal[False] | None: ValueKind.TEXTS_OR_FALSE,
    Mapping[str, str]: ValueKind.TEXT_BY_NAME,
    Mapping[str, int]: ValueKind.NUMBER_BY_NAME,
    Mapping[str, str | Sequence[str]]: ValueKind.TEXTS_BY_NAME,
}
"""Each type that an option can have."""

REPEATABLE = {
    ValueKind.TEXTS,
    ValueKind.TEXTS_OR_FALSE,
    ValueKind.TEXT_BY_NAME,
    ValueKind.NUMBER_BY_NAME,
    ValueKind.TEXTS_BY_NAME,
}


@dataclass(frozen=True, slots=True)
class OptionField:
    """One option, all that is known of it."""

    name: str
    """In Python, in packhouse.toml and in pack.json."""

    kind: ValueKind
    default: Any
    option: Option

    @property
    def flag(self) -> str:
        """The name on the command line."""
        return self.option.flag or "--" + self.name.replace("_", "-")

    @property
    def form(self) -> str:
        """How it is written on the command line: "--sort TABLE=COLUMN,..."."""
        return f"{self.flag} {self.option.metavar}".strip()

    def check(self, value: object) -> None:
        """See that a value is of the kind, among the choices and not below the minimum.

        Raises:
            UsageError: It is not: "no" would mean yes.
        """
        if not (_is_of_kind(self.kind, value) or (value is None and self.default is None)):
            raise UsageError(f"{self.name} is {value!r}", hint=self.kind.value)
        choices, minimum = self.option.choices, self.option.minimum
        if value is None or (self.kind is ValueKind.SWITCH_OR_TEXT and isinstance(value, bool)):
            return
        if choices and value not in choices:
            raise UsageError(f"{self.name} is {value!r}", hint=f"one of {', '.join(choices)}")
        if minimum is not None and isinstance(value, int) and value < minimum:
            raise UsageError(f"{self.name} is {value}", hint=f"at least {minimum}")

    def parse(self, texts: Sequence[str]) -> object:
        """Read what the command line has for an option that can be given several times.

        Args:
            texts: As the user wrote them.

        Returns:
            The value of the option.

        Raises:
            UsageError: A text is not of the form, or a name comes twice.
        """
        if self.kind in {ValueKind.TEXTS, ValueKind.TEXTS_OR_FALSE}:
            return tuple(texts)
        found: dict[str, object] = {}
        for text in texts:
            name, value = self._parse_one(text)
            if found.get(name, value) != value:
                raise UsageError(f"{self.flag} is given twice for {name}", hint="once for each name")
            found[name] = value
        return found

    def _parse_one(self, text: str) -> tuple[str, object]:
        if self.kind is ValueKind.TEXTS_BY_NAME:
            return parse_named_list(text, self.form)
        name, value = parse_named(text, self.form)
        if self.kind is ValueKind.TEXT_BY_NAME:
            return name, value
        try:
            return name, int(value)
        except ValueError:
            raise UsageError(f"{value!r} is not a whole number, for {name}", hint=self.form) from None


_PLAIN: dict[ValueKind, tuple[type, ...]] = {
    ValueKind.SWITCH: (bool,),
    ValueKind.YES_NO: (bool,),
    ValueKind.SWITCH_OR_TEXT: (bool, str),
    ValueKind.NUMBER: (Integral,),
    ValueKind.TEXT: (str,),
}
_BY_NAME: dict[ValueKind, type] = {
    ValueKind.TEXT_BY_NAME: str,
    ValueKind.NUMBER_BY_NAME: Integral,
    ValueKind.TEXTS_BY_NAME: object,  # columns to sort by have a check of their own, which names them
}


def _is_of_kind(kind: ValueKind, value: object) -> bool:
    if kind in _PLAIN:
        is_truth_as_number = kind is ValueKind.NUMBER and isinstance(value, bool)
        return isinstance(value, _PLAIN[kind]) and not is_truth_as_number
    if kind in _BY_NAME:
        return isinstance(value, Mapping) and _are(value, str) and _are(value.values(), _BY_NAME[kind])
    may_be_false = kind is ValueKind.TEXTS_OR_FALSE and value is False
    return may_be_false or (isinstance(value, tuple | list) and _are(value, str))


def _are(values: Iterable[object], kind: type) -> bool:
    return all(isinstance(value, kind) for value in values)


@cache
def option_fields(options: type) -> dict[str, OptionField]:
    """Return the options that a dataclass has, by name, in the order in which they are written.

    Args:
        options: The dataclass; each field is annotated with an `Option`.
    """
    hints = get_type_hints(options, include_extras=True)
    found: dict[str, OptionField] = {}
    for field in fields(options):
        hint = hints[field.name]
        assert get_origin(hint) is Annotated, field.name  # noqa: S101  # a mistake in our code, seen at import
        kind, option = get_args(hint)
        default = {} if callable(field.default_factory) else field.default
        found[field.name] = OptionField(field.name, KINDS[kind], default, option)
    return found
