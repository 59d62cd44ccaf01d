"""The customers of the sample: sorted ids, and the lines of customers.csv and sample_submission.csv."""

# ruff: noqa: PLR2004  # the numbers are made-up shares, each used once

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from packhouse._src.synthetic.hexdigits import ID_BYTES, Raw, Text, as_hex, as_lines, new_rows, row_type

CUSTOMERS_HEADER = b"customer_id,FN,Active,club_member_status,fashion_news_frequency,age,postal_code\n"
SUBMISSION_HEADER = b"customer_id,prediction\n"
PREDICTED = 12

_CHUNK = 100_000
_TAG_IDS = 11
_TAG_ROWS = 12
_TAG_PLACES = 13
_COMMON_PLACE = 0.09
"""Share of the customers who have the one postal code that stands for "not told"."""

_CUSTOMERS_PER_PLACE = 4
_ROW = row_type(customer_id=64, fn=3, active=3, club=10, news=9, age=2, postal_code=64)

_CLUB = np.array([b"ACTIVE", b"PRE-CREATE", b"LEFT CLUB", b""])
_CLUB_SHARES = (0.927, 0.068, 0.0005, 0.0045)
_NEWS = np.array([b"NONE", b"Regularly", b"Monthly", b"None", b""])
_NEWS_SHARES = (0.638, 0.345, 0.0015, 0.0035, 0.012)


def customer_ids(seed: int, customers: int) -> Raw:
    """Return the ids of all customers as bytes, sorted and unique; 32 bytes each are held in memory."""
    rng = np.random.default_rng([seed, _TAG_IDS, customers])
    raw = rng.integers(0, 256, (customers, ID_BYTES), dtype=np.uint8)
    if not customers:
        return raw
    keys = raw.view(f"S{ID_BYTES}").reshape(customers)
    # A zero byte at the end would be dropped by sort's comparison, so ids have none.
    raw[:, -1] |= 1
    return np.sort(keys).view(np.uint8).reshape(customers, ID_BYTES)


def customer_lines(seed: int, ids: Raw) -> Iterator[tuple[int, bytes]]:
    """Return the lines of customers.csv after the header.

    Yields:
        How many rows, and their bytes.
    """
    places = np.random.default_rng([seed, _TAG_PLACES, len(ids)]).integers(
        0, 256, (1 + len(ids) // _CUSTOMERS_PER_PLACE, ID_BYTES), dtype=np.uint8
    )
    for number, start in enumerate(range(0, len(ids), _CHUNK)):
        rng = np.random.default_rng([seed, _TAG_ROWS, len(ids), number])
        chunk = ids[start : start + _CHUNK]
        rows = new_rows(_ROW, len(chunk))
        count = len(chunk)
        rows["customer_id"] = as_hex(chunk)
        news = _NEWS[rng.choice(len(_NEWS), count, p=_NEWS_SHARES)]
        reads = news == b"Regularly"
        rows["fn"] = np.where(reads | (rng.random(count) < 0.01), b"1.0", b"")
        rows["active"] = np.where(reads & (rng.random(count) < 0.97), b"1.0", b"")
        rows["club"] = _CLUB[rng.choice(len(_CLUB), count, p=_CLUB_SHARES)]
        rows["news"] = news
        rows["age"] = _ages(count, rng)
        place = rng.integers(0, len(places), count)
        place[rng.random(count) < _COMMON_PLACE] = 0
        rows["postal_code"] = as_hex(places[place])
        yield count, as_lines(rows)


def _ages(count: int, rng: np.random.Generator) -> Text:
    """Two humps, the twenties and the early fifties, and one in a hundred who did not tell."""
    young = rng.gamma(4, 2.2, count) + 17
    older = rng.normal(50, 7, count)
    ages = np.clip(np.where(rng.random(count) < 0.62, young, older), 16, 99).astype(np.int64)
    text = ages.astype("S2")
    text[rng.random(count) < 0.0115] = b""
    return text


def submission_lines(ids: Raw, articles: list[str]) -> Iterator[tuple[int, bytes]]:
    """Return the lines of sample_submission.csv after the header: the same twelve articles for everybody.

    Yields:
        How many rows, and their bytes.
    """
    prediction = " ".join(articles[n % len(articles)] for n in range(PREDICTED)).encode()
    kind = row_type(customer_id=64, prediction=len(prediction))
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        rows = new_rows(kind, len(chunk))
        rows["customer_id"] = as_hex(chunk)
        rows["prediction"] = prediction
        yield len(chunk), as_lines(rows)
