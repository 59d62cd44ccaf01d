"""`packhouse pack` on tables: what it says of how they are written, and Ctrl-C in the middle of one."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

PROGRAM = Path(sys.executable).with_name("packhouse")


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run packhouse to its end."""
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False)


def test_ctrl_c_in_a_table_leaves_nothing_half_named(tmp_path: Path) -> None:
    """An interrupt while a table is written exits with 130 and leaves neither DEST nor a Parquet file."""
    source = tmp_path / "src"
    source.mkdir()
    rows = b"".join(b"%d,2020-01-01,0.%d,some words\n" % (n, n) for n in range(100_000, 200_000))
    (source / "big.csv").write_bytes(b"id,day,share,words\n" + rows * 40)
    process = subprocess.Popen(
        [PROGRAM, "pack", source, "-o", tmp_path / "big.pack"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    while not list(tmp_path.glob("big.pack.packing/*.parquet")) and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]

    assert process.returncode == 130
    assert "run the same command again" in said
    assert "Traceback" not in said
    assert sorted(os.listdir(tmp_path)) == ["src"]


def test_the_delimiter_is_said(tmp_path: Path) -> None:
    """Another delimiter than a comma is found, noted in the report, in a dry run and in pack.json."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a.csv").write_text("id;name\n01;x, y\n")
    (tmp_path / "src/b.tsv").write_text("id\tname\n1\tx\n")

    planned = run("pack", tmp_path / "src", "-o", tmp_path / "x.pack", "--dry-run").stdout
    packed = run("pack", tmp_path / "src", "-o", tmp_path / "x.pack").stdout

    for said in (planned, packed):
        assert "note: delimiter: ';', detected from the first lines" in said
        assert "note: delimiter: tabs, detected from the first lines" in said
    tables = json.loads((tmp_path / "x.pack/pack.json").read_text())["tables"]
    assert tables["a"]["notes"] == ["delimiter: ';', detected from the first lines"]
    assert pq.ParquetFile(tmp_path / "x.pack/a.parquet").read().to_pylist() == [{"id": "01", "name": "x, y"}]


def test_another_encoding_is_asked_for_and_read(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 name the line and the option; with it the table is read."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a.csv").write_bytes("id,name\n1,x\n2,größe\n".encode("cp1252"))
    (tmp_path / "src/b.csv").write_text("id\n1\n")

    refused = run("pack", tmp_path / "src", "-o", tmp_path / "x.pack")
    taken = run("pack", tmp_path / "src", "-o", tmp_path / "y.pack", "--encoding", "a=cp1252")
    wrong = run("pack", tmp_path / "src", "-o", tmp_path / "z.pack", "--encoding", "cp99")

    assert refused.returncode == 3
    said = "FAILED a.csv: is not UTF-8: byte 0xf6\n  in a.csv, line 3 [name]\n  try: set the encoding"
    assert said in refused.stdout
    assert (tmp_path / "x.pack/b.parquet").exists()
    assert taken.returncode == 0
    assert pq.ParquetFile(tmp_path / "y.pack/a.parquet").read()["name"].to_pylist() == ["x", "größe"]
    assert wrong.returncode == 2
    assert "'cp99' is not a text encoding" in wrong.stderr


def test_types_are_shown_with_reasons(tmp_path: Path) -> None:
    """Booleans, timestamps with a zone and text by zeros are in inspect with their counts."""
    (tmp_path / "src").mkdir()
    text = "id,ok,at\n007,true,2020-01-01T00:00:00+02:00\n8,false,2020-01-02T00:00:00+02:00\n"
    (tmp_path / "src/a.csv.gz").write_bytes(gzip.compress(text.encode()))

    run("pack", tmp_path / "src", "-o", tmp_path / "x.pack")
    said = run("inspect", tmp_path / "x.pack").stdout

    assert "id: string - text: 1 of 2 values starts with 0" in said
    assert "ok: bool - boolean: all 2 values are true or false" in said
    assert "at: timestamp[us, tz=+02:00] - timestamp: all 2 values are ISO timestamps in the zone" in said


def test_a_type_that_does_not_hold_names_the_line(tmp_path: Path) -> None:
    """A demanded type with a misfit stops that table, with line and text; the others are packed."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a.csv").write_text('n,text\n1,"two\nlines"\n2,b\nx3,c\n')
    (tmp_path / "src/b.csv").write_text("n\n1\n")

    done = run("pack", tmp_path / "src", "-o", tmp_path / "x.pack", "--types", "a.n=integer")

    assert done.returncode == 3
    assert "column 'n' cannot be integer: 1 of 3 values is not a whole number: 'x3'" in done.stdout
    assert "in a.csv, line 5" in done.stdout
    assert sorted(os.listdir(tmp_path / "x.pack")) == ["b.parquet", "pack.json"]


def test_zones_of_time_stamps_do_not_depend_on_the_host(tmp_path: Path) -> None:
    """Linked, sorted and joined tables keep the offset of their time stamps, whatever zone the host is in."""
    source = tmp_path / "src"
    (source / "images").mkdir(parents=True)
    (source / "images/a.jpg").write_bytes(b"")
    (source / "seen.csv").write_text(
        "id,moment,utc\nb,2020-01-02T00:00:00.5+02:00,2020-01-01 00:00:00Z\n"
        "a,2020-01-01T00:00:00+02:00,2020-01-01T10:00:00Z\n"
    )
    (source / "more.csv").write_text("id,note\na,x\nb,y\n")
    made: list[dict[str, bytes]] = []
    for zone in ("UTC", "America/New_York"):
        pack = tmp_path / f"{len(made)}.pack"
        command: list[str | Path] = [
            PROGRAM,
            "pack",
            source,
            "-o",
            pack,
            "--sort",
            "seen=moment",
            "--join",
            "j = more + seen on id",
        ]
        subprocess.run([*command, "--link", "seen.id"], env={**os.environ, "TZ": zone}, check=False)
        made.append({name: (pack / name).read_bytes() for name in ("seen.parquet", "j.parquet")})
        table = pq.ParquetFile(pack / "seen.parquet").read()
        asked = (
            "import packhouse, sys; t = packhouse.open(sys.argv[1]).tables['seen']; "
            "print(t.scan(where=\"moment < '2020-01-01'\").to_arrow()['moment'].type); "
            "print(t.sql('SELECT hour(utc) AS h FROM seen')['h'].to_pylist())"
        )
        said = subprocess.run(
            [sys.executable, "-c", asked, pack],
            env={**os.environ, "TZ": zone},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

        assert [str(kind) for kind in table.schema.types[:3]] == [
            "string",
            "timestamp[us, tz=+02:00]",
            "timestamp[us, tz=UTC]",
        ]
        assert [value.isoformat() for value in table["moment"].to_pylist()] == [
            "2020-01-01T00:00:00+02:00",
            "2020-01-02T00:00:00.500000+02:00",
        ]
        assert said == "timestamp[us, tz=+02:00]\n[10, 0]\n"
    assert made[0] == made[1]
