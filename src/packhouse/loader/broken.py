"""Broken images of batches that no loader watches over: warned of, noted, refused where nothing is left."""

from __future__ import annotations

from warnings import warn

from packhouse.errors import ImageError
from packhouse.loader.batch import Batch
from packhouse.loader.options import OnError


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
    key, problem = batch.broken[0]
    if not len(batch):
        others = f", and {len(batch.broken) - 1} others with it," if len(batch.broken) > 1 else ""
        raise ImageError(
            f'{key}: {problem}; it{others} cannot be left out: nothing is left to give (on_error="skip")',
            hint='on_error="blank" gives a black image',
        )
    if not broken:
        became = "left out" if on_error == "skip" else "black"
        warn(f"{key}: {problem}; it is {became}, and so are others that come", stacklevel=4)
    broken.update(batch.broken)
    return batch
