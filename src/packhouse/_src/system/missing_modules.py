"""Modules of the standard library that some systems lack."""

from __future__ import annotations

import importlib
from typing import Any


def import_if_there(name: str) -> Any:  # noqa: ANN401  # a module, whose names the checker cannot know
    """Import a module; None if the system has no such module."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
