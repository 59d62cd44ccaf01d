"""Reads docstrings of Google's style."""

from __future__ import annotations

import inspect
import re


def arguments_of(function: object) -> dict[str, str]:
    """Return argument -> its words, in the order of the docstring."""
    block = re.search(r"\nArgs:\n(.*?)\n\n", f"{inspect.getdoc(function)}\n\n", re.DOTALL)
    assert block is not None, function
    found = re.findall(r"^ {4}(\w+): (.*?)(?=^ {4}\w|\Z)", block[1] + "\n", re.DOTALL | re.MULTILINE)
    return {name: " ".join(words.split()) for name, words in found}
