"""Broken images: the first is warned of; a batch that no loader watches over notes them itself."""

from __future__ import annotations

from warnings import warn

from packhouse._src.loader.batch import Batch, Broken
from packhouse._src.loader.sample_options import OnError
from packhouse.errors import ImageError


def warn_of(one: Broken, *, on_error: str, more: str = "", stacklevel: int) -> None:
    """Warn of the first broken image.

    Args:
        one: It.
        on_error: How it was handled: "skip" or "blank".
        more: Where the others are found.
        stacklevel: Of `warnings.warn`, as seen by the caller.
    """
    became = "skipped" if on_error == "skip" else "black"
    warn(
        f"{one.key}: {one.problem}; it is {became}, like any further broken image{more}",
        stacklevel=stacklevel + 1,
    )


def note(batch: Batch, broken: dict[str, str], *, on_error: OnError) -> Batch:
    """Note what is broken, and warn of the first one.

    Args:
        batch: The batch, not of no samples at all.
        broken: Key -> what is wrong with it; the notes.
        on_error: What became of them.

    Returns:
        The batch.

    Raises:
        ImageError: All of it is broken and was left out, so that there is nothing to give.
    """
    if not batch.broken:
        return batch
    if not len(batch):
        key, problem = batch.broken[0]
        others = f", like {len(batch.broken) - 1} others" if len(batch.broken) > 1 else ""
        raise ImageError(
            f'{key}: {problem}; it is skipped{others}, and nothing is left to return (on_error="skip")',
            hint='on_error="blank" returns a black image',
        )
    if not broken:
        warn_of(batch.broken[0], on_error=on_error, stacklevel=4)
    broken.update(batch.broken)
    return batch
