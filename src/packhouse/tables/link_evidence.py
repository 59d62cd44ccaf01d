"""Which columns name the images: the shares of values and of images that fit, and what is made of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packhouse.tables.duckdb_ import Engine
from packhouse.tables.image_names import AS_IT_IS, Form, forms_of, has_zeros, names_sql
from packhouse.tables.quoting import numbered_rows, parquet_rows, quote_name
from packhouse.tables.records import LinkEvidence, TableReport

THRESHOLD = 0.5
"""A column is a link when this share of its values names images, or names this share of the images; both when
it does so with zeros in front."""

SAMPLE_PLACES = 8
SAMPLE_ROWS = 2000
"""So many rows are looked at, in so many places of a table, before a column is counted whole. A column of
which 1 % of the rows name images, anywhere, is missed with a chance of 0.99 ** 16000."""

_INTEGERS = ("int8", "int16", "int32", "int64")


@dataclass(frozen=True, slots=True)
class ImageNames:
    """The images, as linking needs them."""

    count: int
    forms: tuple[Form, ...]
    """In which a column may write their names."""


def prepare_names(engine: Engine, index: Path) -> ImageNames:
    """Make the temporary tables of everything that an image may be called.

    Args:
        engine: Where queries run.
        index: image_index.parquet.

    Returns:
        Number of images, and the forms to try. The table `image_names` has one row a name: value, key (the
        first of those it names), n (how many it names); the table `image_name_keys` has each pair of value
        and key.
    """
    source = parquet_rows(index)
    engine.query(f"CREATE OR REPLACE TEMP TABLE image_name_keys AS {names_sql(source)}")
    engine.query(
        "CREATE OR REPLACE TEMP TABLE image_names AS "
        "SELECT value, min(key) AS key, count(*) AS n FROM image_name_keys GROUP BY value"
    )
    (images,) = engine.row(f"SELECT count(*) FROM {source}")
    widths = engine.query(
        f"SELECT DISTINCT length(name) FROM {source} WHERE regexp_full_match(name, '[0-9]+') LIMIT 2"
    )
    return ImageNames(int(images), forms_of([width for (width,) in widths]))


def find_links(
    engine: Engine, tables: Sequence[TableReport], folder: Path, images: ImageNames
) -> list[LinkEvidence]:
    """Test every column of text, and every unique column of integers, against the names of the images.

    Args:
        engine: Where `prepare_names` was done.
        tables: Candidates.
        folder: Where their Parquet files lie.
        images: What that said.

    Returns:
        Columns above the threshold, best first: a column without repeated values before one with, one as it
        is before one with zeros in front, then the one that names more images, then the one with the larger
        share of values found, then by name.

    Cost: a look at SAMPLE_PLACES places of each table; a column with a name of an image there is read whole.
    """
    found = []
    for table in tables:
        for column in table.columns:
            if column.arrow != "string" and column.arrow not in _INTEGERS:
                continue
            form = _likely_form(engine, table, column.name, folder, images)
            if form is not None:
                evidence = weigh(engine, table, column.name, folder, form)
                if is_link(evidence, images.count) and (column.arrow == "string" or evidence.unique):
                    found.append(evidence)
    return sorted(found, key=_rank)


def best_evidence(
    engine: Engine, table: TableReport, column: str, folder: Path, images: ImageNames
) -> LinkEvidence:
    """Count how well a column that was asked for names the images, in the form that fits most values."""
    form = _likely_form(engine, table, column, folder, images) or AS_IT_IS
    return weigh(engine, table, column, folder, form)


def choose_links(found: Sequence[LinkEvidence]) -> list[LinkEvidence]:
    """Choose the columns to link, of those above the threshold.

    The best one; and of each other table its best one, if it names an image at most once and half of its
    values do: so tables that describe images are linked, and one that only speaks of them, such as sales, is
    not.

    Args:
        found: Best first.

    Returns:
        At most one a table, best first.
    """
    chosen: dict[str, LinkEvidence] = {}
    for evidence in found:
        if evidence.table in chosen:
            continue
        share = evidence.values_found / max(1, evidence.values)
        if not chosen or (evidence.unique and share >= THRESHOLD):
            chosen[evidence.table] = evidence
    return list(chosen.values())


def weigh(engine: Engine, table: TableReport, column: str, folder: Path, form: Form) -> LinkEvidence:
    """Count how well one column names the images."""
    values, rows, values_found, images_found = engine.row(
        "WITH cells AS MATERIALIZED ("
        f"SELECT {form.of(column)} AS value, count(*) AS n_rows "
        f"FROM {parquet_rows(folder / table.file)} WHERE {quote_name(column)} IS NOT NULL GROUP BY 1) "
        "SELECT count(*), coalesce(sum(n_rows), 0), count(n), "
        "(SELECT count(DISTINCT key) FROM image_name_keys WHERE value IN (SELECT value FROM cells)) "
        "FROM cells LEFT JOIN image_names USING (value)"
    )
    return LinkEvidence(
        table=table.name,
        column=column,
        form=form.words,
        values=values,
        values_found=values_found,
        images_found=images_found,
        unique=rows == values,
    )


def _likely_form(
    engine: Engine, table: TableReport, column: str, folder: Path, images: ImageNames
) -> Form | None:
    """Return the form in which most sampled cells name images; None when none names one."""
    source, row_number = numbered_rows(folder / table.file, [one.name for one in table.columns])
    cell = quote_name(column)
    sample = " UNION ALL ".join(
        f"(SELECT {cell} FROM {source} WHERE {row_number} BETWEEN {start} AND {start + SAMPLE_ROWS - 1})"
        for start in _sample_starts(table.rows)
    )
    if not sample:
        return None
    hits = ", ".join(
        f"count(*) FILTER ({form.of(column)} IN (SELECT value FROM image_names))" for form in images.forms
    )
    counted = engine.row(f"SELECT {hits} FROM (SELECT DISTINCT {cell} FROM ({sample}))")
    best = max(range(len(counted)), key=lambda place: (counted[place], -place))
    return images.forms[best] if counted[best] else None


def _sample_starts(rows: int) -> Iterable[int]:
    if rows <= SAMPLE_PLACES * SAMPLE_ROWS:
        return range(0, rows, SAMPLE_ROWS)
    return (place * (rows - SAMPLE_ROWS) // (SAMPLE_PLACES - 1) for place in range(SAMPLE_PLACES))


def is_link(evidence: LinkEvidence, images: int) -> bool:
    """Say whether a column names images often enough to be linked by itself."""
    if not evidence.values_found:
        return False
    shares = evidence.values_found / evidence.values, evidence.images_found / max(1, images)
    # any column of small numbers names images that are numbered, once it is filled up with zeros
    return (min(shares) if has_zeros(evidence.form) else max(shares)) >= THRESHOLD


def _rank(evidence: LinkEvidence) -> tuple[object, ...]:
    share = evidence.values_found / max(1, evidence.values)
    zeros = has_zeros(evidence.form)
    return (not evidence.unique, zeros, -evidence.images_found, -share, evidence.table, evidence.column)


def describe(evidence: LinkEvidence, images: int) -> str:
    """Return the evidence in words."""
    form = f", {evidence.form}" if evidence.form else ""
    unique = ", none twice" if evidence.unique else ""
    return (
        f"{evidence.values_found:,} of its {evidence.values:,} values name images{form}{unique}; "
        f"{evidence.images_found:,} of {images:,} images are named"
    )


def compare(winner: LinkEvidence, other: LinkEvidence) -> str:
    """Say why one column was preferred to another that is a link as well."""
    name = f"{other.table}.{other.column}"
    if winner.unique and not other.unique:
        return f"rather than {name}, whose values repeat"
    if has_zeros(other.form) and not has_zeros(winner.form):
        return f"rather than {name}, which needs zeros in front"
    if winner.images_found != other.images_found:
        return f"rather than {name}, which names {other.images_found:,} images"
    if winner.values_found * other.values != other.values_found * winner.values:
        return f"rather than {name}, of whose {other.values:,} values {other.values_found:,} name images"
    return f"rather than {name}, which fits as well, by the order of names"
