"""Each soak with a small budget: `make soak` gives it hours."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak.budget import Budget, Soak, carry_out
from soak.tried import SOAKS

SMALL_S = 2.0


@pytest.mark.parametrize("soak", SOAKS, ids=lambda soak: soak.name)
def test_a_short_soak_finds_nothing(soak: Soak, tmp_path: Path) -> None:
    """What is tried for hours is tried for a second or two: nothing is wrong."""
    tried = carry_out(soak, tmp_path, Budget(soak.small, SMALL_S, seed=1))

    assert tried.wrong == ()
    assert tried.tried > 0
