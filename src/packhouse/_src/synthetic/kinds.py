"""What the made-up retailer sells: kinds of articles with their codes, names and how they are described."""

# ruff: noqa: E501  # a table: one field of a kind stays in one line

from __future__ import annotations

from dataclasses import dataclass

from packhouse._src.synthetic.accessories import BAGS, BEANIES, CAPS, SNEAKERS, SOCKS
from packhouse._src.synthetic.bottoms import DRESSES, LEGGINGS, SHORTS, SKIRTS, TROUSERS
from packhouse._src.synthetic.sketches import Sketch
from packhouse._src.synthetic.tops import (
    BLAZERS,
    COATS,
    HOODIES,
    JACKETS,
    SHIRTS,
    SWEATERS,
    T_SHIRTS,
    VEST_TOPS,
)

Numbered = tuple[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One product type."""

    number: int
    name: str
    group: str
    """Product group."""

    garment_group: Numbered
    sketches: tuple[Sketch, ...]
    weight: float
    """Share of the products, up to a common factor."""

    indexes: str
    """Letters of the departments of the house that sell it, as keys of INDEXES."""

    patterns: dict[str, float]
    """Graphical appearance to weight."""

    cuts: tuple[str, ...]
    """How a description begins."""

    cloths: tuple[str, ...]
    details: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """One division of the house."""

    code: str
    name: str
    group: Numbered
    sections: tuple[Numbered, ...]
    suffix: str
    """What its departments' names end in."""


INDEXES = {
    index.code: index
    for index in (
        Index(
            "A",
            "Ladieswear",
            (1, "Ladieswear"),
            ((15, "Womens Everyday Collection"), (16, "Womens Everyday Basics")),
            "Ladies",
        ),
        Index(
            "C",
            "Ladies Accessories",
            (1, "Ladieswear"),
            ((65, "Womens Big accessories"), (66, "Womens Small accessories")),
            "Ladies Acc",
        ),
        Index(
            "D",
            "Divided",
            (2, "Divided"),
            ((51, "Divided Basics"), (53, "Divided Collection")),
            "DIV",
        ),
        Index(
            "F",
            "Menswear",
            (3, "Menswear"),
            ((21, "Contemporary Casual"), (55, "Contemporary Street")),
            "Men",
        ),
        Index(
            "H",
            "Children Sizes 92-140",
            (4, "Baby/Children"),
            ((76, "Kids Girl"), (46, "Kids Boy")),
            "Kids",
        ),
        Index("S", "Sport", (26, "Sport"), ((5, "Ladies H&M Sport"), (27, "Men H&M Sport")), "Sport"),
    )
}

APPEARANCES = {
    "All over pattern": 1010001,
    "Check": 1010004,
    "Colour blocking": 1010005,
    "Dot": 1010006,
    "Front print": 1010008,
    "Melange": 1010010,
    "Solid": 1010016,
    "Stripe": 1010017,
}

NAMES = [
    "Alba",
    "Ben",
    "Cilla",
    "Dune",
    "Ellis",
    "Fia",
    "Gable",
    "Hedda",
    "Iris",
    "Jolly",
    "Kim",
    "Luna",
    "Mika",
    "Nord",
    "Olga",
    "Perrie",
    "Queen",
    "Rory",
    "Sif",
    "Tuva",
    "Ursula",
    "Viggo",
    "Wilma",
    "Yuki",
    "Zola",
    "Atlas",
    "Birch",
    "Coral",
    "Delta",
    "Ember",
    "Fjord",
    "Grove",
    "Haze",
    "Indigo",
    "Juniper",
    "Kite",
    "Lark",
]

_UPPER, _LOWER, _FULL = "Garment Upper body", "Garment Lower body", "Garment Full body"
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
_SUIT = {"Solid": 7.0, "Check": 2.5, "Stripe": 1, "Melange": 1}
_LEGS = (
    "a high waist",
    "side pockets",
    "a zip fly and button",
    "tapered legs",
    "creases at the front",
    "a concealed zip",
)
_EDGES = (
    "ribbing around the neckline, cuffs and hem",
    "dropped shoulders",
    "a small chest pocket",
    "slits in the sides",
    "a round neckline",
    "long sleeves",
)

KINDS = (
    Kind(
        number=255, name="T-shirt", group=_UPPER, garment_group=(1002, "Jersey Basic"), sketches=T_SHIRTS, weight=14,
        indexes="ADFHS", patterns=_JERSEY, cuts=("T-shirt", "Short-sleeved top", "Slim-fit T-shirt", "Oversized T-shirt"),
        cloths=("soft cotton jersey", "airy slub jersey", "organic cotton jersey"), details=("a round neckline", "a chest pocket", "short sleeves", "a straight hem", "a V-neck"),
    ),
    Kind(
        number=253, name="Vest top", group=_UPPER, garment_group=(1002, "Jersey Basic"), sketches=VEST_TOPS, weight=8,
        indexes="ADS", patterns=_JERSEY, cuts=("Jersey top", "Fitted vest top", "Ribbed strappy top"),
        cloths=("stretch jersey", "ribbed cotton jersey", "microfibre"), details=("narrow shoulder straps", "a deep back", "a rounded hem", "adjustable straps"),
    ),
    Kind(
        number=252, name="Sweater", group=_UPPER, garment_group=(1003, "Knitwear"), sketches=SWEATERS, weight=11,
        indexes="ADFH", patterns={"Solid": 8.0, "Melange": 3, "Stripe": 3, "Colour blocking": 1.5, "Dot": 0.5}, cuts=("Jumper", "Fine-knit jumper", "Boxy jumper", "Cable-free jumper"),
        cloths=("a soft, fine knit", "a rib knit with wool", "a chunky cotton knit"), details=_EDGES,
    ),
    Kind(
        number=308, name="Hoodie", group=_UPPER, garment_group=(1005, "Jersey Fancy"), sketches=HOODIES, weight=6,
        indexes="DFHS", patterns={"Solid": 6.0, "Front print": 3, "Melange": 2, "Colour blocking": 1}, cuts=("Hoodie", "Oversized hoodie", "Top"),
        cloths=("sweatshirt fabric", "a cotton blend with a brushed inside"), details=("a lined drawstring hood", "a kangaroo pocket", "ribbing at the cuffs and hem", "long raglan sleeves"),
    ),
    Kind(
        number=259, name="Shirt", group=_UPPER, garment_group=(1011, "Woven/Jersey/Knitted mix"), sketches=SHIRTS, weight=7,
        indexes="AFHD", patterns=_WOVEN, cuts=("Shirt", "Regular-fit shirt", "Oxford shirt", "Straight-cut shirt"),
        cloths=("a crisp cotton weave", "washed linen", "cotton flannel"), details=("a turn-down collar", "a chest pocket", "a yoke at the back", "buttoned cuffs", "a rounded hem"),
    ),
    Kind(
        number=264, name="Blazer", group=_UPPER, garment_group=(1008, "Dressed"), sketches=BLAZERS, weight=4,
        indexes="AF", patterns=_SUIT, cuts=("Blazer", "Fitted jacket", "Double-breasted blazer"),
        cloths=("woven fabric", "a stretch weave", "a linen blend"), details=("notch lapels", "flap front pockets", "a chest pocket", "a vent at the back", "lining"),
    ),
    Kind(
        number=262, name="Jacket", group=_UPPER, garment_group=(1007, "Outdoor"), sketches=JACKETS, weight=5,
        indexes="ADFHS", patterns=_PLAIN, cuts=("Bomber jacket", "Light jacket", "Padded jacket"),
        cloths=("windproof nylon", "water-repellent fabric", "cotton twill"), details=("a zip down the front", "a ribbed collar", "diagonal side pockets", "an inner pocket"),
    ),
    Kind(
        number=263, name="Coat", group=_UPPER, garment_group=(1007, "Outdoor"), sketches=COATS, weight=3,
        indexes="AF", patterns=_SUIT, cuts=("Coat", "Double-breasted coat", "Straight-cut coat"),
        cloths=("a wool blend", "felted fabric"), details=("notch lapels", "buttons at the front", "flap front pockets", "a single back vent"),
    ),
    Kind(
        number=272, name="Trousers", group=_LOWER, garment_group=(1009, "Trousers"), sketches=TROUSERS, weight=13,
        indexes="ADFH", patterns={"Solid": 10.0, "Check": 1.5, "Stripe": 1, "Melange": 1}, cuts=("Trousers", "5-pocket jeans", "Wide trousers", "Cigarette trousers"),
        cloths=("washed stretch denim", "a cotton twill weave", "woven fabric"), details=_LEGS,
    ),
    Kind(
        number=273, name="Leggings/Tights", group=_LOWER, garment_group=(1002, "Jersey Basic"), sketches=LEGGINGS, weight=3,
        indexes="ADHS", patterns={"Solid": 8.0, "All over pattern": 2, "Melange": 1, "Dot": 1, "Colour blocking": 1}, cuts=("Leggings", "Sports tights"),
        cloths=("organic cotton jersey", "fast-drying functional fabric"), details=("an elasticated waist", "flatlock seams", "a key pocket", "wide ribbing at the waist"),
    ),
    Kind(
        number=274, name="Shorts", group=_LOWER, garment_group=(1025, "Shorts"), sketches=SHORTS, weight=6,
        indexes="ADFHS", patterns=_WOVEN, cuts=("Shorts", "Swim shorts", "Short, wide shorts"),
        cloths=("airy viscose", "cotton twill", "sweatshirt fabric"), details=("an elasticated drawstring waist", "discreet side pockets", "a back pocket", "a mock fly"),
    ),
    Kind(
        number=275, name="Skirt", group=_LOWER, garment_group=(1012, "Skirts"), sketches=SKIRTS, weight=6,
        indexes="ADH", patterns=_WOVEN, cuts=("Skirt", "Short, bell-shaped skirt", "A-line skirt"),
        cloths=("a crêpe weave", "corduroy", "stretch jersey"), details=("a high waist", "buttons down the front", "a concealed zip at one side", "a flared hem"),
    ),
    Kind(
        number=265, name="Dress", group=_FULL, garment_group=(1013, "Dresses Ladies"), sketches=DRESSES, weight=12,
        indexes="ADH", patterns={"Solid": 6.0, "All over pattern": 4, "Dot": 2, "Stripe": 1.5, "Check": 1}, cuts=("Short dress", "Calf-length dress", "Wrap-look dress", "Sleeveless dress"),
        cloths=("an airy weave", "crinkled jersey", "viscose crêpe"), details=("a seam at the waist", "a gently flared skirt", "narrow shoulder straps", "short puff sleeves", "an opening at the back"),
    ),
    Kind(
        number=94, name="Sneakers", group="Shoes", garment_group=(1020, "Shoes"), sketches=SNEAKERS, weight=4,
        indexes="CDFHS", patterns={"Solid": 9.0, "Colour blocking": 1}, cuts=("Trainers", "Fully-fashioned trainers", "Chunky trainers"),
        cloths=("imitation leather", "mesh and scuba", "cotton canvas"), details=("lacing at the front", "padded edges", "a loop at the back", "patterned soles"),
    ),
    Kind(
        number=302, name="Socks", group="Socks & Tights", garment_group=(1021, "Socks and Tights"), sketches=SOCKS, weight=4,
        indexes="AFHS", patterns={"Solid": 5.0, "Stripe": 3, "Dot": 2, "Melange": 1, "All over pattern": 1.5}, cuts=("Socks", "Ribbed socks", "Sports socks"),
        cloths=("a fine-knit cotton blend", "a jacquard knit"), details=("elasticated tops", "reinforced heels and toes", "terry soles"),
    ),
    Kind(
        number=69, name="Hat/beanie", group="Accessories", garment_group=(1019, "Accessories"), sketches=BEANIES, weight=3,
        indexes="CFH", patterns={"Solid": 6.0, "Melange": 2, "Stripe": 2}, cuts=("Hat", "Rib-knit beanie", "Bobble hat"),
        cloths=("a soft rib knit", "a wool-blend knit"), details=("a wide fold-up cuff", "a fleece lining", "a pompom at the top"),
    ),
    Kind(
        number=72, name="Cap/peaked", group="Accessories", garment_group=(1019, "Accessories"), sketches=CAPS, weight=2.5,
        indexes="DFHS", patterns={"Solid": 8.0, "Check": 1, "Colour blocking": 1, "All over pattern": 1}, cuts=("Cap", "Washed cap"),
        cloths=("cotton twill", "washed denim"), details=("an adjustable strap at the back", "a curved peak", "embroidered eyelets"),
    ),
    Kind(
        number=66, name="Bag", group="Accessories", garment_group=(1019, "Accessories"), sketches=BAGS, weight=3.5,
        indexes="CD", patterns={"Solid": 8.0, "All over pattern": 1, "Check": 1, "Stripe": 1}, cuts=("Shopper", "Shoulder bag", "Handbag"),
        cloths=("grained imitation leather", "cotton canvas"), details=("two handles at the top", "a zipped inner compartment", "an adjustable strap", "a flap with a metal fastener"),
    ),
)  # fmt: skip
