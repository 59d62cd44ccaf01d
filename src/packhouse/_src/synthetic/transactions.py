"""The purchases of the sample: lines of transactions_train.csv, sorted by day, made chunk by chunk."""

# ruff: noqa: PLR2004  # the numbers are made-up shares, each used once

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from packhouse._src.synthetic.hexdigits import Raw, Text, as_hex, as_lines, new_rows, row_type

TRANSACTIONS_HEADER = b"t_dat,customer_id,article_id,price,sales_channel_id\n"
FIRST_DAY = np.datetime64("2018-09-20")
LAST_DAY = np.datetime64("2020-09-22")

CHUNK = 200_000
"""Rows made at a time: about 25 MB."""

PRICE_UNIT = 59_000
"""The retailer's prices are whole numbers divided by this one."""

_MOST_PRICE = 8_000
_TAG_DAYS = 21
_TAG_BUYERS = 22
_TAG_RANGE = 23
_TAG_ROWS = 24

_ROW = row_type(t_dat=10, customer_id=64, article_id=10, price=23, sales_channel_id=1)
_WHOLE_PRICES = np.array([499, 799, 999, 1299, 1499, 1799, 1999, 2499, 2999, 3499, 3999, 5999, 7999])
_PRICE_SHARES = np.array([5, 7, 12, 12, 14, 9, 12, 9, 9, 4, 4, 2, 1]) / 100
_SOLD_AT = np.array([1.0, 0.9, 0.8, 0.7, 0.5])
_SOLD_AT_SHARES = np.array([0.62, 0.14, 0.12, 0.07, 0.05])
_NEW_BASKET = 0.32
_AGAIN = 0.07
_GIVEN_AWAY = 0.0006
"""Share of the rows that cost next to nothing, which floats write as 1.694915254237288e-05."""

Indexes = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shop:
    """What all chunks have in common."""

    ends: npt.NDArray[np.int64]
    """Row at which each day ends."""

    days: Text
    buyers: Floats
    """Running sum of the customers' shares, up to 1."""

    articles: Text
    favourites: Floats
    """Running sum of the articles' shares, up to 1."""

    prices: npt.NDArray[np.int64]
    """Of each article, in units of 1 / PRICE_UNIT."""

    price_texts: Text
    """Text of each whole number of units."""


def transaction_lines(
    seed: int, ids: Raw, articles: list[str], transactions: int
) -> Iterator[tuple[int, bytes]]:
    """Return the lines of transactions_train.csv after the header.

    Args:
        seed: Not negative.
        ids: Of the customers; not empty.
        articles: Ids of the articles; not empty.
        transactions: How many rows.

    Yields:
        How many rows, and their bytes; at most CHUNK rows at a time.
    """
    if not transactions:
        return
    shop = _open_shop(seed, len(ids), articles, transactions)
    for number, start in enumerate(range(0, transactions, CHUNK)):
        stop = min(start + CHUNK, transactions)
        rng = np.random.default_rng([seed, _TAG_ROWS, transactions, number])
        yield stop - start, as_lines(_rows(shop, ids, start, stop, rng))


def favourites(seed: int, articles: list[str], number: int) -> list[str]:
    """Return the articles that sell best, the best one first."""
    shares = np.diff(_shares(seed, articles), prepend=0.0)
    return [articles[index] for index in np.argsort(-shares, kind="stable")[:number].tolist()]


def _open_shop(seed: int, customers: int, articles: list[str], transactions: int) -> Shop:
    days = np.arange(FIRST_DAY, LAST_DAY + 1)
    rng = np.random.default_rng([seed, _TAG_DAYS, transactions])
    busy = 1 + 0.25 * np.sin(np.arange(len(days)) * (2 * np.pi / 182)) + rng.gamma(0.6, 0.25, len(days))
    busy += 0.3 * (np.arange(len(days)) % 7 == 2)
    ends = np.cumsum(rng.multinomial(transactions, busy / busy.sum()))
    rng = np.random.default_rng([seed, _TAG_BUYERS, customers])
    weights = rng.lognormal(0, 1.4, customers)
    if customers > 1:
        idle = rng.choice(customers, max(1, customers // 140), replace=False)
        weights[idle] = 0
    rng = np.random.default_rng([seed, _TAG_RANGE, len(articles)])
    texts = [repr(number / PRICE_UNIT) for number in range(_MOST_PRICE + 1)]
    return Shop(
        ends=ends,
        days=days.astype("S10"),
        buyers=_running(weights),
        articles=np.array(articles, dtype="S10"),
        favourites=_shares(seed, articles),
        prices=rng.choice(_WHOLE_PRICES, len(articles), p=_PRICE_SHARES),
        price_texts=np.array(texts, dtype="S23"),
    )


def _shares(seed: int, articles: list[str]) -> Floats:
    rng = np.random.default_rng([seed, _TAG_RANGE, len(articles), 1])
    return _running(rng.lognormal(0, 1.7, len(articles)))


def _running(weights: Floats) -> Floats:
    sums: Floats = np.cumsum(weights)
    sums /= sums[-1]
    return sums


def _rows(shop: Shop, ids: Raw, start: int, stop: int, rng: np.random.Generator) -> npt.NDArray[np.void]:
    count = stop - start
    day = np.searchsorted(shop.ends, np.arange(start, stop), side="right")
    # A basket is a run of rows of one customer on one day, through one channel.
    opens = rng.random(count) < _NEW_BASKET
    opens[0] = True
    opens[1:] |= day[1:] != day[:-1]
    basket = np.cumsum(opens) - 1
    baskets = int(basket[-1]) + 1
    customer = np.searchsorted(shop.buyers, rng.random(baskets), side="right")[basket]
    channel = np.where(rng.random(baskets) < 0.3, b"1", b"2")[basket]
    again = (rng.random(count) < _AGAIN) & ~opens
    origin: Indexes = np.maximum.accumulate(np.where(again, 0, np.arange(count)))
    article = np.searchsorted(shop.favourites, rng.random(count), side="right")
    price = np.rint(shop.prices[article] * rng.choice(_SOLD_AT, count, p=_SOLD_AT_SHARES)).astype(np.int64)
    gifts = rng.random(count) < _GIVEN_AWAY
    price[gifts] = rng.integers(1, 6, int(gifts.sum()))

    rows = new_rows(_ROW, count)
    rows["t_dat"] = shop.days[day]
    rows["customer_id"] = as_hex(ids[customer])
    rows["article_id"] = shop.articles[article[origin]]
    rows["price"] = shop.price_texts[price[origin]]
    rows["sales_channel_id"] = channel
    return rows
