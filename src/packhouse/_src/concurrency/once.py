"""A property that is computed once, without a lock.

Python 3.11's `functools.cached_property` holds one lock for all instances of a class while it computes. A
process that is forked meanwhile inherits it taken, and waits for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

Value = TypeVar("Value")


class once(Generic[Value]):  # noqa: N801  # it is written as a decorator, like property
    """Computes the value at first access and keeps it in the instance.

    Of several threads that compute it at once, all get the value of the first that has finished.

    Args:
        compute: The method.
    """

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    def __set_name__(self, _owner: type, name: str) -> None:
        """Note the name under which the value is kept."""
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...
    def __get__(self, instance: object, owner: type) -> Self | Value:
        """Return the value; the next access finds it in the instance and does not come here."""
        if instance is None:
            return self
        value: Value = instance.__dict__.setdefault(self._name, self._compute(instance))
        return value
