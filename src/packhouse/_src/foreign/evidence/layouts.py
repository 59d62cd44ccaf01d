"""Which axes of an array are rows, columns and channels of images, by all that speaks for it. Pure.

A layout is a word with one letter an axis, as frameworks write it: "NHWC" are N images of height, width and
channels. "CWH" and the like occur where MATLAB has written the file: it stores the axes in reverse.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

from packhouse._src.foreign.evidence.name_words import IMAGE, IMAGES, OTHER, Named, read_name
from packhouse._src.foreign.evidence.unclear_shapes import (
    LEAST_SIDE,
    MOST_ASPECT,
    RGB,
    flattened,
    misshapen,
    unclear,
)
from packhouse.errors import UsageError

Layout = Literal["NHWC", "NCHW", "NHW", "HWC", "CHW", "HW"]
"""Those that can be asked for."""

LAYOUTS: tuple[Layout, ...] = get_args(Layout)

CHANNELS = frozenset({1, 3, 4})
LEAST_NAMED_SIDE = 2

_MATLAB_PIXELS = frozenset({"uint8", "double", "single"})
_MATLAB_LAYOUTS = ("NCHW", "NHW", "CHW", "HW")
"""Those that may occur in its files, with height and width exchanged."""

_OF_OTHER_CLASS = {"PALETTE": "a palette of colours", "DIMENSION_SCALE": "a dimension scale"}
_INTERLACED = {"INTERLACE_PIXEL": "HWC", "INTERLACE_PLANE": "CHW", "INTERLACE_LINE": "HCW"}


class Hdf5Wish(NamedTuple):
    """What the user said of the file."""

    images_from: tuple[str, ...] = ()
    """Datasets, or groups of them, that hold the images; empty: found by evidence."""

    layout: str | None = None
    """One of LAYOUTS."""

    convert: bool = False
    """Whether `packhouse pack` makes image files of pixels from 0 to 1 and of base64 text."""

    def names(self, path: str) -> bool:
        """Say whether a dataset was named as images."""
        return any(one in ("", path) or path.startswith(f"{one}/") for one in self.images_from)

    def below(self, path: str) -> str:
        """Return the path of a dataset below the group that was named, if it is in one."""
        groups = (f"{one}/" for one in self.images_from if path.startswith(f"{one}/"))
        return path[max(map(len, groups), default=0) :]


NO_WISH = Hdf5Wish()


def read_wish(images_from: Sequence[str], layout: str | None, *, convert: bool = False) -> Hdf5Wish:
    """Read what the user said.

    Args:
        images_from: Paths of datasets or groups, with or without a leading slash; "/" for all.
        layout: One of LAYOUTS, or None.
        convert: Whether pixels from 0 to 1 and base64 text are converted.

    Returns:
        The wish.

    Raises:
        UsageError: There is no such layout, or a path is empty.
    """
    if layout is not None and layout not in LAYOUTS:
        raise UsageError(f"layout is {layout!r}", hint=f"one of {', '.join(LAYOUTS)}")
    paths = tuple(path.strip("/") for path in images_from)
    if "" in images_from:
        raise UsageError("images_from names no dataset", hint="the path of one, such as train/images")
    return Hdf5Wish(paths, layout, convert)


class Judged(NamedTuple):
    """What an array is."""

    layout: str | None
    """How its pixels are laid out; None when it is not images."""

    reason: str
    """Why it is not taken as images, and the option that would do it; "" for images."""


NOT_CHOSEN = Judged(None, "is not chosen by --images-from")


def judge(
    path: str,
    shape: Sequence[int],
    marks: Mapping[str, str],
    *,
    named: Named,
    counts: Collection[int],
    wish: Hdf5Wish,
) -> Judged:
    """Decide whether an array of two or more axes is images.

    Args:
        path: Of the dataset.
        shape: Its sizes.
        marks: Attributes that speak of images: CLASS, IMAGE_SUBCLASS, INTERLACE_MODE, MATLAB_class, ...
        named: What its path says.
        counts: How many values the columns beside it have.
        wish: What the user said; it counts before all evidence.

    Returns:
        The layout, or why it is none; where two layouts fit, the reason names both.
    """
    if wish.images_from and not wish.names(path):
        return NOT_CHOSEN
    is_certain, named = _chosen(path, shape, named, counts, wish)
    if is_certain and wish.layout is not None:
        return _checked(wish.layout, shape)
    if not is_certain:
        marked = _by_marks(path, shape, marks)
        if marked is not None:
            return marked
    evidence = _Evidence(path, shape, named, frozenset(counts), wish.layout, is_certain)
    if named.says == OTHER and not is_certain:
        return _other(evidence)
    if marks.get("MATLAB_class") not in _MATLAB_PIXELS:
        return _by_shape(evidence)
    judged = _by_shape(evidence, fitting=_MATLAB_LAYOUTS)
    return Judged(judged.layout and judged.layout.replace("HW", "WH"), judged.reason)


def _chosen(
    path: str, shape: Sequence[int], named: Named, counts: Collection[int], wish: Hdf5Wish
) -> tuple[bool, Named]:
    """Say whether the user chose a dataset as images, and what its name says apart from that."""
    if not wish.images_from or path in wish.images_from:
        return bool(wish.images_from), named
    below = read_name(wish.below(path))  # the name of a group that was chosen says nothing against it
    return below.says != OTHER and _is_wanted(shape, wish.layout, counts), below


def _is_wanted(shape: Sequence[int], layout: str | None, counts: Collection[int]) -> bool:
    """Say whether a dataset of a chosen group is of the shape that is asked for, or one grey image."""
    if layout is not None:
        return len(layout) == len(shape)
    return len(shape) == len("HW") and min(shape) >= LEAST_SIDE and shape[0] not in counts


def _none(reason: str) -> Judged:
    return Judged(None, reason)


def _other(evidence: _Evidence) -> Judged:
    """Refuse what its name says is something else."""
    named, shape = evidence.named, evidence.shape
    called = f"is called {named.word}" if named.is_leaf else f"is in the group {named.word}"
    if len(shape) == len("HW") and (named.is_leaf or shape[0] in evidence.counts):
        return _none(
            f"{called} and has {shape[1]:,} numbers in each of its {shape[0]:,} rows; "
            "a column of labels has one"
        )
    # as if it had another name
    as_images = evidence._replace(
        named=Named(IMAGE if len(shape) == len("HW") else IMAGES, "", None, is_leaf=True)
    )
    if _by_shape(as_images).layout is None:
        return _none(f"{called} and has the shape {tuple(shape)}: neither images nor a column of labels")
    end = evidence.path.split("/").index(named.word) + 1
    taken = evidence.path if named.is_leaf else "/".join(evidence.path.split("/")[:end])
    return _none(f"{called}, so it is not taken as images: --images-from {taken} takes it")


def _checked(layout: str, shape: Sequence[int]) -> Judged:
    if not _fits(layout, shape):
        fitting = [one for one in LAYOUTS if _fits(one, shape)]
        instead = f"; {' or '.join(fitting)} fits it" if fitting else ""
        return _none(
            f"its shape {tuple(shape)} is not {layout} with 1, 3 or 4 channels, as --layout says{instead}"
        )
    return Judged(layout, "")


def _fits(layout: str, shape: Sequence[int]) -> bool:
    return len(layout) == len(shape) and ("C" not in layout or shape[layout.index("C")] in CHANNELS)


def _by_marks(path: str, shape: Sequence[int], marks: Mapping[str, str]) -> Judged | None:
    """Decide by attributes (HDF5 Image and Palette Specification 1.2; MATLAB); None: they say nothing."""
    kind, matlab = marks.get("CLASS", ""), marks.get("MATLAB_class", "")
    if kind in _OF_OTHER_CLASS:
        return _none(f"is {_OF_OTHER_CLASS[kind]}, by its attribute CLASS")
    if matlab and matlab not in _MATLAB_PIXELS:
        return _none(f"is of MATLAB's class {matlab}, not images: --images-from {path} takes it")
    if kind != "IMAGE":
        return None
    odd = _odd_marks(marks)
    layout = _INTERLACED.get(marks.get("INTERLACE_MODE", ""), "HWC" if shape[-1] in CHANNELS else "CHW")
    if len(shape) == len("HW"):
        layout = "HW"
    if odd:
        return _none(odd)
    return _checked(layout, shape) if len(layout) == len(shape) else None


def _odd_marks(marks: Mapping[str, str]) -> str:
    """Say what of an image's attributes is not converted."""
    if marks.get("IMAGE_SUBCLASS") == "IMAGE_INDEXED":
        return "is an indexed image: its values are places in a palette, which are not converted"
    if marks.get("IMAGE_WHITE_IS_ZERO", "0") not in {"0", ""}:
        return "has 0 for white, by its attribute IMAGE_WHITE_IS_ZERO, which is not converted"
    if marks.get("DISPLAY_ORIGIN", "UL") != "UL":
        return f"begins at its corner {marks['DISPLAY_ORIGIN']}, by its attribute DISPLAY_ORIGIN"
    return ""


class _Evidence(NamedTuple):
    """What is known of an array whose attributes say nothing."""

    path: str
    shape: Sequence[int]
    named: Named
    counts: frozenset[int]
    asked: str | None
    is_certain: bool
    """Whether the user has named it."""

    @property
    def is_stack(self) -> bool:
        """Whether its own name is that of several images."""
        return self.named.says == IMAGES and self.named.is_leaf

    def side(self, layout: str) -> int:
        """Return the shorter side of its images."""
        return min(self.shape[layout.index("H")], self.shape[layout.index("W")])


def _by_shape(evidence: _Evidence, fitting: Collection[str] = LAYOUTS) -> Judged:
    shape, asked = evidence.shape, evidence.asked
    if len(shape) == len("HW"):
        return _two_axes(evidence)
    if len(shape) == len("HWC"):
        found, is_clear = _three_axes(evidence)
    else:
        is_clear = len(shape) == len("NHWC")
        found = [one for one in ("NHWC", "NCHW") if is_clear and shape[one.index("C")] in CHANNELS]
    found = [one for one in found if one in fitting]
    least = LEAST_NAMED_SIDE if evidence.is_certain or evidence.named.says else LEAST_SIDE
    likely = [one for one in found if evidence.side(one) >= LEAST_SIDE]
    possible = likely or [one for one in found if evidence.side(one) >= least]
    if asked is not None and len(asked) == len(shape) and possible:
        return _checked(asked, shape)
    if len(possible) == 1 and is_clear:
        return Judged(possible[0], "")
    return _none(unclear(evidence.path, shape, possible or found) if found else misshapen(shape))


def _three_axes(evidence: _Evidence) -> tuple[list[str], bool]:
    """Return the layouts that fit three axes, and whether one that fits alone is taken."""
    first, height, last = evidence.shape
    is_counted = first in evidence.counts
    if last in CHANNELS:
        # beside N labels, or very long, it could be N rows of something
        is_odd = is_counted or max(first, height) > MOST_ASPECT * min(first, height)
        return ["HWC"], not is_odd
    if not is_counted and first in CHANNELS:
        return _few_first(evidence), True
    is_named = evidence.named.says == IMAGES
    return ["NHW"], is_counted or is_named or evidence.is_certain


def _few_first(evidence: _Evidence) -> list[str]:
    """Return what 1, 3 or 4 planes may be: channels of one image, or grey images."""
    first, says = evidence.shape[0], evidence.named.says
    if first == RGB:
        return ["CHW", "NHW"] if evidence.is_stack else ["CHW"]
    if evidence.is_stack or evidence.is_certain:
        return ["NHW"]
    return ["CHW"] if first == 1 and says == IMAGE else ["CHW", "NHW"]


def _two_axes(evidence: _Evidence) -> Judged:
    shape, says = evidence.shape, evidence.named.says
    is_counted = shape[0] in evidence.counts
    if evidence.is_stack or is_counted:
        return _none(
            f"has {shape[0]:,} rows of {shape[1]:,} numbers, not pixels in rows and columns: "
            f"{flattened(shape, evidence.counts)}. If it is one grey image: "
            f"--images-from {evidence.path} --layout HW"
        )
    if (says in {IMAGE, IMAGES} or evidence.is_certain) and evidence.side("HW") >= LEAST_NAMED_SIDE:
        return Judged("HW", "")
    if evidence.side("HW") < LEAST_SIDE:
        return _none(misshapen(shape))
    return _none(unclear(evidence.path, shape, ["HW"]))
