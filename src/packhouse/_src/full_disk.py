"""Tells the errors of a full disk from others."""

from __future__ import annotations

import errno

FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})
"""What the system says when the disk, or the quota of the user, is full."""


def is_full(err: BaseException) -> bool:
    """Say whether an error is that of a full disk, or of a quota that is used up."""
    return getattr(err, "errno", None) in FULL
