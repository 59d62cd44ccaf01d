"""Pictures and rows agree: a garment is drawn in the colour that its row names."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from packhouse._src.synthetic.articles import Article, article_ids, read_article
from packhouse._src.synthetic.drawing import draw_jpeg
from packhouse._src.synthetic.kinds import APPEARANCES, KINDS, Kind
from packhouse._src.synthetic.palette import BY_CODE, COLOURS
from packhouse._src.synthetic.surfaces import Surfaces, make_surfaces

ARTICLES = [read_article(0, one) for one in article_ids(0, 2000).pictured]


@pytest.fixture(scope="module")
def surfaces() -> Surfaces:
    """Return the noise of seed 0."""
    return make_surfaces(0)


def centre_of(article: Article, surfaces: Surfaces) -> tuple[float, float, float]:
    """Return the median colour of the picture's middle third, which a shirt or dress fills."""
    with Image.open(io.BytesIO(draw_jpeg(article, 0, surfaces))) as image:
        width, height = image.size
        box = (round(width * 0.4), round(height * 0.4), round(width * 0.6), round(height * 0.62))
        red, green, blue = np.median(np.asarray(image.crop(box)).reshape(-1, 3), axis=0).tolist()
    return red, green, blue


SOLID = [
    article
    for article in ARTICLES
    if article.pattern == "Solid" and article.kind.name in {"T-shirt", "Vest top", "Sweater", "Dress"}
]


@pytest.mark.parametrize("colour", COLOURS, ids=lambda colour: colour.name)
def test_solid_garments_have_the_colour_of_their_row(surfaces: Surfaces, colour: object) -> None:
    """The middle of a solid garment is nearer to its row's colour than light and shade explain away."""
    article = next(article for article in SOLID if article.colour is colour)
    centre = np.array(centre_of(article, surfaces))
    far = np.abs(centre - article.colour.rgb).max()
    assert far < 42, (article.article_id, article.colour.name, centre, article.colour.rgb)
    nearest = min(COLOURS, key=lambda one: float(np.abs(centre - one.rgb).sum()))
    assert nearest.master == article.colour.master or far < 24


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_can_be_drawn(surfaces: Surfaces, kind: Kind) -> None:
    """Every kind of article occurs in the sample and its picture differs from an empty wall."""
    article = next(article for article in ARTICLES if article.kind is kind)
    with Image.open(io.BytesIO(draw_jpeg(article, 0, surfaces))) as image:
        pixels = np.asarray(image.convert("L")).astype(float)
    assert pixels[40:-40, 40:-40].std() > 5


def test_variants_of_a_product_share_all_but_the_colour() -> None:
    """Two variants of a product have the same name, kind and description."""
    one, other = read_article(0, "0108775015"), read_article(0, "0108775044")
    assert one.row()[1:6] == other.row()[1:6]
    assert (one.colour.name, other.colour.name) == ("Black", "White")


def test_names_and_codes_agree() -> None:
    """Wherever a name and a number stand for the same thing, one name goes with one number."""
    rows = [article.row() for article in ARTICLES]
    for number, name in ((6, 7), (8, 9), (10, 11), (12, 13), (14, 15), (16, 17), (18, 19), (20, 21)):
        pairs = {(row[number], row[name]) for row in rows}
        assert len(pairs) == len({pair[0] for pair in pairs}) == len({pair[1] for pair in pairs})
    assert all(BY_CODE[row[8]].name == row[9] for row in rows)
    assert {row[7] for row in rows} == set(APPEARANCES)


def test_few_articles_are_untyped_and_few_undescribed() -> None:
    """A few articles have no product type, and a few no description, as in the real table."""
    untyped = sum(not article.typed for article in ARTICLES)
    undescribed = sum(not article.description for article in ARTICLES)
    assert 0 < untyped < 30
    assert 0 < undescribed < 30
    assert all((row[3] == "-1") == (row[4] == "Unknown") for row in (article.row() for article in ARTICLES))
