"""What `packhouse.check` found, and its words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from packhouse._src.notebook_cells.markup import lines_as_typed
from packhouse._src.wording.quantities import counted, examples
from packhouse._src.wording.visible_text import joined

MOST_SHOWN = 5
LARGE_IMBALANCE = 10


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Images with the same bytes."""

    keys: tuple[str, ...]
    """Sorted."""

    splits: tuple[str, ...]
    """Splits that they are in, each once; empty if the pack has none."""

    labels: tuple[str, ...]
    """Their labels, each once, sorted; empty without `label`."""


@dataclass(frozen=True, slots=True)
class SharedValue:
    """A value whose images are in several splits."""

    value: str
    counts: dict[str, int]
    """Split -> number of its images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What makes a data set misleading. `print(report)` shows it."""

    pack: Path
    images: int
    splits: dict[str, int]
    """Split -> number of images; empty if nothing says which split an image is in."""

    duplicates: tuple[DuplicateGroup, ...]
    """All groups of images with the same bytes."""

    together: str | None
    """The column that was checked."""

    shared_values: tuple[SharedValue, ...]
    """Values of that column whose images are in several splits."""

    label: str | None
    classes: dict[str, int]
    """Class -> number of images, most frequent first; empty without `label`."""

    unlabelled: int
    """Images without a label."""

    problems: dict[str, str]
    """Key -> what is wrong with the file: "truncated", "not an image", ..."""

    @property
    def leaks(self) -> tuple[DuplicateGroup, ...]:
        """Duplicates whose images are in several splits."""
        return tuple(group for group in self.duplicates if len(group.splits) > 1)

    @property
    def conflicts(self) -> tuple[DuplicateGroup, ...]:
        """Duplicates whose images have several labels."""
        return tuple(group for group in self.duplicates if len(group.labels) > 1)

    @property
    def has_leaks(self) -> bool:
        """Whether images, or values of the checked column, are in several splits."""
        return bool(self.leaks or self.shared_values)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as `packhouse check --json` prints it."""
        return {
            "pack": str(self.pack),
            "leaks": self.has_leaks,
            "images": self.images,
            "splits": self.splits,
            "duplicates": [asdict(group) for group in self.duplicates],
            "together": self.together,
            "shared_values": [asdict(one) for one in self.shared_values],
            "label": self.label,
            "classes": self.classes,
            "unlabelled": self.unlabelled,
            "problems": self.problems,
        }

    def __str__(self) -> str:
        """Return the report in words, several lines."""
        return joined(self._lines())

    def _repr_html_(self) -> str:
        return lines_as_typed(str(self))

    def _lines(self) -> Iterator[str]:
        splits = ", ".join(f"{split} {count:,}" for split, count in self.splits.items())
        yield f"{self.pack}: {counted(self.images, 'image')}; {splits or 'no splits'}"
        yield from self._leak_lines()
        copies = sum(len(group.keys) - 1 for group in self.duplicates)
        of = f"in {counted(len(self.duplicates), 'group')}" if self.duplicates else ""
        yield f"  {counted(copies, 'image')} with the same bytes as another one {of}".rstrip()
        yield from _shown([" = ".join(group.keys[:MOST_SHOWN]) for group in self.duplicates])
        if self.label is not None:
            yield from self._label_lines(self.label)
        for problem in sorted(set(self.problems.values())):
            keys = [key for key, found in self.problems.items() if found == problem]
            yield f"  {counted(len(keys), 'image')} {problem}: {examples(keys)}"

    def _leak_lines(self) -> Iterator[str]:
        if not self.splits:
            return
        if self.leaks:
            yield f"LEAK {counted(len(self.leaks), 'image')} with copies in several splits"
            yield from _shown(
                [
                    f"{' and '.join(group.splits)}: {' = '.join(group.keys[:MOST_SHOWN])}"
                    for group in self.leaks
                ]
            )
        if self.shared_values:
            yield f"LEAK {counted(len(self.shared_values), 'value')} of {self.together} in several splits"
            yield from _shown(
                [
                    f"{one.value}: {', '.join(f'{split} {count:,}' for split, count in one.counts.items())}"
                    for one in self.shared_values
                ]
            )
        if not self.has_leaks:
            also = f", and no value of {self.together}" if self.together else ""
            yield f"  no image has a copy in another split{also}"

    def _label_lines(self, label: str) -> Iterator[str]:
        if self.conflicts:
            yield f"CONFLICT {counted(len(self.conflicts), 'image')} with copies that have other labels"
            yield from _shown(
                [
                    f"{' / '.join(group.labels)}: {' = '.join(group.keys[:MOST_SHOWN])}"
                    for group in self.conflicts
                ]
            )
        sizes = list(self.classes.items())
        if not sizes:
            return
        (most, most_count), (least, least_count) = sizes[0], sizes[-1]
        line = f"  {label}: {len(sizes):,} classes"
        line += f", from {least} with {least_count:,} to {most} with {most_count:,} images"
        if most_count >= LARGE_IMBALANCE * least_count:
            line += f' (1 to {most_count / least_count:,.0f}; see sampler="balanced")'
        yield line
        if self.unlabelled:
            yield f"  {counted(self.unlabelled, 'image')} without a label"


def _shown(lines: Sequence[str]) -> Iterator[str]:
    for line in lines[:MOST_SHOWN]:
        yield f"    {line}"
    if len(lines) > MOST_SHOWN:
        yield f"    and {len(lines) - MOST_SHOWN:,} more (--json lists all)"
