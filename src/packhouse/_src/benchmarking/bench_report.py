"""The report of `packhouse.bench`: the figures, the bottleneck, and what to change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

ENOUGH = 0.9
"""Of the ceiling, or of all cores' time: less means that something else is the bottleneck."""

WORTH_CHANGING = 1.03
"""More threads than cores are not advised for less than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchReport:
    """How fast a pack feeds training; rates are images per second of wall time."""

    pack: Path
    store: str
    """File of the images, within the pack."""

    size: tuple[int, int]
    """(height, width) after decoding, in pixels."""

    images: int
    """Number of images in each measurement."""

    image_bytes: float
    """Mean size of the image files, in bytes."""

    cores: int
    """Number of cores that this process may use."""

    disk: float
    """Reading only, from disk: images were dropped from the page cache before."""

    ceiling: float
    """Decoding only: the same decoder calls, one thread per core, from memory, into one buffer."""

    loader: Mapping[int, float]
    """Number of threads -> rate of the loader, with images in the page cache."""

    busy: float
    """Share of CPU time that the loader used, with one thread per core; 0 to 1."""

    resizer: str
    """"OpenCV" or "Pillow"."""

    fits: bool
    """Whether the images fit into memory, so that later epochs do not read from disk."""

    broken: int
    """Number of these images that cannot be decoded."""

    @property
    def threads(self) -> int:
        """The best number of threads: one per core, unless another number is clearly faster."""
        fastest = max(self.loader, key=lambda threads: self.loader[threads])
        if self.loader[fastest] > WORTH_CHANGING * self.loader.get(self.cores, 0.0):
            return fastest
        return self.cores

    @property
    def rate(self) -> float:
        """Rate of the loader with the best number of threads."""
        return self.loader[self.threads]

    @property
    def binds(self) -> Literal["disk", "decode", "loader"]:
        """The bottleneck: "disk", "decode" or "loader"."""
        if self.disk < min(self.ceiling, self.rate) and not self.fits:
            return "disk"
        if self.busy >= ENOUGH or self.rate >= ENOUGH * self.ceiling:
            return "decode"
        return "loader"

    @property
    def verdict(self) -> str:
        """The result in one line."""
        if self.binds == "disk":
            return (
                f"disk-bound: the disk reads {self.disk:,.0f} img/s ({self._disk_bytes}); decoding reaches "
                f"{self.ceiling:,.0f}, you get {min(self.disk, self.rate):,.0f}"
            )
        state = (
            f"{self.cores} cores at {100 * self.busy:.0f} %"
            if self.cores > 1
            else (f"1 core at {100 * self.busy:.0f} %")
        )
        ceiling = f"ceiling {self.ceiling:,.0f} img/s, you get {self.rate:,.0f}"
        if self.binds == "decode":
            return f"decode-bound: {state}; {ceiling}"
        return f"neither disk nor decoders are busy: {state}; {ceiling}"

    @property
    def advice(self) -> list[str]:
        """What would make it faster, if anything."""
        advice = []
        if self.threads != self.cores:
            advice.append(f"threads={self.threads} is fastest on this machine (default: one per core)")
        if self.fits and self.disk < self.rate:
            advice.append(f"the first epoch reads from disk: {self.disk:,.0f} img/s ({self._disk_bytes})")
        if self.resizer == "Pillow":
            advice.append('pip install "packhouse[fast]" makes scaling four times as fast')
        if self.broken:
            advice.append(f"{self.broken:,} of these images cannot be decoded: packhouse verify lists them")
        return advice

    @property
    def _disk_bytes(self) -> str:
        return f"{self.disk * self.image_bytes / 1e6:,.0f} MB/s"

    def to_dict(self) -> dict[str, Any]:
        """Return the report as `packhouse bench --json` prints it."""
        return {
            **asdict(self),
            "pack": str(self.pack),
            "loader": {str(threads): round(rate, 1) for threads, rate in self.loader.items()},
            "threads": self.threads,
            "rate": self.rate,
            "binds": self.binds,
            "verdict": self.verdict,
            "advice": self.advice,
        }
