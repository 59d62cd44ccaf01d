"""Which columns name the images: the shares of values and of images that fit, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from packhouse._src.parquet_ import give_memory_back
from packhouse._src.sql.duckdb_ import Engine
from packhouse._src.sql.links.class_maps import is_class_map
from packhouse._src.sql.links.image_names import (
    AS_IT_IS,
    Form,
    form_named,
    forms_of,
    has_zeros,
    in_words,
    is_relative,
    names_sql,
)
from packhouse._src.sql.links.search import (
    INTEGERS,
    KINDS,
    SAMPLE_PLACES,
    SAMPLE_ROWS,
    ImageNames,
    LinkSearch,
    Suspect,
)
from packhouse._src.sql.quoting import parquet_rows, quote_name, quote_text
from packhouse._src.system.resident_memory import trim_heap
from packhouse._src.table_records import LinkEvidence, TableReport
from packhouse.progress import Observer, silent, task

THRESHOLD = 0.5
"""A column is a link when this share of its values names images, or names this share of the images; both when
it does so with zeros in front."""


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
    counts = ", ".join(
        f"count(*) FILTER (regexp_full_match(name, {quote_text(pattern)}) "
        f"OR regexp_full_match(regexp_extract(file_name, '[^/]*$'), {quote_text(pattern)}))"
        for pattern in KINDS.values()
    )
    kinds = zip(KINDS, engine.row(f"SELECT {counts} FROM {source}"), strict=True)
    lengths = engine.query("SELECT DISTINCT strlen(value) FROM image_names")
    return ImageNames(
        int(images),
        forms_of([width for (width,) in widths]),
        frozenset(kind for kind, count in kinds if count),
        frozenset(int(length) for (length,) in lengths),
    )


def find_links(
    engine: Engine,
    tables: Sequence[TableReport],
    folder: Path,
    images: ImageNames,
    *,
    observer: Observer = silent,
    on_miss: Callable[[TableReport, Suspect], None] = lambda _table, _suspect: None,
) -> list[LinkEvidence]:
    """Test the columns of all tables against the names of the images, by the text that was in the files.

    Args:
        engine: Where `prepare_names` was done.
        tables: Candidates.
        folder: Where their Parquet files are.
        images: What that said.
        observer: Progress callback.
        on_miss: Called with each column that could name images, and is no link.

    Returns:
        Columns above the threshold, best first: numbers that name less than half of the images come last; a
        column without repeated values before one with, one as it is before one with zeros in front, then the
        one that names more images, then the one with the larger share of values found, then by name. With
        them columns of numbers that half of the values speak for, which may go with another table's.

    Cost: a look at some places of each table, and one pass over the columns of it in which no name was found
    there, all together; one more over each column that names images.
    """
    found, done = [], 0
    search = LinkSearch(engine, folder, images)
    total = sum(table.rows for table in tables)
    with task(observer, "search links", total=total, unit="rows") as progress:
        for table in tables:
            _make_room(engine)
            for suspect in search.suspects(table, lambda rows, done=done: progress.reach(done + rows)):  # type: ignore[misc]
                if suspect.form is not None:
                    _make_room(engine)
                evidence = _evidence_of(engine, table, suspect, folder, images.count)
                if evidence is not None:
                    found.append(evidence)
                else:
                    on_miss(table, suspect)
            done += table.rows
            progress.reach(done)
    return sorted(found, key=lambda evidence: _rank(evidence, images.count))


def _make_room(engine: Engine) -> None:
    """Give memory back that reading a table has taken, so that queries stay within the limit."""
    give_memory_back()
    trim_heap()
    engine.give_memory_back()


def _evidence_of(
    engine: Engine, table: TableReport, suspect: Suspect, folder: Path, images: int
) -> LinkEvidence | None:
    """Weigh a column in the form that fits it best; None when it is no link."""
    form, hit = suspect.form, suspect.hit
    if form is None:
        return None
    is_whole = table.rows <= SAMPLE_PLACES * SAMPLE_ROWS and form == AS_IT_IS
    if is_whole and max(hit.all / suspect.values, hit.images / max(1, images)) < THRESHOLD:
        return None
    evidence = weigh(engine, table, suspect.column.name, folder, form)
    if not (is_link(evidence, images) or _may_go_with_others(evidence)):
        return None
    shares = _share(evidence), evidence.images_found / max(1, images)
    is_plain = suspect.column.arrow == "string" or evidence.unique
    # several rows an image are likely for text; for dates and such when the names fit both ways
    fits = is_plain or (not evidence.is_number and min(shares) >= THRESHOLD)
    return evidence if fits else None


def best_evidence(
    engine: Engine, table: TableReport, column: str, folder: Path, images: ImageNames
) -> LinkEvidence:
    """Count how well a column that was asked for names the images, in the form that fits it best."""
    suspects = LinkSearch(engine, folder, images).suspects(table, lambda _rows: None, only=column)
    form = suspects[0].form if suspects else None
    return weigh(engine, table, column, folder, form or AS_IT_IS)


def choose_links(
    engine: Engine,
    found: Sequence[LinkEvidence],
    tables: Sequence[TableReport],
    folder: Path,
    images: ImageNames,
) -> list[LinkEvidence]:
    """Choose the columns to link, of those that were found.

    The best one. And of each other table its best one, if half of its values name images and it names an
    image at most once, or by paths relative to a folder above the table. So tables that describe images are
    linked, and one that only speaks of them, such as sales, is not. Numbers must besides name half of the
    images that the tables before leave over: the labels of another half do, the ten numbers of a list of
    classes do not. Numbers that count classes are never linked by themselves.

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
    found = [one for one in found if not is_class_map(engine, one, files[one.table], images.count)]
    first = next((evidence for evidence in found if is_link(evidence, images.count)), None)
    if first is None:
        return []
    chosen = {first.table: first}
    named = [_named_sql(first, files)]
    for evidence in found:
        describes = evidence.unique or is_relative(form_named(evidence.form))
        if evidence.table in chosen or not (describes and _share(evidence) >= THRESHOLD):
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
    value = form_named(evidence.form).of(evidence.column, spelling=evidence.spelling)
    rows = parquet_rows(files[evidence.table])
    return f"SELECT DISTINCT key FROM image_name_keys WHERE value IN (SELECT {value} FROM {rows})"


def weigh(engine: Engine, table: TableReport, column: str, folder: Path, form: Form) -> LinkEvidence:
    """Count how well one column names the images."""
    facts = next(one for one in table.columns if one.name == column)
    spelling = facts.spelling or ""
    values, rows, values_found, images_found = engine.row(
        "WITH cells AS MATERIALIZED ("
        f"SELECT {form.of(column, spelling=spelling)} AS value, count(*) AS n_rows "
        f"FROM {parquet_rows(folder / table.file)} WHERE {quote_name(column)} IS NOT NULL GROUP BY 1) "
        "SELECT count(*), coalesce(sum(n_rows), 0), count(n), "
        "(SELECT count(DISTINCT key) FROM image_name_keys WHERE value IN (SELECT value FROM cells)) "
        "FROM cells LEFT JOIN image_names USING (value)"
    )
    return LinkEvidence(
        table=table.name,
        column=column,
        form=form.words,
        is_number=facts.arrow in INTEGERS or has_zeros(form.words),
        values=values,
        values_found=values_found,
        images_found=images_found,
        unique=rows == values,
        spelling=spelling,
    )


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
