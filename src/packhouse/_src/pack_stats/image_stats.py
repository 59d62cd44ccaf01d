"""What `pack.stats()` returns, and its words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from packhouse._src.notebook_cells.markup import lines_as_typed
from packhouse._src.pack_stats.pixel_sums import Moments
from packhouse._src.wording.quantities import counted, examples, size
from packhouse._src.wording.visible_text import joined

MOST_CLASSES = 10


class Range(NamedTuple):
    """Smallest value, median, largest value."""

    least: float
    median: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageStats:
    """What images are like. `print(stats)` shows it."""

    images: int
    """Number of chosen images."""

    bytes: int
    """Size of their files."""

    formats: dict[str, int]
    """Media type -> number of images, most frequent first; "unknown" for none."""

    file_bytes: Range
    width: Range
    """Upright columns, of the images whose size is known."""

    height: Range
    aspect: Range
    """Width / height."""

    classes: dict[str, int]
    """Class -> number of images, most frequent first; empty without `label`."""

    unlabelled: int
    """Images without a label, which are left out; 0 without `label`."""

    size: tuple[int, int] | None
    """(height, width) that the pixels were scaled and cropped to; None for the stored sizes."""

    measured: int
    """Number of images whose pixels were read: all, or the sample."""

    broken: dict[str, str]
    """Key -> why an image could not be decoded; it counts for nothing in the pixels."""

    pixels: Moments
    """Mean and standard deviation of each channel."""

    @property
    def normalize(self) -> str:
        """The line for torchvision, such as "Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, ...])"."""
        mean, std = (
            ", ".join(f"{one:.4f}" for one in values) for values in (self.pixels.mean, self.pixels.std)
        )
        return f"Normalize(mean=[{mean}], std=[{std}])"

    def to_dict(self) -> dict[str, Any]:
        """Return the values as `packhouse stats --json` prints them."""
        return {**asdict(self), "normalize": self.normalize}

    def __str__(self) -> str:
        """Return the values in words, several lines."""
        return joined(self._lines())

    def _repr_html_(self) -> str:
        return lines_as_typed(str(self))

    def _lines(self) -> Iterator[str]:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in self.formats.items())
        yield f"{counted(self.images, 'image')}, {size(self.bytes)}: {kinds}"
        file = [size(one) for one in self.file_bytes]
        yield f"  file: {file[0]} to {file[2]}, median {file[1]}"
        named = (("width", self.width, 0), ("height", self.height, 0), ("width / height", self.aspect, 2))
        for name, spread, digits in named:
            least, median, most = (f"{one:,.{digits}f}" for one in spread)
            yield f"  {name}: {least} to {most}, median {median}"
        if self.classes:
            shown = list(self.classes.items())[:MOST_CLASSES]
            more = ", ..." if len(self.classes) > MOST_CLASSES else ""
            listed = ", ".join(f"{name} {count:,}" for name, count in shown)
            yield f"  {len(self.classes):,} classes: {listed}{more}"
        if self.unlabelled:
            yield f"  {counted(self.unlabelled, 'image')} without a label, left out of all of this"
        if self.broken:
            yield f"  {counted(len(self.broken), 'image')} cannot be decoded: {examples(list(self.broken))}"
        scaled = f"at {self.size[0]} x {self.size[1]}" if self.size else "at their stored sizes"
        yield f"  pixels of {counted(self.measured, 'image')} {scaled}, red, green, blue, from 0 to 1:"
        for name, values, errors in (
            ("mean", self.pixels.mean, self.pixels.mean_error),
            ("std", self.pixels.std, self.pixels.std_error),
        ):
            parts = [f"{one:.4f}" for one in values]
            if errors is not None:
                parts = [f"{part} ± {error:.4f}" for part, error in zip(parts, errors, strict=True)]
            yield f"    {name}: {', '.join(parts)}"
        if self.pixels.mean:
            yield f"  {self.normalize}"
