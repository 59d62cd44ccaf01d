"""Turns JSON back into the dataclasses it was made of. Pure."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


def from_json(kind: type[T], value: object) -> T:
    """Make a dataclass of what `dataclasses.asdict` and JSON have made of one.

    Args:
        kind: The dataclass.
        value: The JSON value.

    Returns:
        The dataclass, with tuples where it has tuples.

    Raises:
        ValueError: The value is not of this kind.
    """
    try:
        return cast("T", _value_of(kind, value))
    except (TypeError, KeyError, AttributeError) as err:
        raise ValueError(f"no {kind.__name__}: {err}") from err


def _value_of(kind: Any, value: Any) -> Any:  # noqa: ANN401  # types are values here
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        inner = next(one for one in arguments if one is not type(None))
        return None if value is None else _value_of(inner, value)
    if origin is tuple:
        each = arguments[:1] * len(value) if arguments[-1] is ... else arguments
        return tuple(_value_of(one, part) for one, part in zip(each, value, strict=True))
    if origin is not None and issubclass(origin, Mapping):
        return {key: _value_of(arguments[1], part) for key, part in value.items()}
    if is_dataclass(kind):
        hints = _hints(cast("type", kind))
        known = {name: value[name] for name in hints if name in value}
        return cast("type", kind)(**{name: _value_of(hints[name], part) for name, part in known.items()})
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {one.name: hints[one.name] for one in fields(kind)}
