"""The articles of the sample: which ids there are, and what each one is; no files, no drawing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from packhouse._src.synthetic.kinds import APPEARANCES, INDEXES, KINDS, NAMES, Index, Kind, Numbered
from packhouse._src.synthetic.palette import BY_CODE, COLOURS, Colour

COLUMNS = [
    "article_id",
    "product_code",
    "prod_name",
    "product_type_no",
    "product_type_name",
    "product_group_name",
    "graphical_appearance_no",
    "graphical_appearance_name",
    "colour_group_code",
    "colour_group_name",
    "perceived_colour_value_id",
    "perceived_colour_value_name",
    "perceived_colour_master_id",
    "perceived_colour_master_name",
    "department_no",
    "department_name",
    "index_code",
    "index_name",
    "index_group_no",
    "index_group_name",
    "section_no",
    "section_name",
    "garment_group_no",
    "garment_group_name",
    "detail_desc",
]

MOST_IMAGES = 500_000
"""More would not fit the folders 010 to 095 with their ten thousand products each."""

LEAST_WITHOUT_IMAGE = 3

_FOLDERS = range(10, 96)
_FOLDER_FILES = 12
"""A folder more for every so many images, as long as there are folders."""

_PRODUCTS_PER_FOLDER = 10_000
_FIRST_PRODUCT = 108775
_FIRST_COLOURS = {15: "09", 44: "10", 51: "11"}
"""The product in every sample, so that documentation can name its article 0108775015."""

_PROBLEM_VARIANT = 901
_UNTYPED = 0.005
"""Share of the products whose type nobody filled in."""

_TAG_IDS = 1
_TAG_PRODUCT = 2

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ArticleIds:
    """Ids of all articles, sorted: ten digits, of which the first is 0."""

    pictured: tuple[str, ...]
    """Those with an image."""

    unpictured: tuple[str, ...]
    """Those that have a row only."""

    problems: tuple[str, ...]
    """Those whose image files are there but bad or odd; none unless asked for."""

    def all(self) -> list[str]:
        """Return every id that has a row, sorted."""
        return sorted((*self.pictured, *self.unpictured, *self.problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One article: a product in one colour."""

    article_id: str
    kind: Kind
    typed: bool
    """False for the few whose product type the retailer never filled in."""

    name: str
    pattern: str
    colour: Colour
    index: Index
    section: Numbered
    description: str

    def row(self) -> list[str]:
        """Return the cells of articles.csv, in the order of COLUMNS."""
        kind, colour, index = self.kind, self.colour, self.index
        department = 1000 + 100 * list(INDEXES).index(index.code) + KINDS.index(kind)
        type_no, type_name, group = (
            (kind.number, kind.name, kind.group) if self.typed else (-1, "Unknown", "Unknown")
        )
        cells: tuple[str | int, ...] = (
            self.article_id,
            self.article_id[:7],
            self.name,
            type_no,
            type_name,
            group,
            APPEARANCES[self.pattern],
            self.pattern,
            colour.code,
            colour.name,
            *colour.value,
            *colour.master,
            department,
            f"{kind.name} {index.suffix}",
            index.code,
            index.name,
            *index.group,
            *self.section,
            *(kind.garment_group if self.typed else (1001, "Unknown")),
            self.description,
        )
        return [str(cell) for cell in cells]


def article_ids(seed: int, images: int, problems: int = 0) -> ArticleIds:
    """Return the ids of all articles.

    Args:
        seed: Not negative.
        images: How many articles have an image, 0..MOST_IMAGES.
        problems: How many more ids to set aside for files that are bad on purpose, below 90.

    Returns:
        The ids; those with and without an image do not depend on `problems`.
    """
    rng = np.random.default_rng([seed, _TAG_IDS, images])
    without = max(LEAST_WITHOUT_IMAGE, round(images / 200))
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
    """Return ids as numbers: products in folders that are fuller the newer they are, in a few colours."""
    folders = np.array(_FOLDERS[:: max(1, len(_FOLDERS) // max(1, count // _FOLDER_FILES))])
    weights = np.linspace(0.4, 1.6, len(folders))
    variants = np.minimum(rng.geometric(0.38, count), 12)
    products = 2 + int(np.searchsorted(np.cumsum(variants), count))
    sizes = rng.multinomial(products, weights / weights.sum())
    codes = [_FIRST_PRODUCT]
    for folder, size in zip(folders.tolist(), sizes.tolist(), strict=True):
        inside = rng.choice(_PRODUCTS_PER_FOLDER, size, replace=False)
        codes += [
            code for code in (folder * _PRODUCTS_PER_FOLDER + inside).tolist() if code != _FIRST_PRODUCT
        ]
    found = [_FIRST_PRODUCT * 1000 + variant for variant in _FIRST_COLOURS]
    for code, many in zip(codes[1:], variants.tolist(), strict=False):
        steps = rng.choice([1, 1, 1, 2, 4], many)
        found += (code * 1000 + np.cumsum(steps)).tolist()
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
    rng = np.random.default_rng([seed, _TAG_PRODUCT, product])
    first = product == _FIRST_PRODUCT
    kind = KINDS[1] if first else _weighted(KINDS, [kind.weight for kind in KINDS], rng)
    pattern = _weighted(list(kind.patterns), list(kind.patterns.values()), rng)
    index = INDEXES[_weighted(kind.indexes, [1.0] * len(kind.indexes), rng)]
    section = index.sections[int(rng.integers(len(index.sections)))]
    name = _name(kind, rng)
    order = rng.choice(len(COLOURS), len(COLOURS), replace=False, p=_COLOUR_SHARES)
    colour = COLOURS[int(order[variant % len(COLOURS)])]
    description = _description(kind, rng)
    if first:
        name, pattern, description = "Strap top", "Solid", _FIRST_DESCRIPTION
        colour = BY_CODE.get(_FIRST_COLOURS.get(variant, ""), colour)
    return Article(
        article_id=article_id,
        kind=kind,
        typed=first or rng.random() >= _UNTYPED,
        name=name,
        pattern=pattern,
        colour=colour,
        index=index,
        section=section,
        description=description,
    )


def read_articles(seed: int, ids: list[str]) -> Iterator[Article]:
    """Return the articles of the ids, one after the other.

    Yields:
        One article per id, in the order of the ids.
    """
    return (read_article(seed, one) for one in ids)


_COLOUR_SHARES = np.array([colour.weight for colour in COLOURS])
_COLOUR_SHARES /= _COLOUR_SHARES.sum()

_FIRST_DESCRIPTION = 'Jersey top with narrow shoulder straps, our "every day" fit.\nLength 61 cm in size M.'


def _weighted(choices: Sequence[T], weights: list[float], rng: np.random.Generator) -> T:
    shares = np.array(weights)
    return choices[int(rng.choice(len(choices), p=shares / shares.sum()))]


def _pick(choices: Sequence[str], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]


def _name(kind: Kind, rng: np.random.Generator) -> str:
    """Return a name in the ways of the trade, now and then with a comma or inch marks in it."""
    word = _pick(NAMES, rng)
    short = kind.name.split("/")[0]
    form = _pick(_NAME_FORMS, rng)
    return form.format(word=word, upper=word.upper(), kind=short.lower(), pack=int(rng.integers(2, 6)))


_NAME_FORMS = (
    "{word}",
    "{word} {kind}",
    "{upper} {kind}",
    "{upper}",
    "{pack}p {word} {kind}",
    "{word} {kind} (1)",
    "{word}, fancy",
    '{word} 7/8" {kind}',
    "SB {word} {kind}",
)


def _description(kind: Kind, rng: np.random.Generator) -> str:
    """Return a few words about a product; empty for the few nobody wrote about."""
    if rng.random() < _NO_DESCRIPTION:
        return ""
    details = [kind.details[n] for n in rng.permutation(len(kind.details))[:3]]
    listed = f"{', '.join(details[:-1])} and {details[-1]}"
    text = f"{_pick(kind.cuts, rng)} in {_pick(kind.cloths, rng)} with {listed}."
    return text + _pick(_ENDINGS, rng)


_NO_DESCRIPTION = 0.004
_ENDINGS = (
    "",
    "",
    "",
    "",
    " Unlined.",
    " Lined.",
    " Soft brushed inside.",
    ' Part of the "Basics" range.',
    "\nThe cotton content is organic, the lining recycled.",
    ' Model is 178 cm tall, wears size "S".\n\nMachine wash, 40°.',
)
