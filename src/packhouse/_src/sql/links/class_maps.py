"""Tables that list classes, whose numbers name images only by chance: classes.csv beside 1.png, 2.png, ..."""

from __future__ import annotations

import re
from pathlib import Path

from packhouse._src.sql.duckdb_ import Engine
from packhouse._src.sql.quoting import parquet_rows, quote_name
from packhouse._src.table_records import LinkEvidence

MOST_CLASSES = 10_000
SMALL_SHARE = 0.5

_CLASS_COLUMN = re.compile(
    r"(class|label|category|target|species)s?([-_ ]?(id|ids|idx|index|no|nr|num|number|code))?", re.IGNORECASE
)
_CLASS_TABLE = re.compile(
    r"(.*[-_/ ])?(class(es)?|categor(y|ies)|label)([-_ ]?(names?|maps?|mapping|list|index|info))?",
    re.IGNORECASE,
)
_ANY_NUMBER = re.compile(r"id|idx|index|no|nr|num|number|code|key|column_1", re.IGNORECASE)


def is_class_map(engine: Engine, evidence: LinkEvidence, path: Path, images: int) -> bool:
    """Say whether a column that could be linked rather counts classes.

    A column called class or label, or a number in a table called classes, that counts up from 0 or 1 without
    a gap. Of the second kind only where most images are left over: a table of that name may still be of
    images.

    Args:
        engine: Where queries run.
        evidence: What is known of the column.
        path: The Parquet file of its table.
        images: Number of images.

    Cost: reads the column, where its name is such.
    """
    if not evidence.unique or evidence.values > MOST_CLASSES:
        return False
    is_class = _CLASS_COLUMN.fullmatch(evidence.column) is not None
    is_small = evidence.images_found < SMALL_SHARE * images
    if not is_class and not (
        is_small and _CLASS_TABLE.fullmatch(evidence.table) and _ANY_NUMBER.fullmatch(evidence.column)
    ):
        return False
    cell = f"TRY_CAST(CAST({quote_name(evidence.column)} AS VARCHAR) AS BIGINT)"
    first, last, count = engine.row(
        f"SELECT min({cell}), max({cell}), count({cell}) FROM {parquet_rows(path)}"
    )
    return first in (0, 1) and count == evidence.values == last - first + 1
