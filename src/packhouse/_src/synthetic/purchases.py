"""The customers and what they buy: customers.csv, sample_submission.csv and transactions_train.csv."""

# ruff: noqa: PLR2004  # the numbers are made-up shares, each used once

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from packhouse._src.synthetic.csv_lines import ID_BYTES, Lines, Raw, Text, as_hex, as_lines

CUSTOMERS_HEADER = "customer_id,FN,Active,club_member_status,fashion_news_frequency,age,postal_code"
SUBMISSION_HEADER = "customer_id,prediction"
TRANSACTIONS_HEADER = "t_dat,customer_id,article_id,price,sales_channel_id"

CHUNK = 200_000
"""Rows made at a time: about 25 MB."""

PRICE_UNIT = 59_000
"""The retailer's prices are whole numbers divided by this one."""

_PREDICTED = 12
"""Articles predicted for each customer."""

_TAG_IDS, _TAG_ROWS, _TAG_DAYS, _TAG_BUYERS, _TAG_RANGE, _TAG_BASKETS = range(11, 17)
_DAYS = np.arange(np.datetime64("2018-09-20"), np.datetime64("2020-09-23"))

_CLUB = np.array([b"ACTIVE", b"PRE-CREATE", b"LEFT CLUB", b""])
_CLUB_SHARES = (0.927, 0.068, 0.0005, 0.0045)
_NEWS = np.array([b"NONE", b"Regularly", b"Monthly", b"None", b""])
_NEWS_SHARES = (0.638, 0.345, 0.0015, 0.0035, 0.012)
_WHOLE_PRICES = np.array([499, 799, 999, 1299, 1499, 1799, 1999, 2499, 2999, 3499, 3999, 5999, 7999])
_PRICE_SHARES = np.array([5, 7, 12, 12, 14, 9, 12, 9, 9, 4, 4, 2, 1]) / 100
_SOLD_AT = np.array([1.0, 0.9, 0.8, 0.7, 0.5])
_SOLD_AT_SHARES = np.array([0.62, 0.14, 0.12, 0.07, 0.05])

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def customer_ids(seed: int, customers: int) -> Raw:
    """Return the ids of all customers as bytes, sorted and unique; 32 bytes each are held in memory."""
    rng = np.random.default_rng([seed, _TAG_IDS, customers])
    raw = rng.integers(0, 256, (customers, ID_BYTES), dtype=np.uint8)
    if not customers:
        return raw
    raw[:, -1] |= 1  # a zero byte at the end would be dropped by sort's comparison
    keys = raw.view(f"S{ID_BYTES}").reshape(customers)
    return np.sort(keys).view(np.uint8).reshape(customers, ID_BYTES)


def customer_lines(seed: int, ids: Raw) -> Iterator[Lines]:
    """Yield the lines of customers.csv after the header."""
    rng = np.random.default_rng([seed, _TAG_ROWS, len(ids)])
    postal_codes = rng.integers(0, 256, (1 + len(ids) // 4, ID_BYTES), dtype=np.uint8)
    for number, start in enumerate(range(0, len(ids), CHUNK)):
        rng = np.random.default_rng([seed, _TAG_ROWS, len(ids), number])
        chunk = ids[start : start + CHUNK]
        count = len(chunk)
        news = _NEWS[rng.choice(len(_NEWS), count, p=_NEWS_SHARES)]
        reads = news == b"Regularly"
        fn = np.where(reads | (rng.random(count) < 0.01), b"1.0", b"")
        active = np.where(reads & (rng.random(count) < 0.97), b"1.0", b"")
        club = _CLUB[rng.choice(len(_CLUB), count, p=_CLUB_SHARES)]
        # two peaks, the twenties and the early fifties
        ages = np.where(rng.random(count) < 0.62, rng.gamma(4, 2.2, count) + 17, rng.normal(50, 7, count))
        age = np.clip(ages, 16, 99).astype(np.int64).astype("S2")
        age[rng.random(count) < 0.0115] = b""
        place = rng.integers(0, len(postal_codes), count)
        place[rng.random(count) < 0.09] = 0  # the one postal code that stands for "unknown"
        yield as_lines(as_hex(chunk), fn, active, club, news, age, as_hex(postal_codes[place]))


def submission_lines(ids: Raw, articles: list[str], seed: int) -> Iterator[Lines]:
    """Yield the lines of sample_submission.csv after the header: the best sellers, for every customer."""
    shares = np.diff(_popularity(seed, len(articles)), prepend=0.0)
    best = np.resize(np.argsort(-shares, kind="stable"), _PREDICTED)  # from the start again where too few
    prediction = np.array(" ".join(articles[index] for index in best).encode())
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        yield as_lines(as_hex(chunk), np.broadcast_to(prediction, len(chunk)))


class _Shop(NamedTuple):
    """What all chunks have in common."""

    day_ends: Numbers
    """Row at which each day ends."""

    buyers: Floats
    """Running sum of the customers' shares, up to 1: a random number below 1 falls to one of them."""

    popularity: Floats
    """The same of the articles."""

    prices: Numbers
    """Of each article, in units of 1 / PRICE_UNIT."""


def transaction_lines(seed: int, ids: Raw, articles: list[str], transactions: int) -> Iterator[Lines]:
    """Make the lines of transactions_train.csv after the header.

    Args:
        seed: Not negative.
        ids: Of the customers; not empty.
        articles: Ids of the articles; not empty.
        transactions: Number of rows.

    Yields:
        At most CHUNK rows at a time.
    """
    if not transactions:
        return
    shop = _open_shop(seed, len(ids), len(articles), transactions)
    days, names = _DAYS.astype("S10"), np.array(articles, dtype="S10")
    prices = np.array([repr(number / PRICE_UNIT) for number in range(_WHOLE_PRICES[-1] + 1)], dtype="S23")
    for number, start in enumerate(range(0, transactions, CHUNK)):
        rng = np.random.default_rng([seed, _TAG_BASKETS, transactions, number])
        rows = np.arange(start, min(start + CHUNK, transactions))
        day, customer, article, price, channel = _purchases(shop, rows, rng)
        yield as_lines(days[day], as_hex(ids[customer]), names[article], prices[price], channel)


def _open_shop(seed: int, customers: int, articles: int, transactions: int) -> _Shop:
    rng = np.random.default_rng([seed, _TAG_DAYS, transactions])
    busy = rng.gamma(8, 1, len(_DAYS))
    buyers = np.random.default_rng([seed, _TAG_BUYERS, customers]).lognormal(0, 1.4, customers)
    if customers > 1:
        buyers[:: max(2, min(customers, 140))] = 0  # they never buy
    return _Shop(
        day_ends=np.cumsum(rng.multinomial(transactions, busy / busy.sum())),
        buyers=_running(buyers),
        popularity=_popularity(seed, articles),
        prices=rng.choice(_WHOLE_PRICES, articles, p=_PRICE_SHARES),
    )


def _popularity(seed: int, articles: int) -> Floats:
    return _running(np.random.default_rng([seed, _TAG_RANGE, articles]).lognormal(0, 1.7, articles))


def _running(weights: Floats) -> Floats:
    sums: Floats = np.cumsum(weights)
    sums /= sums[-1]
    return sums


def _purchases(
    shop: _Shop, rows: Numbers, rng: np.random.Generator
) -> tuple[Numbers, Numbers, Numbers, Numbers, Text]:
    """Return for each row: day, customer, article, price in units (all as numbers), and sales channel."""
    count = len(rows)
    day = np.searchsorted(shop.day_ends, rows, side="right")
    # a basket is a run of rows of one customer on one day, through one channel
    opens = rng.random(count) < 0.32
    opens[0] = True
    opens[1:] |= day[1:] != day[:-1]
    basket = np.cumsum(opens) - 1
    baskets = int(basket[-1]) + 1
    customer = np.searchsorted(shop.buyers, rng.random(baskets), side="right")[basket]
    channel = np.where(rng.random(baskets) < 0.3, b"1", b"2")[basket]
    # the same article twice in a basket: two equal rows, as real data have them
    again = (rng.random(count) < 0.07) & ~opens
    origin = np.maximum.accumulate(np.where(again, 0, np.arange(count)))
    article = np.searchsorted(shop.popularity, rng.random(count), side="right")
    price = np.rint(shop.prices[article] * rng.choice(_SOLD_AT, count, p=_SOLD_AT_SHARES)).astype(np.int64)
    tiny = rng.random(count) < 0.0006  # next to nothing, which floats write as 1.694915254237288e-05
    price[tiny] = rng.integers(1, 6, int(tiny.sum()))
    return day, customer, article[origin], price[origin], channel
