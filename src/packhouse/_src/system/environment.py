"""The environment of this process, without what libraries obey when they are loaded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_variables(prefix: str) -> Iterator[None]:
    """Take the variables with a prefix out of the environment for a while.

    Args:
        prefix: In capital letters.
    """
    names = [name for name in os.environ if name.upper().startswith(prefix)]
    kept = {name: os.environ.pop(name) for name in names}
    try:
        yield
    finally:
        os.environ.update(kept)
