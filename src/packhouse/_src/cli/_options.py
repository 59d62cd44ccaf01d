"""Builds the options of a command from the dataclass that spells them; options that many commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from packhouse._src.option_types.option_fields import REPEATABLE, OptionField, ValueKind, option_fields

Decorated = Callable[..., Any]
YES = "yes"
"""What --x alone means, for an option that can also have a value: --x or --x=anywhere."""


def with_default(words: str, default: str) -> str:
    """Return a line of help with the default in words, as click shows those that are values."""
    return f"{words}  [default: {default}]" if default else words


json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON")
workers_option = click.option(
    "--workers", type=int, metavar="N", help=with_default("Number of workers", "one per core")
)


class SpelledCommand(click.Command):
    """A command with options of which some can be given without a value; never takes an argument for one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line."""
        bare = {flag for one in self.params if isinstance(one, _OptionalValue) for flag in one.opts}
        return super().parse_args(ctx, [f"{text}={YES}" if text in bare else text for text in args])


class _OptionalValue(click.Option):
    """An option that can be given without its value, as a flag; it needs a `SpelledCommand`."""


def options_of(spelled: type) -> Callable[[Decorated], Decorated]:
    """Give a command all options of a dataclass, in their order.

    Args:
        spelled: The dataclass; see `option_fields`.
    """

    def decorate(function: Decorated) -> Decorated:
        for one in reversed(option_fields(spelled).values()):
            if one.kind is ValueKind.TEXTS_OR_FALSE:
                function = _switched_off(one)(function)
            function = _click_option(one)(function)
        return function

    return decorate


def given_options(spelled: type, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the options as `packhouse.pack` takes them, from the parameters that click hands over.

    Args:
        spelled: The dataclass.
        parameters: By name.

    Raises:
        UsageError: A value is not of the form that the option has, or --x and --no-x contradict each other.
    """
    given: dict[str, Any] = {}
    for name, one in option_fields(spelled).items():
        value = parameters[name]
        if one.kind in REPEATABLE:
            value = one.parse(value)
        if one.kind is ValueKind.SWITCH_OR_TEXT:
            value = {None: False, YES: True}.get(value, value)
        if one.kind is ValueKind.TEXTS_OR_FALSE:
            value = _or_false(one, value, is_off=parameters[f"no_{name}"])
        given[name] = value
    return given


def _click_option(one: OptionField) -> Callable[[Decorated], Decorated]:
    repeatable = one.kind in REPEATABLE
    words = one.option.help + ("; repeatable" if repeatable else "")
    words = with_default(words, one.option.default)
    if one.kind is ValueKind.SWITCH:
        return click.option(one.flag, one.name, is_flag=True, help=words)
    if one.kind is ValueKind.YES_NO:
        pair = f"{one.flag}/--no-{one.flag.removeprefix('--')}"
        return click.option(pair, one.name, default=None, help=words)
    plain = int if one.kind is ValueKind.NUMBER else str
    optional = one.kind is ValueKind.SWITCH_OR_TEXT
    choices = (YES, *one.option.choices) if optional else one.option.choices
    # with the sign, since `--x VALUE` would be a flag and an argument
    metavar = f"[={'|'.join(choices)}]" if optional else one.option.metavar
    return click.option(
        one.flag,
        one.name,
        cls=_OptionalValue if optional else None,
        type=click.Choice(choices) if choices else plain,
        multiple=repeatable,
        default=None if repeatable or optional else one.default,
        show_default=one.default is not None and not repeatable and not optional,
        metavar=metavar or None,
        help=words,
    )


def _switched_off(one: OptionField) -> Callable[[Decorated], Decorated]:
    flag = f"--no-{one.flag.removeprefix('--')}"
    return click.option(flag, f"no_{one.name}", is_flag=True, help=one.option.off)


def _or_false(one: OptionField, value: object, *, is_off: bool) -> object:
    if value and is_off:
        raise click.UsageError(f"{one.flag} and --no-{one.flag.removeprefix('--')} contradict each other")
    return False if is_off else value or None
