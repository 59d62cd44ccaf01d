"""Pictures and rows agree: a garment is drawn in the colour and pattern that its row names."""

from __future__ import annotations

import io
from statistics import median

import numpy as np
import pytest
from PIL import Image

from packhouse._src.synthetic.articles import Article, article_ids, read_article
from packhouse._src.synthetic.catalogue import COLOURS, PATTERNS, PRODUCT_TYPES, Colour, ProductType
from packhouse._src.synthetic.drawing import draw_jpeg, make_textures

ARTICLES = [read_article(0, one) for one in article_ids(0, 2000).pictured]
TEXTURES = make_textures(0)
TOPS = {"T-shirt", "Sweater", "Shirt", "Dress"}
"""What fills the middle of its picture."""


def middle_of(article: Article) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return the pixels of the middle of a picture, which a top fills: (height, width, 3)."""
    with Image.open(io.BytesIO(draw_jpeg(article, 0, TEXTURES))) as image:
        width, height = image.size
        box = (round(width * 0.36), round(height * 0.34), round(width * 0.64), round(height * 0.62))
        return np.asarray(image.crop(box)).astype(np.int64)


@pytest.mark.parametrize("colour", COLOURS, ids=lambda colour: colour.name)
def test_solid_garments_have_the_colour_of_their_row(colour: Colour) -> None:
    """No other colour of the palette is nearer to the middle of a solid garment."""
    article = next(
        one
        for one in ARTICLES
        if one.pattern == "Solid" and one.product_type.name in TOPS - {"Dress"} and one.colour is colour
    )
    centre = np.median(middle_of(article).reshape(-1, 3), axis=0)
    assert min(COLOURS, key=lambda one: float(np.abs(centre - one.rgb).sum())) is colour


@pytest.mark.parametrize("pattern", sorted(set(PATTERNS) - {"Solid"}))
def test_patterns_show_a_second_colour_beside_that_of_the_row(pattern: str) -> None:
    """The same garment without its pattern differs in some of its pixels, clearly in fewer than half."""
    articles = [one for one in ARTICLES if one.pattern == pattern and one.product_type.name in TOPS][:6]
    changes = [
        np.abs(middle_of(one) - middle_of(one._replace(pattern="Solid"))).max(axis=2) for one in articles
    ]
    assert len(articles) >= 3
    assert median(float((change > 30).mean()) for change in changes) > 0.03
    assert median(float((change > 100).mean()) for change in changes) < 0.5


@pytest.mark.parametrize("kind", PRODUCT_TYPES, ids=lambda kind: kind.name)
def test_every_product_type_can_be_drawn(kind: ProductType) -> None:
    """Every product type occurs in the sample and its picture differs from an empty wall."""
    article = next(one for one in ARTICLES if one.product_type is kind)
    with Image.open(io.BytesIO(draw_jpeg(article, 0, TEXTURES))) as image:
        pixels = np.asarray(image.convert("L")).astype(float)
    assert pixels[40:-40, 40:-40].std() > 5


def test_variants_of_a_product_share_all_but_the_colour() -> None:
    """Two variants of a product have the same name, type and description."""
    one, other = read_article(0, "0108775015"), read_article(0, "0108775044")
    assert one.row()[1:6] == other.row()[1:6]
    assert (one.colour.name, other.colour.name) == ("Black", "White")


def test_names_and_codes_agree() -> None:
    """Wherever a name and a number stand for the same thing, one name goes with one number."""
    rows = [article.row() for article in ARTICLES]
    for number, name in ((6, 7), (8, 9), (10, 11), (12, 13), (14, 15), (16, 17), (18, 19), (20, 21)):
        pairs = {(row[number], row[name]) for row in rows}
        assert len(pairs) == len({pair[0] for pair in pairs}) == len({pair[1] for pair in pairs})
    assert {row[7] for row in rows} == set(PATTERNS)


def test_few_articles_are_untyped_and_few_undescribed() -> None:
    """A few articles have no product type, and a few no description, as in the real table."""
    assert 0 < sum(not article.typed for article in ARTICLES) < 30
    assert 0 < sum(not article.description for article in ARTICLES) < 30
    assert all((row[3] == -1) == (row[4] == "Unknown") for row in (article.row() for article in ARTICLES))
