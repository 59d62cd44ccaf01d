"""What was measured, and what follows from it: arithmetic, without clocks."""

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
    """The file that the images came from, within the pack."""

    size: tuple[int, int]
    """(height, width) they were brought to, in pixels."""

    images: int
    """How many images each measurement took."""

    image_bytes: float
    """Mean size of their files."""

    cores: int
    """Cores this process may use."""

    disk: float
    """Reading alone, of images that were dropped from the page cache before."""

    ceiling: float
    """Decoding alone: the same calls in one bare thread per core, from memory, into one place."""

    loader: Mapping[int, float]
    """Threads -> what the loader gave, of images that lay in the page cache."""

    busy: float
    """Part of the cores' time that the loader used, at as many threads as cores; 0 to 1."""

    resizer: str
    """"OpenCV" or "Pillow"."""

    fits: bool
    """Whether the images fit into the memory of this machine, so that later epochs need no disk."""

    broken: int
    """Images among them that cannot be decoded."""

    @property
    def threads(self) -> int:
        """The best number of threads: that of the cores, unless another one gives clearly more."""
        fastest = max(self.loader, key=lambda threads: self.loader[threads])
        if self.loader[fastest] > WORTH_CHANGING * self.loader.get(self.cores, 0.0):
            return fastest
        return self.cores

    @property
    def rate(self) -> float:
        """What the loader gives with the best number of threads."""
        return self.loader[self.threads]

    @property
    def binds(self) -> Literal["disk", "decode", "loader"]:
        """What keeps it from being faster."""
        if self.disk < min(self.ceiling, self.rate) and not self.fits:
            return "disk"
        if self.busy >= ENOUGH or self.rate >= ENOUGH * self.ceiling:
            return "decode"
        return "loader"

    @property
    def verdict(self) -> str:
        """It in one line."""
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
        """What would change it, if anything would."""
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
        """Return it as `packhouse bench --json` prints it."""
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
