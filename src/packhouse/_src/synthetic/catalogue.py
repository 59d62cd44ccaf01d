"""What the made-up retailer sells: colours, divisions, product types, and the words that describe them."""

# ruff: noqa: E501  # tables: one entry stays in a few lines

from __future__ import annotations

from typing import NamedTuple

Rgb = tuple[int, int, int]
Numbered = tuple[int, str]
"""A name and the number that stands for it in articles.csv."""


class Colour(NamedTuple):
    """One colour group."""

    code: str
    """Two digits; a leading zero is part of it."""

    name: str
    rgb: Rgb
    value: Numbered
    """Perceived colour value: how light or dusty it is."""

    master: Numbered
    """Perceived colour master: the family of the colour."""

    weight: float
    """Share of the articles, up to a common factor."""


_DUSTY_LIGHT, _DUSTY, _LIGHT = (1, "Dusty Light"), (2, "Medium Dusty"), (3, "Light")
_DARK, _BRIGHT, _MEDIUM = (4, "Dark"), (5, "Bright"), (7, "Medium")
_BLUE, _PINK, _WHITE, _BEIGE = (2, "Blue"), (4, "Pink"), (9, "White"), (11, "Beige")
_GREY, _GREEN, _YELLOW = (12, "Grey"), (19, "Green"), (8, "Yellow")

COLOURS = (
    Colour("06", "Light Grey", (188, 190, 194), _DUSTY_LIGHT, _GREY, 3),
    Colour("07", "Grey", (142, 144, 149), _DUSTY, _GREY, 4),
    Colour("08", "Dark Grey", (84, 87, 93), _DARK, _GREY, 3),
    Colour("09", "Black", (36, 36, 40), _DARK, (5, "Black"), 14),
    Colour("10", "White", (238, 238, 237), _LIGHT, _WHITE, 9),
    Colour("11", "Off White", (231, 224, 208), _DUSTY_LIGHT, _WHITE, 4),
    Colour("13", "Beige", (200, 174, 140), _DUSTY, _BEIGE, 4),
    Colour("17", "Yellowish Brown", (146, 96, 52), _DARK, (13, "Brown"), 3),
    Colour("22", "Yellow", (240, 198, 62), _BRIGHT, _YELLOW, 2),
    Colour("32", "Orange", (228, 120, 52), _BRIGHT, (3, "Orange"), 2),
    Colour("42", "Red", (198, 44, 50), _BRIGHT, (18, "Red"), 4),
    Colour("43", "Dark Red", (124, 32, 46), _DARK, (18, "Red"), 2.5),
    Colour("51", "Light Pink", (240, 200, 203), _DUSTY_LIGHT, _PINK, 4),
    Colour("52", "Pink", (232, 146, 164), _MEDIUM, _PINK, 3),
    Colour("62", "Purple", (124, 86, 154), _MEDIUM, (6, "Lilac Purple"), 1.5),
    Colour("71", "Light Blue", (164, 196, 224), _DUSTY_LIGHT, _BLUE, 5),
    Colour("72", "Blue", (64, 112, 180), _MEDIUM, _BLUE, 5),
    Colour("73", "Dark Blue", (38, 52, 90), _DARK, _BLUE, 8),
    Colour("82", "Turquoise", (46, 152, 156), _BRIGHT, (7, "Turquoise"), 2),
    Colour("91", "Light Green", (176, 206, 166), _DUSTY_LIGHT, _GREEN, 2),
    Colour("92", "Green", (66, 142, 94), _MEDIUM, _GREEN, 2.5),
    Colour("93", "Dark Green", (38, 78, 62), _DARK, _GREEN, 3),
)


class Division(NamedTuple):
    """One division of the retailer: the index_... columns."""

    name: str
    group: Numbered
    sections: tuple[Numbered, ...]
    suffix: str
    """Last word of the names of its departments."""


DIVISIONS = {
    "A": Division("Ladieswear", (1, "Ladieswear"), ((15, "Womens Everyday Collection"), (16, "Womens Everyday Basics")), "Ladies"),
    "C": Division("Ladies Accessories", (1, "Ladieswear"), ((65, "Womens Big accessories"), (66, "Womens Small accessories")), "Ladies Acc"),
    "D": Division("Divided", (2, "Divided"), ((51, "Divided Basics"), (53, "Divided Collection")), "DIV"),
    "F": Division("Menswear", (3, "Menswear"), ((21, "Contemporary Casual"), (55, "Contemporary Street")), "Men"),
    "H": Division("Children Sizes 92-140", (4, "Baby/Children"), ((76, "Kids Girl"), (46, "Kids Boy")), "Kids"),
    "S": Division("Sport", (26, "Sport"), ((5, "Ladies H&M Sport"), (27, "Men H&M Sport")), "Sport"),
}  # fmt: skip
"""By index_code."""

PATTERNS = {
    "All over pattern": 1010001,
    "Check": 1010004,
    "Colour blocking": 1010005,
    "Dot": 1010006,
    "Front print": 1010008,
    "Melange": 1010010,
    "Solid": 1010016,
    "Stripe": 1010017,
}
"""Graphical appearances: name to number."""

_JERSEY = {
    "Solid": 8.0,
    "Stripe": 3,
    "Front print": 4,
    "Melange": 2,
    "All over pattern": 1.5,
    "Dot": 1,
    "Colour blocking": 1,
}
_WOVEN = {"Solid": 6.0, "Check": 2.5, "Stripe": 2, "All over pattern": 2, "Dot": 1}
_PLAIN = {"Solid": 8.0, "Melange": 1, "Colour blocking": 1}


class ProductType(NamedTuple):
    """One product type."""

    number: int
    name: str
    """Also the key of its silhouette in `garments.GARMENTS`."""

    group: str
    garment_group: Numbered
    weight: float
    """Share of the products, up to a common factor."""

    divisions: str
    """Index codes of those that sell it."""

    patterns: dict[str, float]
    """Graphical appearance to weight."""


_UPPER, _LOWER, _FULL, _OTHER = "Garment Upper body", "Garment Lower body", "Garment Full body", "Accessories"

PRODUCT_TYPES = (
    ProductType(255, "T-shirt", _UPPER, (1002, "Jersey Basic"), 18, "ADFHS", _JERSEY),
    ProductType(252, "Sweater", _UPPER, (1003, "Knitwear"), 12, "ADFH", _PLAIN | {"Stripe": 3.0}),
    ProductType(259, "Shirt", _UPPER, (1011, "Woven/Jersey/Knitted mix"), 10, "ADFH", _WOVEN),
    ProductType(262, "Jacket", _UPPER, (1007, "Outdoor"), 9, "ADFHS", _PLAIN | {"Check": 1.0}),
    ProductType(272, "Trousers", _LOWER, (1009, "Trousers"), 16, "ADFH", _PLAIN | {"Check": 1.5, "Stripe": 1.0}),
    ProductType(275, "Skirt", _LOWER, (1012, "Skirts"), 8, "ADH", _WOVEN),
    ProductType(265, "Dress", _FULL, (1013, "Dresses Ladies"), 14, "ADH", _WOVEN | {"All over pattern": 4.0}),
    ProductType(94, "Sneakers", "Shoes", (1020, "Shoes"), 4, "CDFHS", {"Solid": 1.0}),
    ProductType(69, "Hat/beanie", _OTHER, (1019, "Accessories"), 4, "CFH", _PLAIN | {"Stripe": 2.0}),
    ProductType(66, "Bag", _OTHER, (1019, "Accessories"), 4, "CD", _WOVEN),
)  # fmt: skip

NAMES = ("Alba", "Ben", "Cilla", "Dune", "Ellis", "Fia", "Gable", "Hedda", "Iris", "Jolly", "Kim", "Luna", "Mika", "Nord", "Olga")  # fmt: skip
CLOTHS = ("soft cotton", "a linen blend", "recycled polyester", "an airy weave", "a soft, fine knit", "crêpe")
DETAILS = {
    _UPPER: (
        "long seams",
        "a straight hem",
        "a small chest pocket",
        "slits in the sides",
        "a label at the neck",
    ),
    _LOWER: ("a high waist", "discreet side pockets", "a concealed zip", "a hem that is easy to shorten"),
    _FULL: ("a seam at the waist", "a gently flared skirt", "an opening at the back", "a narrow belt"),
    _OTHER: ("a soft lining", "an inner label", "stitched edges", "a fabric loop"),
    "Shoes": ("lacing at the front", "padded edges", "a loop at the back", "patterned soles"),
}
"""By product group, at least three each."""
