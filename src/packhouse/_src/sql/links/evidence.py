"""Which columns name the images: the shares of values and of images that fit, and what is made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packhouse._src.sql.duckdb_ import Engine
from packhouse._src.sql.links.image_names import (
    AS_IT_IS,
    AS_PATH,
    LAST_PART,
    Form,
    form_named,
    forms_of,
    has_zeros,
    in_words,
    names_sql,
)
from packhouse._src.sql.quoting import numbered_rows, parquet_rows, quote_name
from packhouse._src.table_records import LinkEvidence, TableReport

THRESHOLD = 0.5
"""A column is a link when this share of its values names images, or names this share of the images; both when
it does so with zeros in front."""

SAMPLE_PLACES = 8
SAMPLE_ROWS = 2000
"""So many rows are looked at, in so many places of a table, for the form in which a column writes names. One
in which none is found is then asked whole, since a sorted catalogue may have its images all in one stretch:
for names as they are, and for paths where the places have slashes. Zeros in front are looked for in the
places alone: half of the values must name images with them, which no gap between the places can hide."""

_NO_FORM = -1

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
        Number of images, and the forms to try. The table `image_names` has one row per name: value, key (the
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
        Columns above the threshold, best first: numbers that name less than half of the images come last; a
        column without repeated values before one with, one as it is before one with zeros in front, then the
        one that names more images, then the one with the larger share of values found, then by name. With
        them columns of numbers that half of the values speak for, which may go with another table's.

    Cost: a look at SAMPLE_PLACES places of each table, and one pass over each column, three over paths.
    """
    found = []
    for table in tables:
        for column in table.columns:
            if column.arrow != "string" and column.arrow not in _INTEGERS:
                continue
            form = _form_of(engine, table, column.name, folder, images)
            if form is not None:
                evidence = weigh(engine, table, column.name, folder, form)
                is_candidate = is_link(evidence, images.count) or _may_go_with_others(evidence)
                if is_candidate and (column.arrow == "string" or evidence.unique):
                    found.append(evidence)
    return sorted(found, key=lambda evidence: _rank(evidence, images.count))


def best_evidence(
    engine: Engine, table: TableReport, column: str, folder: Path, images: ImageNames
) -> LinkEvidence:
    """Count how well a column that was asked for names the images, in the form that fits it best."""
    form = _form_of(engine, table, column, folder, images) or AS_IT_IS
    return weigh(engine, table, column, folder, form)


def choose_links(
    engine: Engine,
    found: Sequence[LinkEvidence],
    tables: Sequence[TableReport],
    folder: Path,
    images: ImageNames,
) -> list[LinkEvidence]:
    """Choose the columns to link, of those that were found.

    The best one; and of each other table its best one, if it names an image at most once and half of its
    values do: so tables that describe images are linked, and one that only speaks of them, such as sales, is
    not. Numbers must besides name half of the images that the tables before leave over: the labels of another
    half do, the ten numbers of a list of classes do not.

    Args:
        engine: Where `prepare_names` was done.
        found: What `find_links` said.
        tables: Its candidates.
        folder: Where their Parquet files lie.
        images: What `prepare_names` said.

    Returns:
        At most one per table, best first.
    """
    files = {table.name: folder / table.file for table in tables}
    first = next((evidence for evidence in found if is_link(evidence, images.count)), None)
    if first is None:
        return []
    chosen = {first.table: first}
    named = [_named_sql(first, files)]
    for evidence in found:
        if evidence.table in chosen or not (evidence.unique and _share(evidence) >= THRESHOLD):
            continue
        if evidence.is_number:
            more, left = engine.row(
                f"WITH before AS MATERIALIZED ({' UNION '.join(named)}) "
                f"SELECT (SELECT count(*) FROM ({_named_sql(evidence, files)}) "
                "WHERE key NOT IN (SELECT key FROM before)), "
                f"{images.count} - (SELECT count(*) FROM before)"
            )
            if not more or more < THRESHOLD * left:
                continue
        chosen[evidence.table] = evidence
        named.append(_named_sql(evidence, files))
    return list(chosen.values())


def _named_sql(evidence: LinkEvidence, files: Mapping[str, Path]) -> str:
    value, rows = form_named(evidence.form).of(evidence.column), parquet_rows(files[evidence.table])
    return f"SELECT DISTINCT key FROM image_name_keys WHERE value IN (SELECT {value} FROM {rows})"


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
    types = {one.name: one.arrow for one in table.columns}
    return LinkEvidence(
        table=table.name,
        column=column,
        form=form.words,
        is_number=types[column] in _INTEGERS or has_zeros(form.words),
        values=values,
        values_found=values_found,
        images_found=images_found,
        unique=rows == values,
    )


def _form_of(
    engine: Engine, table: TableReport, column: str, folder: Path, images: ImageNames
) -> Form | None:
    """Return the form in which a column names images; None when it names none."""
    source, row_number = numbered_rows(folder / table.file, [one.name for one in table.columns])
    cell = quote_name(column)
    sample = " UNION ALL ".join(
        f"(SELECT {cell} FROM {source} WHERE {row_number} BETWEEN {start} AND {start + SAMPLE_ROWS - 1})"
        for start in _sample_starts(table.rows)
    )
    if not sample:
        return None
    asked = " UNION ALL ".join(
        f"SELECT {place} AS form, {form.of(column)} AS value FROM cells"
        for place, form in enumerate(images.forms)
    )
    # one join, since each subquery of names would be read anew
    counted = engine.query(
        f"WITH cells AS MATERIALIZED (SELECT DISTINCT {cell} FROM ({sample})) "
        f"SELECT form, count(*) FROM ({asked}) JOIN image_names USING (value) GROUP BY form UNION ALL "
        f"SELECT {_NO_FORM}, count(*) FROM cells WHERE regexp_matches({AS_IT_IS.of(column)}, '[/\\\\]')"
    )
    hits = dict(sorted((int(place), int(count)) for place, count in counted))
    n_paths = hits.pop(_NO_FORM)
    best = _best_form({images.forms[place]: count for place, count in hits.items()})
    if best not in (None, LAST_PART):
        return best
    whole = {
        form: engine.row(
            f"SELECT count(*) FROM {parquet_rows(folder / table.file)} "
            f"WHERE {form.of(column)} IN (SELECT value FROM image_names)"
        )[0]
        for form in ((AS_IT_IS, AS_PATH, LAST_PART) if n_paths else (AS_IT_IS,))
    }
    return _best_form(whole)


def _best_form(hits: Mapping[Form, int]) -> Form | None:
    """Return the form with the most hits, the first of equals; None when none has any.

    The last part of a path says nothing of the folder: where a plainer form names any image, another folder
    means another image.
    """
    found = [form for form, count in hits.items() if count]
    plainer = [form for form in found if form != LAST_PART]
    return max(plainer or found, key=lambda form: hits[form], default=None)


def _sample_starts(rows: int) -> Iterable[int]:
    if rows <= SAMPLE_PLACES * SAMPLE_ROWS:
        return range(0, rows, SAMPLE_ROWS)
    return (place * (rows - SAMPLE_ROWS) // (SAMPLE_PLACES - 1) for place in range(SAMPLE_PLACES))


def is_link(evidence: LinkEvidence, images: int) -> bool:
    """Say whether a column names images often enough to be linked by itself."""
    if not evidence.values_found:
        return False
    shares = _share(evidence), evidence.images_found / max(1, images)
    # any column of small numbers names images that are numbered, once it is filled up with zeros
    return (min(shares) if has_zeros(evidence.form) else max(shares)) >= THRESHOLD


def _may_go_with_others(evidence: LinkEvidence) -> bool:
    return evidence.is_number and evidence.unique and _share(evidence) >= THRESHOLD


def _share(evidence: LinkEvidence) -> float:
    return evidence.values_found / max(1, evidence.values)


def _rank(evidence: LinkEvidence, images: int) -> tuple[object, ...]:
    # numbers from 0 to 9 name some images of any set that is numbered
    may_be_chance = evidence.is_number and evidence.images_found < THRESHOLD * images
    zeros, named = has_zeros(evidence.form), (-evidence.images_found, -_share(evidence))
    return (may_be_chance, not evidence.unique, zeros, named, evidence.table, evidence.column)


def describe(evidence: LinkEvidence, images: int) -> str:
    """Return the evidence in words."""
    form = f", {in_words(evidence.form)}" if evidence.form else ""
    unique = ", no value repeats" if evidence.unique else ""
    return (
        f"{evidence.values_found:,} of {evidence.values:,} values match an image{form}{unique}; "
        f"{evidence.images_found:,} of {images:,} images are matched"
    )


def compare(winner: LinkEvidence, other: LinkEvidence) -> str:
    """Say why one column was preferred to another that is a link as well."""
    name = f"{other.table}.{other.column}"
    if winner.unique and not other.unique:
        return f"preferred to {name}, which repeats values"
    if has_zeros(other.form) and not has_zeros(winner.form):
        return f"preferred to {name}, which needs leading zeros"
    if winner.images_found != other.images_found:
        return f"preferred to {name}, which matches {other.images_found:,} images"
    if winner.values_found * other.values != other.values_found * winner.values:
        return f"preferred to {name}, where {other.values_found:,} of {other.values:,} values match"
    return f"preferred to {name}, which fits equally well but comes later by name"
