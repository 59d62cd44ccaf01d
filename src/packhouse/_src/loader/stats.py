"""What a loader has done so far, for its user to read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from packhouse._src.loader.batch import Broken
from packhouse._src.loader.broken import warn_of

_LOOP = 4  # the warning names the line of the loop: count_broken <- _given <- _run <- the loop


@dataclass(slots=True, kw_only=True)
class Stats:
    """What a loader has done so far, over all its epochs."""

    threads: int
    """Threads that read and decode."""

    store: str
    """The file that the images come from: images.h5, or that of a derived store."""

    resizer: str
    """What scales them: "OpenCV" or "Pillow"."""

    images: int = 0
    """Images given; broken ones that were left out are not among them."""

    batches: int = 0
    seconds: float = 0.0
    """Wall time within epochs, from asking for the first batch to getting the last one."""

    waited: float = 0.0
    """Part of it, in seconds, in which the loop waited for a batch. Near `seconds`, the loader is the
    bottleneck; near 0, what the loop does with the batches."""

    broken: dict[str, str] = field(default_factory=dict)
    """Key of an image that gave no pixels -> what is wrong with it."""

    @property
    def images_per_second(self) -> float:
        """Images given, by `seconds`; 0 before there are any."""
        return self.images / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        """Return it in one line."""
        waiting = f", the loop waited for {100 * self.waited / self.seconds:.0f} %" if self.seconds else ""
        broken = f", {len(self.broken):,} images broken" if self.broken else ""
        return (
            f"{self.images:,} images in {self.batches:,} batches, {self.seconds:.1f} s: "
            f"{self.images_per_second:,.0f} img/s{waiting}{broken} "
            f"({self.threads} threads, {self.store}, resized by {self.resizer})"
        )

    def count_broken(self, found: Iterable[Broken], *, on_error: str) -> None:
        """Note broken images, and warn of the first one.

        Args:
            found: Those of a batch.
            on_error: What became of them: "skip" or "blank".
        """
        for one in found:
            if not self.broken:
                warn_of(one, on_error=on_error, more=": loader.stats.broken lists them", stacklevel=_LOOP)
            self.broken[one.key] = one.problem
