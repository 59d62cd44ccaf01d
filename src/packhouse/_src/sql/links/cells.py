r"""Which image each cell of a column means, in forms that leave a part of the cell out: SQL.

By the last component of a path, `C:\data\a\1.png` and `C:\data\b\1.png` are one name, and with leading
zeros 1 and 001 are one number. Two cells that differ cannot both describe one image, so what is left out
decides: the folder, where folders of cells and images agree at all; else the cell that is the name itself.
"""

from __future__ import annotations

from pathlib import Path

from packhouse._src.sql.cell_text import cell_text
from packhouse._src.sql.duckdb_ import Engine
from packhouse._src.sql.links.image_names import AS_PATH, LAST_PART, Form, has_zeros
from packhouse._src.sql.quoting import parquet_rows, quote_name

NAMES_TABLE = "image_names"
CELLS_TABLE = "image_cells"

_PARENT = r"regexp_extract(replace({}, '\', '/'), '([^/]+)/[^/]*$', 1)"


def leaves_out(form: Form) -> bool:
    """Say whether two cells that differ can be one name in this form."""
    return form == LAST_PART or has_zeros(form.words)


def match_cells(
    engine: Engine, rows: Path, column: str, form: Form, *, spelling: str | None, index: Path
) -> None:
    """Make the temporary table CELLS_TABLE: each cell that means an image, the key, and how many it may mean.

    Args:
        engine: Where `prepare_names` was done.
        rows: The table.
        column: Its column that names images.
        form: One that leaves something out.
        spelling: How its cells are had back from its values, as of `ColumnType`.
        index: image_index.parquet.

    Cost: one pass over the column, and memory for its distinct cells.
    """
    text = cell_text(quote_name(column), spelling or "")
    folder, file_folder = _PARENT.format("c.cell"), _PARENT.format("x.file_name")
    engine.query(
        "CREATE OR REPLACE TEMP TABLE cell_pairs AS "
        f"WITH cells AS (SELECT DISTINCT {text} AS cell FROM {parquet_rows(rows)} "
        f"WHERE {quote_name(column)} IS NOT NULL) "
        f"SELECT c.cell, {AS_PATH.of_text('c.cell')} AS path, k.value, k.key, "
        f"{folder} = '' AS is_bare, {folder} <> '' AND {folder} = {file_folder} AS agrees "
        f"FROM cells c JOIN image_name_keys k ON k.value = {form.of_text('c.cell')} "
        f"JOIN {parquet_rows(index)} x ON x.key = k.key"
    )
    kept = "SELECT * FROM cell_pairs"
    if form == LAST_PART:
        kept += " WHERE is_bare OR agrees OR NOT (SELECT coalesce(bool_or(agrees), false) FROM cell_pairs)"
    engine.query(
        f"CREATE OR REPLACE TEMP TABLE {CELLS_TABLE} AS WITH kept AS ({kept}), "
        "shared AS (SELECT key FROM kept GROUP BY key HAVING count(DISTINCT path) > 1) "
        "SELECT cell AS value, min(key) AS key, count(*) AS n FROM kept "
        f"WHERE key NOT IN (SELECT key FROM shared) OR path IN (SELECT value FROM {NAMES_TABLE}) "
        "GROUP BY cell"
    )
