"""The tables of a pack, as other programs and SQL see them."""

from __future__ import annotations

import datetime as dt
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bound_tables import bound_tables
from packhouse._src.tables.table import Tables
from packhouse.errors import ColumnNotFoundError, CorruptStoreError, QueryError

ARTICLES = {
    "article_id": ["0108775015", "0108775044", "011"],
    "price": [0.5, None, 2.5],
    "day": [dt.date(2018, 9, 20), None, dt.date(1, 1, 1)],
    "image_key": ["010/0108775015", None, "010/0108775015"],
}
INDEX = {"key": ["010/0108775015", "010/x", "z"], "width": [300, 200, 100]}


def make(folder: Path) -> Tables:
    """Write two tables into a folder and open it."""
    (folder / "deep").mkdir(parents=True)
    pq.write_table(pa.table(ARTICLES), folder / "deep" / "articles.parquet")
    pq.write_table(pa.table(INDEX), folder / "image_index.parquet")
    return bound_tables(
        folder, {"deep_articles": "deep/articles.parquet", "image_index": "image_index.parquet"}
    )


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    """The tables of a small pack."""
    return make(tmp_path / "hm.pack")


def test_a_table_is_what_pyarrow_reads(tables: Tables) -> None:
    """Arrow, pandas and the Arrow stream all give the file's own rows and types."""
    expected = pq.ParquetFile(tables.folder / "deep" / "articles.parquet").read()
    table = tables["deep_articles"]

    assert table.to_arrow().equals(expected)
    assert pa.table(table).equals(expected)
    assert pa.RecordBatchReader.from_stream(table).read_all().equals(expected)
    pd.testing.assert_frame_equal(table.to_pandas(), expected.to_pandas())
    assert len(table) == 3
    assert table.columns == {
        "article_id": "string",
        "price": "double",
        "day": "date32[day]",
        "image_key": "string",
    }
    assert table.path == tables.folder / "deep" / "articles.parquet"
    assert repr(table) == "<Table deep_articles: 3 rows, article_id, price, day, image_key>"


def test_tables_are_a_mapping(tables: Tables) -> None:
    """Names, number and membership are those of any mapping."""
    assert list(tables) == ["deep_articles", "image_index"]
    assert len(tables) == 2
    assert "nope" not in tables
    assert tables.get("nope") is None


@pytest.mark.parametrize(("name", "near"), [("articles", "deep_articles"), ("Image_Index", "image_index")])
def test_an_unknown_table_names_the_nearest(tables: Tables, name: str, near: str) -> None:
    """The error is a KeyError too, and says what is there."""
    with pytest.raises(ColumnNotFoundError) as caught:
        tables[name]

    assert isinstance(caught.value, KeyError)
    assert f"did you mean {near}?" in caught.value.hint


def test_sql_sees_all_tables(tables: Tables) -> None:
    """One SELECT over several tables gives what pandas.merge gives."""
    joined = "deep_articles JOIN image_index ON image_key = key"
    query = f"SELECT article_id, width FROM {joined} ORDER BY article_id DESC"  # noqa: S608

    found = tables["deep_articles"].sql(query)

    frame = pd.DataFrame(ARTICLES).merge(pd.DataFrame(INDEX), left_on="image_key", right_on="key")
    frame = frame.sort_values("article_id", ascending=False)
    assert found.to_pydict() == {"article_id": list(frame["article_id"]), "width": list(frame["width"])}


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1 AS one",
        "SELECT 1 AS one;",
        "-- a comment\nSELECT 1 AS one -- and another",
        "WITH w AS (SELECT 1 AS one) FROM w",
        "VALUES (1)",
    ],
)
def test_forms_of_one_select(tables: Tables, query: str) -> None:
    """Whatever DuckDB takes for one SELECT is answered."""
    assert tables.sql(query).num_rows == 1


def test_parameters_are_values(tables: Tables) -> None:
    """A question mark takes a value, which is never SQL."""
    found = tables.sql("SELECT ? AS text", ("'; DROP VIEW deep_articles",))

    assert found.to_pydict() == {"text": ["'; DROP VIEW deep_articles"]}


@pytest.mark.parametrize(
    "query",
    [
        "",
        ";",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP VIEW deep_articles",
        "COPY deep_articles TO '{pack}/x.csv'",
        "COPY deep_articles TO '{outside}/x.csv'",
        "EXPORT DATABASE '{pack}/x'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "ATTACH '{pack}/x.db'",
        "CREATE TABLE t AS SELECT 1",
        "CREATE TEMP VIEW t AS SELECT 1",
        "DROP VIEW deep_articles",
        "INSERT INTO deep_articles VALUES (1)",
        "SET threads = 1",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "PRAGMA version",
        "CALL pragma_version()",
        "EXPLAIN SELECT 1",
        "PREPARE p AS SELECT 1",
        "SELECT nope FROM deep_articles",
        "SELECT CSV FROM deep_articles",
        "SELECT * FROM nope",
        "SELEC 1",
        "SELECT ?",
    ],
)
def test_only_one_select_is_answered(tables: Tables, query: str, tmp_path: Path) -> None:
    """Anything that writes, sets, loads or does not fit is refused, and the next query is answered."""
    with pytest.raises(QueryError):
        tables.sql(query.format(pack=tables.folder, outside=tmp_path))

    assert len(tables["deep_articles"]) == 3
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        "articles.parquet",
        "deep",
        "hm.pack",
        "image_index.parquet",
    ]


@pytest.mark.parametrize(
    "source",
    [
        "'{0}/secret.csv'",
        "'{0}/secret.parquet'",
        "read_csv('{0}/secret.csv')",
        "read_csv('{0}/*.csv')",
        "read_parquet('{0}/secret.parquet')",
        "parquet_metadata('{0}/secret.parquet')",
        "read_text('{0}/secret.csv')",
        "read_blob('{0}/secret.csv')",
        "read_json('{0}/secret.csv')",
        "sniff_csv('{0}/secret.csv')",
        "glob('{0}/*')",
    ],
)
@pytest.mark.parametrize("place", ["", "hm.pack.other", "hm.pack/..", "hm.packs", "hm.pac"])
def test_no_other_file_is_read(tables: Tables, tmp_path: Path, source: str, place: str) -> None:
    """Files beside the pack stay closed, in a neighbour folder whose name begins the same too."""
    folder = tmp_path / place
    folder.mkdir(exist_ok=True)
    (folder / "secret.csv").write_text("secret\n1\n")
    pq.write_table(pa.table({"secret": [1]}), folder / "secret.parquet")
    wanted = source.format(os.path.join(tmp_path, place))  # noqa: PTH118  # pathlib keeps no empty part

    with pytest.raises(QueryError, match="Permission Error"):
        tables.sql(f"SELECT * FROM {wanted}")  # noqa: S608


def test_a_link_does_not_lead_out(tables: Tables, tmp_path: Path) -> None:
    """A link within the pack to a file outside of it is not followed."""
    pq.write_table(pa.table({"secret": [1]}), tmp_path / "secret.parquet")
    (tables.folder / "link.parquet").symlink_to(tmp_path / "secret.parquet")

    with pytest.raises(QueryError, match="Permission Error"):
        tables.sql(f"SELECT * FROM '{tables.folder}/link.parquet'")  # noqa: S608


def test_urls_are_not_fetched(tables: Tables) -> None:
    """No query reaches the network."""
    with pytest.raises(QueryError):
        tables.sql("SELECT * FROM 'https://localhost:1/x.parquet'")


@pytest.mark.parametrize(
    "name",
    [
        "[1].pack",
        "a*?.pack",
        "[!a]].pack",
        "it's.pack",
        'a "quote".pack',
        "split=train",
        "~",
        "großer Pack",
        "x{a,b}",
    ],
)
def test_any_name_of_a_pack_will_do(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that look like patterns, partitions or quotes are read, by absolute and by relative path."""
    for neighbour in ("1.pack", "ab.pack", "axx.pack"):
        make(tmp_path / neighbour)
    expected = make(tmp_path / name)["deep_articles"].to_arrow()
    monkeypatch.chdir(tmp_path)

    relative = bound_tables(Path(name), {"t": "deep/articles.parquet"})

    assert relative["t"].to_arrow().equals(expected)
    assert expected.to_pydict() == ARTICLES
    with pytest.raises(QueryError, match="Permission Error"):
        relative.sql("SELECT * FROM '1.pack/deep/articles.parquet'" if name != "1.pack" else "SELECT x")


def test_another_current_folder_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pack that was opened by a relative path is found after the process has moved."""
    make(tmp_path / "hm.pack")
    monkeypatch.chdir(tmp_path)
    tables = bound_tables(Path("hm.pack"), {"t": "deep/articles.parquet"})
    (tmp_path / "elsewhere").mkdir()

    monkeypatch.chdir(tmp_path / "elsewhere")

    assert len(tables["t"]) == 3


def test_a_pack_behind_a_link(tables: Tables, tmp_path: Path) -> None:
    """A pack may be reached by a link to its folder."""
    (tmp_path / "latest").symlink_to(tables.folder)

    assert len(bound_tables(tmp_path / "latest", {"t": "deep/articles.parquet"})["t"]) == 3


def test_threads_ask_at_once(tables: Tables) -> None:
    """Eight threads, each with its own connection, all get the right answers."""
    start = threading.Barrier(8)

    def ask(number: int) -> list[int]:
        start.wait(timeout=60)
        query = f"SELECT count(*) + {number} AS n FROM deep_articles, image_index"  # noqa: S608
        return [tables.sql(query)["n"][0].as_py() for _ in range(10)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))

    assert answers == [[9 + number] * 10 for number in range(8)]


def test_tables_are_pickled_as_their_paths(tables: Tables) -> None:
    """A copy in another process opens the files anew, whether or not this one has."""
    tables.sql("SELECT 1")

    copy = pickle.loads(pickle.dumps(tables))  # noqa: S301  # our own bytes

    assert list(copy) == list(tables)
    assert copy["deep_articles"].to_arrow().equals(tables["deep_articles"].to_arrow())


def test_closed_tables_open_again(tables: Tables) -> None:
    """Closing gives the connection back; the next question opens another."""
    tables.sql("SELECT 1")

    tables.close()
    tables.close()

    assert len(tables["image_index"]) == 3


DAMAGE = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "no Parquet": lambda path: path.write_bytes(b"PAR1" * 100),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_file_that_cannot_be_read_is_named(tables: Tables, damage: str) -> None:
    """Whatever asks for such a table is told its path and what to do; the other tables answer."""
    path = tables.folder / "deep" / "articles.parquet"
    DAMAGE[damage](path)
    asking: list[Callable[[], object]] = [
        lambda: len(tables["deep_articles"]),
        lambda: tables["deep_articles"].columns,
        tables["deep_articles"].to_arrow,
        tables["deep_articles"].to_duckdb,
        lambda: tables["deep_articles"].scan(["day"], "price > 1"),
        lambda: pa.table(tables["deep_articles"]),
        lambda: tables.sql("SELECT count(*) FROM image_index, Deep_Articles"),
        lambda: tables.sql('SELECT count(*) FROM "deep_articles"'),
    ]

    for ask in asking:
        with pytest.raises(CorruptStoreError) as caught:
            ask()
        assert caught.value.where.file == str(path)
        assert "from a copy" in caught.value.hint
    assert tables.sql("SELECT count(*) AS n FROM image_index")["n"].to_pylist() == [3]
    assert len(tables["image_index"].to_arrow()) == 3


def test_a_damaged_page_is_told_with_its_file(tables: Tables) -> None:
    """A flipped byte is found by the checksum; where DuckDB stumbles over it, the file is named too."""
    path = tables.folder / "deep" / "articles.parquet"
    text = [f"{number:09d}" for number in np.random.default_rng(1).permutation(20_000)]
    pq.write_table(pa.table({"t": text}), path, compression="zstd", write_page_checksum=True)
    sound = path.read_bytes()
    told = []
    for place in range(100, 10_000, 1_000):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 0xFF]) + sound[place + 1 :])

        with pytest.raises(CorruptStoreError) as caught:
            tables["deep_articles"].to_arrow()
        assert caught.value.where.file == str(path)
        try:
            tables["deep_articles"].scan(where="t > ''").to_arrow()
            tables.sql("SELECT max(t) FROM deep_articles")
        except CorruptStoreError as err:
            told.append(err.where.file)
    assert told
    assert set(told) == {str(path)}


def test_a_forked_process_asks_too(tables: Tables) -> None:
    """As the workers of a data loader do, after their parent has asked."""
    code = (
        "import os, sys; from pathlib import Path; from bound_tables import bound_tables\n"
        "t = bound_tables(Path(sys.argv[1]), {'t': 'deep/articles.parquet'})\n"
        "t.sql('SELECT count(*) FROM t')\n"
        "child = os.fork()\n"
        "rows = t.sql('SELECT count(*) AS n FROM t')['n'][0].as_py() + t['t'].to_arrow().num_rows\n"
        "code = os.waitpid(child, 0)[1] if child else 0\n"
        "os._exit(0 if rows == 6 and code == 0 else 1)"
    )

    with_kit = {**os.environ, "PYTHONPATH": os.path.dirname(bound_tables.__code__.co_filename)}  # noqa: PTH120
    done = subprocess.run([sys.executable, "-c", code, tables.folder], check=False, timeout=60, env=with_kit)

    assert done.returncode == 0


def test_nobody_knows_where_it_spills(tmp_path: Path) -> None:
    """The folder in /tmp has another name each time: no link can be put in its place beforehand."""
    make(tmp_path / "a.pack")
    files = {"t": "deep/articles.parquet"}
    query = "SELECT current_setting('temp_directory') AS place"

    places = [bound_tables(tmp_path / "a.pack", files).sql(query)["place"][0].as_py() for _ in range(2)]

    assert places[0] != places[1]
    assert not any(str(os.getpid()) == place.rpartition("-")[2] for place in places)
