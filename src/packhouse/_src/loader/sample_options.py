"""The options of `pack.samples` and `pack.loader`, checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from numbers import Integral, Real
from operator import index
from typing import Literal, TypeAlias, get_args

import numpy as np

from packhouse._src.concurrency.threads import default_workers
from packhouse._src.images.cropping import CROPS, RANDOM, Size
from packhouse._src.images.decoding import DecodeOptions, check_wanted
from packhouse._src.images.pillow_ import Mode
from packhouse._src.images.pixel_limit import MOST_PIXELS
from packhouse._src.loader.choice.choosing import ImageSelection
from packhouse.errors import UsageError

CropName: TypeAlias = Literal["center", "random", "random-resized", "exact", "fit"]
OnError: TypeAlias = Literal["raise", "skip", "blank"]
OnUnlabelled: TypeAlias = Literal["raise", "skip"]
Stratify: TypeAlias = Literal["label"]
DerivedChoice: TypeAlias = int | Literal[False, "auto"]

MOST_THREADS = 16
"""Taken by default: beyond it, threads that decode mostly wait for each other in the interpreter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleOptions:
    """The options of `Pack.samples`, and those that `Pack.loader` shares with it; see there.

    A test compares both signatures with these fields.

    Raises:
        UsageError: An option is unknown, out of range, or contradicts another one.
    """

    size: Size | None = (224, 224)
    crop: CropName = "center"
    flip: bool = False
    mode: Mode = "RGB"
    max_pixels: int = MOST_PIXELS
    seed: int = 0
    where: str | None = None
    split: str | None = None
    val: float = 0.0
    test: float = 0.0
    split_column: str | None = None
    together: str | None = None
    stratify: Stratify | None = None
    exact: bool = False
    columns: tuple[str, ...] = ()
    label: str | None = None
    on_unlabelled: OnUnlabelled = "raise"
    threads: int | None = None
    on_error: OnError = "raise"
    derived: DerivedChoice = "auto"

    def __post_init__(self) -> None:
        """Check them."""
        check_wanted(self.size, self.mode, self.max_pixels)
        _one_of("crop", self.crop, tuple(CROPS))
        _one_of("on_error", self.on_error, get_args(OnError))
        _one_of("on_unlabelled", self.on_unlabelled, get_args(OnUnlabelled))
        if self.size is None:
            self._check_without_size()
        object.__setattr__(self, "seed", whole("seed", self.seed))
        if self.threads is not None and whole("threads", self.threads) < 1:
            raise UsageError(f"threads={self.threads} must be at least 1", hint="None means one per core")
        flag("flip", self.flip)
        for name in ("where", "split", "split_column", "together", "label"):
            _text(name, getattr(self, name))
        flag("exact", self.exact)
        self._check_shares()
        if not _is_store(self.derived):
            raise UsageError(
                f"derived={self.derived!r} is not known",
                hint='"auto", False for the originals, or the size of a derived store, as derived=256',
            )

    def _check_shares(self) -> None:
        for name in ("val", "test"):
            share = getattr(self, name)
            if not _is_share(share):
                raise UsageError(
                    f"{name}={share!r}: a fraction of the images, 0 to below 1", hint=f"{name}=0.1"
                )
        if self.val + self.test >= 1:
            raise UsageError(f"val={self.val}, test={self.test}: nothing is left to train on")
        if self.stratify is not None:
            _one_of("stratify", self.stratify, get_args(Stratify))
            if self.label is None:
                raise UsageError(
                    'stratify="label" needs classes', hint='add label="group" or label="table.column"'
                )
        for name in ("together", "stratify", "exact"):
            value = getattr(self, name)
            if value and not (self.val or self.test):
                raise UsageError(
                    f"{name}={value!r} says how images are divided, but nothing divides them",
                    hint=f'split="train", val=0.1, {name}={value!r}',
                )

    def _check_without_size(self) -> None:
        """Refuse what only images of one size can have."""
        for name, is_asked in (
            (f'crop="{self.crop}"', self.crop != "center"),
            ("flip=True", self.flip),
            ('on_error="blank"', self.on_error == "blank"),
        ):
            if is_asked:
                raise UsageError(f"{name} needs a size", hint="size=(height, width)")

    @property
    def selection(self) -> ImageSelection:
        """Which images to select."""
        names = ("where", "split", "split_column", "val", "test", "together", "exact")
        return ImageSelection(**{name: getattr(self, name) for name in names})

    @property
    def wanted(self) -> DecodeOptions:
        """How to crop, scale and flip an image."""
        return DecodeOptions(CROPS[self.crop], self.mode, self.flip, self.max_pixels)

    @property
    def is_by_chance(self) -> bool:
        """Whether pixels differ from epoch to epoch."""
        return self.flip or self.crop in RANDOM

    @property
    def n_threads(self) -> int:
        """Threads that read and decode."""
        return self.threads or default_workers(most=MOST_THREADS)


def whole(name: str, value: object) -> int:
    """Return a number as Python's own, NumPy's too.

    Args:
        name: What it is called.
        value: It.

    Raises:
        UsageError: It is none, or has a fraction.
    """
    try:
        return index(value)  # type: ignore[arg-type]  # that is the question
    except TypeError:
        raise UsageError(f"{name}={value!r} is not a whole number") from None


def flag(name: str, value: object) -> None:
    """Refuse what is neither True nor False: "no" would mean yes.

    Args:
        name: What it is called.
        value: It.

    Raises:
        UsageError: It is something else.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise UsageError(f"{name}={value!r} must be True or False")


def columns_of(columns: Sequence[str] | str) -> tuple[str, ...]:
    """Return names of columns as a tuple.

    Args:
        columns: Several, or one.

    Raises:
        UsageError: One comes twice, or is not a string.
    """
    if not isinstance(columns, Iterable):
        raise UsageError(f"columns={columns!r}: names of columns", hint='columns=["articles.price"]')
    names = (columns,) if isinstance(columns, str) else tuple(columns)
    for name in names:
        _text("columns", name)
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise UsageError(f"columns: {twice!r} is listed twice")
    return names


def _text(name: str, value: object) -> None:
    if value is not None and not isinstance(value, str):
        raise UsageError(f"{name}={value!r} is not a string")


def _is_share(value: object) -> bool:
    return isinstance(value, Real) and 0 <= float(value) < 1


def _is_store(value: object) -> bool:
    if isinstance(value, bool):
        return not value
    return value == "auto" or isinstance(value, Integral)


def _one_of(name: str, value: object, known: Sequence[str]) -> None:
    if value not in known:
        near = get_close_matches(str(value), known, n=1)
        hint = f'{name}="{near[0]}"' if near else ", ".join(f'"{one}"' for one in known)
        raise UsageError(f"{name}={value!r} is not known", hint=hint)
