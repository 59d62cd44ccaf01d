"""What a loader has done so far: counts, times, broken images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from packhouse._src.loader.batch import Broken
from packhouse._src.loader.broken import warn_of
from packhouse._src.notebook_cells.markup import facts

_LOOP = 4  # the warning names the line of the loop: count_broken <- _given <- _run <- the loop


@dataclass(slots=True, kw_only=True)
class Stats:
    """What a loader has done so far, in all epochs."""

    threads: int
    """Threads that read and decode."""

    store: str
    """File of the images: images.h5, or that of a derived store."""

    resizer: str
    """Library that scales them: "OpenCV" or "Pillow"."""

    images: int = 0
    """Images delivered, without broken ones that were skipped."""

    batches: int = 0
    seconds: float = 0.0
    """Wall time of the epochs, from requesting the first batch to receiving the last one."""

    waited: float = 0.0
    """Seconds of it in which the loop waited for a batch. If it is close to `seconds`, the loader is the
    bottleneck. If it is close to 0, the work on the batches is."""

    broken: dict[str, str] = field(default_factory=dict)
    """Key of an image that could not be decoded -> why not."""

    @property
    def images_per_second(self) -> float:
        """Images per second of `seconds`; 0 before the first one."""
        return self.images / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        """Return a summary in one line."""
        waiting = f", the loop waited for {100 * self.waited / self.seconds:.0f} %" if self.seconds else ""
        broken = f", {len(self.broken):,} images broken" if self.broken else ""
        return (
            f"{self.images:,} images in {self.batches:,} batches, {self.seconds:.1f} s: "
            f"{self.images_per_second:,.0f} img/s{waiting}{broken} "
            f"({self.threads} threads, {self.store}, resized by {self.resizer})"
        )

    def _repr_html_(self) -> str:
        waited = f"{self.waited:.1f} s" + (f" ({self.waited / self.seconds:.0%})" if self.seconds else "")
        return facts(
            {
                "images": f"{self.images:,} in {self.batches:,} batches",
                "time": f"{self.seconds:.1f} s, {self.images_per_second:,.0f} images per second",
                "the loop waited": waited,
                "broken images": f"{len(self.broken):,}",
                "threads": self.threads,
                "read from": self.store,
                "resized by": self.resizer,
            }
        )

    def count_broken(self, found: Iterable[Broken], *, on_error: str) -> None:
        """Record broken images, and warn about the first one.

        Args:
            found: Broken images of a batch.
            on_error: How they were handled: "skip" or "blank".
        """
        for one in found:
            if not self.broken:
                warn_of(one, on_error=on_error, more=": loader.stats.broken lists them", stacklevel=_LOOP)
            self.broken[one.key] = one.problem
