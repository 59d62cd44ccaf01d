"""The articles: which ids there are, and what each one is; no files, no drawing."""

# ruff: noqa: PLR2004  # the numbers are made-up shares, each used once

from __future__ import annotations

import random
from typing import NamedTuple

import numpy as np

from packhouse._src.synthetic.catalogue import (
    CLOTHS,
    COLOURS,
    DETAILS,
    DIVISIONS,
    NAMES,
    PATTERNS,
    PRODUCT_TYPES,
    Colour,
    Numbered,
    ProductType,
)

ARTICLE_HEADER = (
    "article_id,product_code,prod_name,product_type_no,product_type_name,product_group_name,"
    "graphical_appearance_no,graphical_appearance_name,colour_group_code,colour_group_name,"
    "perceived_colour_value_id,perceived_colour_value_name,perceived_colour_master_id,"
    "perceived_colour_master_name,department_no,department_name,index_code,index_name,index_group_no,"
    "index_group_name,section_no,section_name,garment_group_no,garment_group_name,detail_desc"
)
MOST_IMAGES = 500_000
"""More would not fit the folders 010 to 095 with their ten thousand products each."""

_LEAST_WITHOUT_IMAGE = 3
_FOLDERS = range(10, 96)
_FILES_PER_FOLDER = 12
"""There is one more folder for every so many images, as long as there are folders."""

_PRODUCTS_PER_FOLDER = 10_000
_FIRST_PRODUCT = 108775
_FIRST_COLOURS = {15: "Black", 44: "White", 51: "Off White"}
"""The product in every sample, so that documentation can name its article 0108775015."""

_PROBLEM_VARIANT = 901
_TAG_IDS = 1


class ArticleIds(NamedTuple):
    """Ids of all articles, sorted: ten digits, of which the first is 0."""

    pictured: tuple[str, ...]
    """Those with an image."""

    unpictured: tuple[str, ...]
    """Those that have a row only."""

    problems: tuple[str, ...]
    """Those whose image files are broken or odd; none unless asked for."""

    def all(self) -> list[str]:
        """Return every id that has a row, sorted."""
        return sorted((*self.pictured, *self.unpictured, *self.problems))


class Article(NamedTuple):
    """One article: a product in one colour."""

    article_id: str
    product_type: ProductType
    typed: bool
    """False for the few whose product type the retailer never filled in."""

    name: str
    pattern: str
    colour: Colour
    index_code: str
    section: Numbered
    description: str

    def row(self) -> tuple[str | int, ...]:
        """Return the cells of articles.csv, in the order of ARTICLE_HEADER."""
        kind, colour, division = self.product_type, self.colour, DIVISIONS[self.index_code]
        return (
            self.article_id,
            self.article_id[:7],
            self.name,
            *((kind.number, kind.name, kind.group) if self.typed else (-1, "Unknown", "Unknown")),
            PATTERNS[self.pattern],
            self.pattern,
            colour.code,
            colour.name,
            *colour.value,
            *colour.master,
            1000 + 100 * list(DIVISIONS).index(self.index_code) + PRODUCT_TYPES.index(kind),
            f"{kind.name} {division.suffix}",
            self.index_code,
            division.name,
            *division.group,
            *self.section,
            *(kind.garment_group if self.typed else (1001, "Unknown")),
            self.description,
        )


def article_ids(seed: int, images: int, problems: int = 0) -> ArticleIds:
    """Return the ids of all articles.

    Args:
        seed: Not negative.
        images: How many articles have an image, 0..MOST_IMAGES.
        problems: How many more ids to set aside for broken and odd files, below 90.

    Returns:
        The ids; those with and without an image do not depend on `problems`.
    """
    rng = np.random.default_rng([seed, _TAG_IDS, images])
    without = max(_LEAST_WITHOUT_IMAGE, round(images / 200))
    numbers = np.array(sorted(_numbers(rng, images + without)))
    missing = np.zeros(len(numbers), bool)
    if images:  # the article that documentation names always has its image
        others = np.flatnonzero(numbers != _FIRST_PRODUCT * 1000 + min(_FIRST_COLOURS))
        missing[rng.choice(others, without, replace=False)] = True
    else:
        missing[:] = True
    products = np.unique(numbers // 1000)
    odd = [products[n % len(products)] * 1000 + _PROBLEM_VARIANT + n for n in range(problems)]
    pictured, unpictured, bad = (
        tuple(f"{number:010d}" for number in chosen) for chosen in (numbers[~missing], numbers[missing], odd)
    )
    return ArticleIds(pictured, unpictured, bad)


def _numbers(rng: np.random.Generator, count: int) -> list[int]:
    """Return ids as numbers: newer folders have more products, and a product has a few colours."""
    folders = np.array(_FOLDERS[:: max(1, len(_FOLDERS) // max(1, count // _FILES_PER_FOLDER))])
    weights = np.linspace(0.4, 1.6, len(folders))
    variants = np.minimum(rng.geometric(0.38, count), 12)
    products = 2 + int(np.searchsorted(np.cumsum(variants), count))
    found = [_FIRST_PRODUCT * 1000 + variant for variant in _FIRST_COLOURS]
    codes = [
        folder * _PRODUCTS_PER_FOLDER + inside
        for folder, size in zip(
            folders.tolist(), rng.multinomial(products, weights / weights.sum()), strict=True
        )
        for inside in rng.choice(_PRODUCTS_PER_FOLDER, size, replace=False).tolist()
    ]
    others = [code for code in codes if code != _FIRST_PRODUCT]
    for code, many in zip(others, variants.tolist(), strict=False):
        found += (code * 1000 + np.cumsum(rng.choice([1, 1, 1, 2, 4], many))).tolist()
    return found[:count]


def read_article(seed: int, article_id: str) -> Article:
    """Return what an article is: a pure function of seed and id.

    Args:
        seed: Not negative.
        article_id: Ten digits, the first of them 0.

    Returns:
        The article; all variants of a product agree in everything but the colour.
    """
    product, variant = divmod(int(article_id), 1000)
    rng = random.Random(f"product {seed} {product}")
    (kind,) = rng.choices(PRODUCT_TYPES, [one.weight for one in PRODUCT_TYPES])
    first = product == _FIRST_PRODUCT
    if first:
        kind = PRODUCT_TYPES[0]
    (pattern,) = rng.choices(list(kind.patterns), list(kind.patterns.values()))
    # a weighted shuffle: the product's colours, the likely ones first
    order = sorted(COLOURS, key=lambda one: rng.expovariate(one.weight))
    colour = order[variant % len(order)]
    index_code = rng.choice(kind.divisions)
    article = Article(
        article_id=article_id,
        product_type=kind,
        typed=first or rng.random() >= 0.005,
        name=_name(kind, rng),
        pattern=pattern,
        colour=colour,
        index_code=index_code,
        section=rng.choice(DIVISIONS[index_code].sections),
        description=_description(kind, rng),
    )
    if not first:
        return article
    colour = next((one for one in COLOURS if one.name == _FIRST_COLOURS.get(variant)), colour)
    return article._replace(name="Basic tee", pattern="Solid", colour=colour, description=_FIRST_DESCRIPTION)


_FIRST_DESCRIPTION = 'Jersey top with short sleeves, our "every day" fit.\nLength 61 cm in size M.'
_NAME_FORMS = (
    "{word}",
    "{word} {kind}",
    "{upper}",
    "{word} {kind} (1)",
    "{word}, fancy",
    '{word} 7/8" {kind}',
)
_ENDINGS = (
    "",
    " Lined.",
    ' Part of the "Basics" range.',
    "\nThe cotton content is organic, the lining recycled.",
    ' Model is 178 cm tall, wears size "S".\n\nMachine wash, 40°.',
)


def _name(kind: ProductType, rng: random.Random) -> str:
    """Return a product name, now and then with a comma or inch marks in it."""
    word, short = rng.choice(NAMES), kind.name.split("/")[0].lower()
    return rng.choice(_NAME_FORMS).format(word=word, upper=word.upper(), kind=short)


def _description(kind: ProductType, rng: random.Random) -> str:
    """Return a few words about a product; empty for the few that nobody described."""
    if rng.random() < 0.004:
        return ""
    one, two, three = rng.sample(DETAILS[kind.group], 3)
    ending = rng.choice(_ENDINGS)
    return f"{kind.name.split('/')[0]} in {rng.choice(CLOTHS)} with {one}, {two} and {three}.{ending}"
