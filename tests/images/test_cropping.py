"""Crops: inside the picture, of the wanted shape, as likely here as there; and the scale that covers them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from packhouse._src.images.cropping import CROPS, DRAWS, RANDOM, Box, Cut, divisor_for, shrunk

SIZES = st.tuples(st.integers(1, 5000), st.integers(1, 5000))
WANTED = st.tuples(st.integers(1, 600), st.integers(1, 600))
CHANCES = st.lists(st.floats(0, 1, exclude_max=True), min_size=DRAWS - 1, max_size=DRAWS - 1)


@given(stored=SIZES, wanted=WANTED, chances=CHANCES, name=st.sampled_from(sorted(CROPS)))
def test_a_crop_lies_in_the_picture_and_in_the_result(
    stored: tuple[int, int], wanted: tuple[int, int], chances: list[float], name: str
) -> None:
    """And is never empty; without chance it is the same for any."""
    cut = CROPS[name](stored, wanted, chances)

    for box, whole in ((cut.box, stored), (cut.into, wanted)):
        assert box.top >= 0
        assert box.left >= 0
        assert box.height >= 1
        assert box.width >= 1
        assert box.top + box.height <= whole[0]
        assert box.left + box.width <= whole[1]
    assert not cut.flipped
    if name not in RANDOM:
        assert cut == CROPS[name](stored, wanted, chances[::-1])


@given(stored=SIZES, wanted=WANTED, chances=CHANCES, name=st.sampled_from(["center", "random"]))
def test_the_largest_part_of_the_wanted_shape(
    stored: tuple[int, int], wanted: tuple[int, int], chances: list[float], name: str
) -> None:
    """One side is that of the picture, the other follows to within half a pixel, and the result is filled."""
    cut = CROPS[name](stored, wanted, chances)
    step = min(stored[0] / wanted[0], stored[1] / wanted[1])

    assert cut.into == Box(0, 0, *wanted)
    assert cut.box.height == stored[0] or cut.box.width == stored[1]
    assert abs(cut.box.height - wanted[0] * step) <= 0.5 or cut.box.height == 1
    assert abs(cut.box.width - wanted[1] * step) <= 0.5 or cut.box.width == 1
    if name == "center":
        assert 0 <= stored[0] - cut.box.height - 2 * cut.box.top <= 1
        assert 0 <= stored[1] - cut.box.width - 2 * cut.box.left <= 1


def test_every_place_is_as_likely() -> None:
    """Of 11 places for a square in 50 x 60 pixels, each gets its share of evenly spread chances."""
    places = [
        CROPS["random"]((50, 60), (25, 25), [0.5001, chance, *[0.0] * DRAWS]).box.left
        for chance in (np.arange(1100) + 0.5) / 1100
    ]

    assert np.bincount(places).tolist() == [100] * 11


def reference(stored: tuple[int, int], rng: np.random.Generator) -> tuple[float, float]:
    """Return area and shape of a crop as torchvision's RandomResizedCrop draws them by default."""
    height, width = stored
    for _try in range(10):
        area = height * width * rng.uniform(0.08, 1.0)
        ratio = math.exp(rng.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return w * h, w / h
    ratio = width / height
    w = min(width, round(height * 4 / 3)) if ratio > 4 / 3 else width
    h = min(height, round(width / (3 / 4))) if ratio < 3 / 4 else height
    return w * h, w / h


@pytest.mark.parametrize("stored", [(300, 300), (585, 390), (100, 900)])
def test_random_resized_is_distributed_as_torchvisions(stored: tuple[int, int]) -> None:
    """Quantiles of area and shape of 20,000 crops each, to within four standard errors and a pixel."""
    rng = np.random.default_rng(5)
    theirs = np.array([reference(stored, rng) for _ in range(20_000)])
    boxes = [CROPS["random-resized"](stored, (224, 224), rng.random(DRAWS - 1).tolist()).box for _ in theirs]
    ours = np.array([(box.height * box.width, box.width / box.height) for box in boxes])

    for quantile in (0.05, 0.25, 0.5, 0.75, 0.95):
        mine, expected = np.quantile(ours, quantile, axis=0), np.quantile(theirs, quantile, axis=0)
        assert abs(mine[0] - expected[0]) < 0.025 * stored[0] * stored[1]
        assert abs(mine[1] - expected[1]) < 0.02
    assert abs(ours[:, 0].mean() - theirs[:, 0].mean()) < 0.015 * stored[0] * stored[1]
    tops = np.array([box.top / max(1, stored[0] - box.height) for box in boxes])
    assert abs(tops.mean() - 0.5) < 0.05 or stored[0] == 100


def test_shape_follows_that_of_the_result() -> None:
    """For a wide result the shapes lie about its own: 3/4 to 4/3 of it."""
    rng = np.random.default_rng(6)
    shapes = [
        box.width / box.height
        for box in (
            CROPS["random-resized"]((800, 1200), (100, 200), rng.random(DRAWS - 1).tolist()).box
            for _ in range(2000)
        )
    ]

    assert min(shapes) > 2 * 0.74
    assert max(shapes) < 2 * 1.35
    assert abs(np.median(shapes) - 2) < 0.1


@given(stored=SIZES, wanted=WANTED)
def test_fit_keeps_the_shape_and_stands_in_the_middle(
    stored: tuple[int, int], wanted: tuple[int, int]
) -> None:
    """All of it, as large as Pillow's `contain` makes it, or a pixel more or less."""
    cut = CROPS["fit"](stored, wanted, ())
    step = max(stored[0] / wanted[0], stored[1] / wanted[1])

    assert cut.box == Box(0, 0, *stored)
    assert cut.into.height == wanted[0] or cut.into.width == wanted[1]
    assert abs(cut.into.height - max(1.0, stored[0] / step)) <= 0.5
    assert abs(cut.into.width - max(1.0, stored[1] / step)) <= 0.5
    assert 0 <= wanted[0] - cut.into.height - 2 * cut.into.top <= 1
    assert 0 <= wanted[1] - cut.into.width - 2 * cut.into.left <= 1


@given(box=SIZES, into=WANTED)
def test_the_divisor_is_the_largest_that_covers(box: tuple[int, int], into: tuple[int, int]) -> None:
    """Of 1, 2, 4 and 8; 1 for what is smaller than the result."""
    covering = [d for d in (1, 2, 4, 8) if box[0] >= d * into[0] and box[1] >= d * into[1]]

    assert divisor_for(Cut(Box(3, 5, *box), Box(0, 0, *into))) == max(covering, default=1)


@given(data=st.data(), stored=SIZES, divisor=st.sampled_from([1, 2, 4, 8]))
def test_a_box_shrinks_to_the_nearest_pixels(
    data: st.DataObject, stored: tuple[int, int], divisor: int
) -> None:
    """Its edges move by half a pixel of the decoded picture at most, and stay in it; it has one at least."""
    assume(min(stored) >= divisor)
    top, left = (data.draw(st.integers(0, side - divisor)) for side in stored)
    height = data.draw(st.integers(divisor, stored[0] - top))
    width = data.draw(st.integers(divisor, stored[1] - left))
    present = -(-stored[0] // divisor), -(-stored[1] // divisor)

    small = shrunk(Box(top, left, height, width), divisor, present)

    for start, length, begin, extent, most in (
        (top, height, small.top, small.height, present[0]),
        (left, width, small.left, small.width, present[1]),
    ):
        assert 0 <= begin < begin + extent <= most
        if extent > 1:
            assert abs(begin - start / divisor) <= 0.5
            assert abs(begin + extent - (start + length) / divisor) <= 1
    if divisor == 1:
        assert small == (top, left, height, width)


def test_the_centre_is_that_of_pillow() -> None:
    """`Image.crop` of the box is what ImageOps.fit takes, where no half pixels are left over."""
    picture = Image.fromarray(np.arange(60 * 40, dtype=np.uint32).reshape(60, 40).astype(np.uint8))
    box = CROPS["center"]((60, 40), (20, 20), ()).box

    assert box == Box(10, 0, 40, 40)
    assert picture.crop((box.left, box.top, box.left + box.width, box.top + box.height)).size == (40, 40)
