"""The engine: sizes of memory, quoting, Ctrl-C, and errors in our words."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packhouse._src.sql.batches import Stream
from packhouse._src.sql.duckdb_ import Engine, translated
from packhouse._src.sql.memory_limit import SMALLEST_MEMORY, parse_memory
from packhouse._src.sql.query_output import Workbench, write_query
from packhouse._src.sql.quoting import numbered_rows, parquet_rows, quote_name, quote_path, quote_text
from packhouse.errors import NoSpaceError, PackhouseError, QueryError, TableError, UsageError
from packhouse.progress import silent

ENDLESS = "SELECT sum(hash(a.range * b.range)) FROM range(100000000) a, range(100000000) b"
ENDLESS_ROWS = "SELECT range AS n, hash(range) AS h FROM range(1000000000000)"
PATIENCE_S = 60


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An engine of 200 MB."""
    with Engine(spill=tmp_path / "spill", memory_bytes=200_000_000) as made:
        yield made


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB itself."""
    with duckdb.connect() as made:
        yield made


def count_rows(stream: Stream) -> int:
    """Take all rows of a stream."""
    return sum(batch.num_rows for batch in stream)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2GB", 2 * 10**9),
        ("2gb", 2 * 10**9),
        (" 2 G ", 2 * 10**9),
        ("2GiB", 2**31),
        ("1.5GiB", 3 * 2**29),
        ("512MiB", 2**29),
        ("0.2tb", 2 * 10**11),
        ("400MB", 4 * 10**8),
        ("400000KB", 4 * 10**8),
        ("400000000", 4 * 10**8),
        ("400000000b", 4 * 10**8),
    ],
)
def test_sizes_of_memory(text: str, size: int) -> None:
    """A size is a number and a unit, decimal or binary."""
    assert parse_memory(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "GB",
        "-2GB",
        "1e9",
        "2PB",
        "two GB",
        "2GB!",
        "\u0662GB",
        "399MB",
        "0",
        "800000000i",
        "800000000iB",
        "nan",
    ],
)
def test_sizes_that_are_refused(text: str) -> None:
    """Anything else, and what is too small to work with, is an error of usage."""
    with pytest.raises(UsageError):
        parse_memory(text)


def test_too_small_a_limit_says_what_is_needed() -> None:
    """It names what packhouse needs for itself, and the smallest limit."""
    with pytest.raises(UsageError, match="200MB is too small: packhouse itself needs about 150 MB") as caught:
        parse_memory("200MB")

    assert "at least 400MB" in caught.value.hint


def test_the_default_memory_is_at_most_two_gigabytes() -> None:
    """Without a word from the user the engine takes a quarter of the machine, and no more than 2 GB."""
    size = parse_memory(None)

    assert SMALLEST_MEMORY <= size <= 2 * 10**9
    assert size <= max(SMALLEST_MEMORY, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4)


@given(st.text(st.characters(codec="utf-8")))
@settings(deadline=None)
def test_quoted_text_is_that_text(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    """Every string comes back from DuckDB as it went in."""
    assert connection.execute(f"SELECT {quote_text(text)}").fetchall() == [(text,)]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
@settings(deadline=None)
def test_quoted_names_are_those_names(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Every name of a column can be written into a query."""
    described = connection.execute(f"DESCRIBE SELECT 1 AS {quote_name(name)}").fetchall()

    assert [row[0] for row in described] == [name]


@given(st.text("ab[]*?!-{},'\" .=~$", min_size=1, max_size=8))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_quoted_paths_name_one_file(connection: duckdb.DuckDBPyConnection, tmp_path: Path, name: str) -> None:
    """Whatever characters of patterns a name has, DuckDB opens that file and no other."""
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    folder.mkdir()
    for other in ("a", "b", "ab", "aa", "a b"):
        pq.write_table(pa.table({"mine": [False]}), folder / f"{other}.parquet")
    pq.write_table(pa.table({"mine": [True]}), folder / f"{name}.parquet")

    rows = connection.execute(f"FROM {parquet_rows(folder / f'{name}.parquet')}").fetchall()

    assert rows == [(True,)]


def test_paths_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder named ~ in the current one is not the user's home."""
    monkeypatch.chdir(tmp_path)

    assert quote_path(Path("~/t.parquet")) == quote_text(str(tmp_path / "~" / "t.parquet"))


@pytest.mark.parametrize("own", ["n", "file_row_number", "FILE_ROW_NUMBER"])
def test_rows_are_numbered_whatever_the_columns_are_called(engine: Engine, tmp_path: Path, own: str) -> None:
    """The numbers follow the file, also when it has a column of the name DuckDB gives to them."""
    path = tmp_path / "t.parquet"
    values = [f"{n * 7919 % 300_000}" for n in range(300_000)]
    pq.write_table(pa.table({own: values, "file_row_number_": values}), path, row_group_size=50_000)
    engine.query("SET threads=2")

    rows, number = numbered_rows(path, [own, "file_row_number_"])
    found = engine.query(f"FROM {rows} ORDER BY {number}")

    assert [row[0] for row in found] == values


def interrupt_when(ready: threading.Event) -> threading.Thread:
    """Send this process a Ctrl-C once something is ready."""

    def wait_and_kill() -> None:
        ready.wait(PATIENCE_S)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=wait_and_kill)
    thread.start()
    return thread


def test_ctrl_c_ends_a_query(engine: Engine) -> None:
    """A query that would run for ages ends with KeyboardInterrupt, and the engine answers the next one."""
    running = threading.Event()
    killer = interrupt_when(running)

    with pytest.raises(KeyboardInterrupt):
        engine.query(ENDLESS, on_percent=lambda _: running.set())

    killer.join()
    assert engine.query("SELECT 42") == [(42,)]
    assert not [thread for thread in threading.enumerate() if thread.name == "packhouse-duckdb"]


def test_ctrl_c_leaves_no_half_written_file(engine: Engine, tmp_path: Path) -> None:
    """When KeyboardInterrupt arrives the Parquet file is gone, and the engine streams the next query."""
    target = tmp_path / "t.parquet"
    bench = Workbench(tmp_path, "zstd", silent, engine)
    running = threading.Event()
    killer = interrupt_when(running)

    with pytest.raises(KeyboardInterrupt):
        write_query(
            bench, ENDLESS_ROWS, target, names=["n", "h"], metadata={}, on_rows=lambda _: running.set()
        )

    killer.join()
    assert not target.exists()
    assert (
        write_query(bench, "SELECT 1 AS n", target, names=["n"], metadata={}, on_rows=lambda _: None)
        == pq.ParquetFile(target).metadata.num_rows
    )


def test_several_queries_make_one_file(engine: Engine, tmp_path: Path) -> None:
    """Their rows follow each other, in batches that are written while the next query runs."""
    target = tmp_path / "t.parquet"
    bench = Workbench(tmp_path, "zstd", silent, engine)
    queries = [f"FROM range({start}, {start + 50_000})" for start in range(0, 400_000, 50_000)]
    told: list[int] = []

    rows = write_query(bench, queries, target, names=["n"], metadata={}, on_rows=told.append)

    file = pq.ParquetFile(target)
    assert file.read()["n"].to_pylist() == list(range(400_000))
    assert [file.metadata.row_group(n).num_rows for n in range(4)] == [122_880, 122_880, 122_880, 31_360]
    assert (rows, told[-1]) == (400_000, 400_000)
    assert told == sorted(told)


def test_ctrl_c_in_a_later_query_leaves_nothing(engine: Engine, tmp_path: Path) -> None:
    """The file is gone, its thread too, and none of the queries that follow is begun."""
    target = tmp_path / "t.parquet"
    bench = Workbench(tmp_path, "zstd", silent, engine)
    running = threading.Event()
    killer = interrupt_when(running)
    late = "SELECT CAST(error('begun') AS BIGINT) AS n, hash(1) AS h"
    queries = ["SELECT CAST(1 AS BIGINT) AS n, hash(1) AS h", ENDLESS_ROWS, late]

    with pytest.raises(KeyboardInterrupt):
        write_query(
            bench,
            queries,
            target,
            names=["n", "h"],
            metadata={},
            on_rows=lambda rows: running.set() if rows > 1 else None,
        )

    killer.join()
    assert not target.exists()
    assert not [one.name for one in threading.enumerate() if one.name.startswith("packhouse")]
    assert engine.query("SELECT 42") == [(42,)]


@pytest.mark.parametrize("sql", ["SELECT 1 AS n", "SELECT range AS n FROM range(1000000000000)"])
def test_what_fails_while_writing_reaches_the_caller(engine: Engine, tmp_path: Path, sql: str) -> None:
    """Also from the thread that writes, at the first batch as after the last; no file is left."""
    target = tmp_path / "t.parquet"
    bench = Workbench(tmp_path, "zstd", silent, engine)

    def fail(_rows: int) -> None:
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        write_query(bench, sql, target, names=["n"], metadata={}, on_rows=fail)

    assert not target.exists()
    assert engine.query("SELECT 42") == [(42,)]


class LateConnection:
    """A connection whose queries begin only after the first interrupt, which is therefore lost."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.interrupts = 0
        self.interrupted = threading.Event()

    def execute(self, sql: str, parameters: Sequence[object]) -> duckdb.DuckDBPyConnection:
        """Run a query, late."""
        self.interrupted.wait(PATIENCE_S)
        return self.connection.execute(sql, parameters)

    def interrupt(self) -> None:
        """Pass an interrupt on, and let the next one follow a second Ctrl-C."""
        self.interrupts += 1
        self.connection.interrupt()
        self.interrupted.set()
        if self.interrupts < 3:
            raise KeyboardInterrupt

    def query_progress(self) -> float:
        """Press Ctrl-C, as it were."""
        raise KeyboardInterrupt


def test_the_query_has_ended_when_ctrl_c_arrives(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither an interrupt that came too early nor more Ctrl-Cs leave the query running behind the caller."""
    late = LateConnection(engine._connection)

    with monkeypatch.context() as patch:
        patch.setattr(engine, "_connection", late)
        with pytest.raises(KeyboardInterrupt):
            engine.query(ENDLESS, on_percent=lambda _: None)

    assert late.interrupts > 2
    assert engine.query("SELECT 42") == [(42,)]


@pytest.mark.parametrize("started", [True, False])
def test_ctrl_c_while_the_thread_starts(
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    started: bool,  # noqa: FBT001  # a parameter of the table above
) -> None:
    """Ctrl-C in the first instant neither hangs nor leaves the query running."""
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        if started:
            start(thread)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            engine.query(ENDLESS)

    assert engine.query("SELECT 42") == [(42,)]
    assert engine.stream(["SELECT 1 AS n"], count_rows, rows=10) == 1


def test_an_observer_that_raises_ends_the_query(engine: Engine) -> None:
    """Whatever an observer raises stops the work and reaches the caller."""

    def refuse(_percent: float) -> None:
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        engine.query(ENDLESS, on_percent=refuse)

    assert engine.query("SELECT 42") == [(42,)]


def test_progress_is_told_in_percent(engine: Engine) -> None:
    """The observer of a query hears numbers from 0 to 100."""
    told: list[float] = []

    engine.query("SELECT count(*) FROM range(50000000) WHERE hash(range) % 2 = 0", on_percent=told.append)

    assert told
    assert all(0 <= percent <= 100 for percent in told)


@pytest.mark.parametrize("kind", [ValueError, KeyError, TableError])
def test_what_a_consumer_raises_reaches_the_caller(engine: Engine, kind: type[Exception]) -> None:
    """An exception of the consumer is passed on as it is, and the next query runs at once."""
    error = kind("mine")
    kept: list[Stream] = []

    def consume(stream: Stream) -> None:
        kept.append(stream)
        next(iter(stream))
        raise error

    with pytest.raises(kind, match="mine") as caught:
        engine.stream([ENDLESS_ROWS], consume, rows=1000)

    assert caught.value is error
    assert engine.query("SELECT 42") == [(42,)]


def test_a_full_disk_is_told_so_and_leaves_no_file(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the last flush finds no room the file goes, and the error is about space."""

    def no_room(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    bench = Workbench(tmp_path, "zstd", silent, engine)
    monkeypatch.setattr(os, "fsync", no_room)

    with pytest.raises(NoSpaceError, match="ran full"):
        write_query(
            bench, "SELECT 1", tmp_path / "t.parquet", names=["n"], metadata={}, on_rows=lambda _: None
        )

    assert not (tmp_path / "t.parquet").exists()


LIMITED = """
import gc, os, resource, signal, sys
from pathlib import Path
import pyarrow as pa
from packhouse._src.parquet_ import ParquetSink
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
batch = pa.record_batch({"text": os.urandom(400_000).hex().split("7")})
try:
    with ParquetSink(Path(sys.argv[1]), batch.schema, metadata={}, row_group_rows=10_000) as sink:
        for _ in range(10):
            sink.write(batch)
except OSError as err:
    print(type(err).__name__, err.errno)
del sink
gc.collect()
"""


def test_a_file_that_cannot_grow_is_removed(tmp_path: Path) -> None:
    """Where the system takes no more bytes nothing is left, neither a file nor words on stderr."""
    target = tmp_path / "t.parquet"

    run = subprocess.run(
        [sys.executable, "-c", LIMITED, target],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )

    assert run.stdout == f"OSError {errno.EFBIG}\n"
    assert run.stderr == ""
    assert not target.exists()


@pytest.mark.parametrize(
    "sql", ["SELECT len(list(range)) FROM range(100000000)", "SELECT list(range) AS l FROM range(100000000)"]
)
def test_too_little_memory_is_told_so(engine: Engine, sql: str) -> None:
    """What cannot be spilled ends with an error that names the option."""
    for ask in (lambda: engine.query(sql), lambda: engine.stream([sql], count_rows, rows=100)):
        with pytest.raises(TableError, match="needs more memory than the limit allows") as caught:
            ask()

        assert "--memory-limit" in caught.value.hint
    assert engine.query("SELECT 42") == [(42,)]


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("SELECT nope FROM range(3)", "Binder Error: Referenced column"),
        ("SELECT csv_nope AS CSV FROM range(3)", "Binder Error: Referenced column"),
        ("SELECT * FROM 'CSV/nope.parquet'", "IO Error: No files found"),
        ("SELECT CAST('No space left' AS INT)", "Conversion Error: Could not convert string"),
        ("SELECT CAST('Out of Memory Error' AS INT)", "Conversion Error: Could not convert string"),
        ("SELEC 1", "Parser Error: syntax error"),
    ],
)
def test_statements_that_do_not_run(engine: Engine, sql: str, problem: str) -> None:
    """The kind of an error is DuckDB's, not guessed from words that the statement holds."""
    with pytest.raises(QueryError) as caught:
        engine.query(sql)

    assert caught.value.problem.startswith(problem)
    assert "LINE 1" not in str(caught.value)


@pytest.mark.parametrize(
    ("raised", "kind", "problem"),
    [
        (OSError("Conversion Error: no\n\nLINE 1: SELECT"), QueryError, "Conversion Error: no"),
        (OSError(errno.ENOSPC, "No space left on device"), NoSpaceError, "the disk ran full"),
        (OSError("IO Error: No space left on device"), NoSpaceError, "the disk ran full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), NoSpaceError, "the disk ran full"),
        (
            OSError("IO Error: Could not write: Disk quota exceeded"),
            NoSpaceError,
            "the disk ran full",
        ),
        (OSError("Out of Memory Error: 5 bytes"), TableError, "needs more memory"),
        (NoSpaceError("mine"), NoSpaceError, "mine"),
    ],
)
def test_errors_that_come_through_arrow(raised: Exception, kind: type[PackhouseError], problem: str) -> None:
    """Arrow hands DuckDB's errors on as OSError; they are told apart by their first words."""
    with pytest.raises(kind) as caught, translated():
        raise raised

    assert caught.value.problem.startswith(problem)
    assert type(caught.value) is kind


def test_other_exceptions_pass() -> None:
    """What is neither DuckDB's nor the system's is not ours to translate."""
    with pytest.raises(ZeroDivisionError), translated():
        raise ZeroDivisionError


def test_the_engine_installs_nothing(engine: Engine) -> None:
    """No extension is fetched from the network by a query that would need one."""
    settings_of: Callable[[str], Any] = lambda name: engine.query(f"SELECT current_setting('{name}')")[0][0]  # noqa: E731

    assert settings_of("autoinstall_known_extensions") is False
    assert settings_of("autoload_known_extensions") is False
    assert settings_of("preserve_insertion_order") is True
