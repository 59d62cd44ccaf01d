"""Generated headers, CSV files, archives and names, by Hypothesis with as many examples as the budget allows.

Each check raises where something is wrong. Hypothesis shrinks what it finds before it is reported.
"""

from __future__ import annotations

import csv
import io
import itertools
import random
import shutil
import tarfile
import traceback
import warnings
import zipfile
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from PIL import Image

import packhouse
from csv_cells import assert_same_cells, long_cells, records, without_blanks
from imagefile.test_any_tree import check_pack, trees, write_tree
from packhouse._src.images.decoding import decode
from packhouse._src.images.probing import MOST_SIDE, probe
from packhouse.errors import ImageError, PackhouseError
from soak.budget import Budget, Trials

AT_ONCE = 100
KINDS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
MOST_PIXELS = 1_000_000

Check = Callable[[Path, Any], None]


def picture(kind: str, seed: int) -> bytes:
    """Return a small picture in a format of Pillow."""
    rng = random.Random(seed)
    buffer = io.BytesIO()
    Image.frombytes("RGB", (9, 7), rng.randbytes(189)).save(buffer, kind)
    return buffer.getvalue()


PICTURES = {kind: picture(kind, number) for number, kind in enumerate(KINDS)}


@st.composite
def broken(draw: st.DrawFn, wholes: st.SearchStrategy[bytes], first: int) -> bytes:
    """Bytes with some fields at their extremes, some bytes changed, a part missing or double."""
    data = bytearray(draw(wholes))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, min(first, len(data) - 1)))
        width, order = draw(st.sampled_from((1, 2, 4))), draw(st.sampled_from(("little", "big")))
        value = draw(st.sampled_from(EXTREMES) | st.integers(0, 255)) % 256**width
        data[place : place + width] = value.to_bytes(width, order)
    how = draw(st.sampled_from(("whole", "whole", "cut", "gap", "double")))
    start, stop = sorted(draw(st.tuples(st.integers(0, len(data)), st.integers(0, len(data)))))
    if how == "cut":
        return bytes(data[:stop])
    if how == "gap":
        return bytes(data[:start] + data[stop:])
    return bytes(data[:stop] + data[start:]) if how == "double" else bytes(data)


def check_header(_folder: Path, data: bytes) -> None:
    """Probing never raises and gives sizes for an index; decoding gives pixels or an ImageError."""
    facts = probe(data)
    for side in (facts.width, facts.height):
        assert side is None or 0 < side <= MOST_SIDE
    try:
        pixels = decode(data, max_pixels=MOST_PIXELS)
    except ImageError:
        return
    assert pixels.ndim == 3
    assert pixels.shape[0] * pixels.shape[1] <= MOST_PIXELS


CELLS = st.text(st.sampled_from("ab01 9.,;-+eE'\"\t\n\rñ日#\\|"), max_size=6) | st.from_regex(
    r"-?0?[0-9]{1,19}(\.[0-9]{1,4})?|20[0-9]{2}-[01][0-9]-[0-3][0-9]|[Tt]rue|NULL|nan|inf|1e5", fullmatch=True
)


@st.composite
def csv_files(draw: st.DrawFn) -> tuple[str, str, bool]:
    """The text of a CSV file by Python's writer, and what it was written with."""
    width = draw(st.integers(1, 4))
    columns = [draw(st.lists(CELLS, min_size=1, max_size=4)) for _ in range(width)]
    body = [[draw(st.sampled_from(column)) for column in columns] for _ in range(draw(st.integers(1, 8)))]
    delimiter, end = draw(st.sampled_from(",;\t|")), draw(st.sampled_from(("\n", "\r\n")))
    # the writer of Python 3.11 leaves a lone carriage return without quotes; its reader ends the line there
    every = draw(st.booleans()) or any("\r" in cell for row in body for cell in row)
    out = io.StringIO()
    writer = csv.writer(
        out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL if every else csv.QUOTE_MINIMAL
    )
    writer.writerow([f"c{place}" for place in range(width)])
    writer.writerows(body)
    return out.getvalue(), delimiter, draw(st.booleans())


def check_csv(folder: Path, made: tuple[str, str, bool]) -> None:
    """Every cell comes back: the values are those of Python's csv module, in as many rows."""
    text, delimiter, with_bom = made
    (folder / "src").mkdir()
    (folder / "src" / "t.csv").write_bytes(text.encode("utf-8-sig" if with_bom else "utf-8"))
    report = packhouse.pack(folder / "src", folder / "a.pack", delimiter=[delimiter])
    (one,) = report.tables
    with long_cells():
        header, *body = [row for _line, row in records(text, delimiter)]
    rows = without_blanks(body, len(header))
    table = pq.ParquetFile(folder / "a.pack" / one.file).read()
    assert table.num_rows == len(rows)
    nulls = zip(
        *(table.column(place).is_null().to_pylist() for place in range(table.num_columns)), strict=True
    )
    cells = [
        [None if null and not cell else cell for cell, null in zip(row, marks, strict=True)]
        for row, marks in zip(rows, nulls, strict=True)
    ]
    assert_same_cells(cells, one, table)


MEMBERS = {"i/a.jpg": PICTURES["JPEG"], "i/b.png": PICTURES["PNG"], "t.csv": b"k,v\na,1\nb,2\n"}


def zipped(method: int) -> bytes:
    """Return a zip archive by Python's writer."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in MEMBERS.items():
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=method)
    return out.getvalue()


def tarred(mode: str, kind: int) -> bytes:
    """Return a tar archive by Python's writer."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=kind) as archive:  # type: ignore[call-overload]
        for name, data in MEMBERS.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    whole: bytes = out.getvalue()
    return whole


ARCHIVES = {
    "stored.zip": zipped(zipfile.ZIP_STORED),
    "deflated.zip": zipped(zipfile.ZIP_DEFLATED),
    "pax.tar": tarred("w", tarfile.PAX_FORMAT),
    "gnu.tar": tarred("w", tarfile.GNU_FORMAT),
    "one.tar.gz": tarred("w:gz", tarfile.PAX_FORMAT),
}


@st.composite
def archives(draw: st.DrawFn) -> tuple[str, bytes]:
    """An archive with changed fields, and its name."""
    name = draw(st.sampled_from(sorted(ARCHIVES)))
    return name, draw(broken(st.just(ARCHIVES[name]), len(ARCHIVES[name])))


def check_archive(folder: Path, made: tuple[str, bytes]) -> None:
    """Packed or refused by an error of ours; what is packed and has a checksum is what was put in."""
    name, data = made
    (folder / "src").mkdir()
    (folder / "src" / name).write_bytes(data)
    before = sorted(folder.rglob("*"))
    try:
        report = packhouse.pack(folder / "src" / name, folder / "a.pack")
    except PackhouseError:
        return
    finally:
        outside = [path for path in folder.rglob("*") if "a.pack" not in path.parts[len(folder.parts)]]
        assert sorted(outside) == before
    totals = report.totals
    assert totals.seen == totals.images + totals.tables + totals.skipped + totals.failed
    with packhouse.open(folder / "a.pack") as pack:
        known = set(MEMBERS.values())
        for image in pack.images.values() if pack.manifest["images"] else ():
            assert not name.endswith(".zip") or image.bytes in known | {b""}


def check_tree(folder: Path, paths: list[str]) -> None:
    """Whatever the names are: h5py finds every file, and `verify` and `extract` too."""
    files = write_tree(folder / "src", paths)
    report = packhouse.pack(folder / "src", folder / "a.pack")
    assert report.totals.images == len(files)
    check_pack(folder / "a.pack", files)
    packhouse.extract(folder / "a.pack", folder / "out")
    assert {
        path.relative_to(folder / "out").as_posix(): path.read_bytes()
        for path in (folder / "out").rglob("*")
        if path.is_file()
    } == files


def _generated(
    check: Check, examples: st.SearchStrategy[Any], folder: Path, budget: Budget
) -> Generator[Trials]:
    """Run one check with examples, some at a time."""
    for start in itertools.count(budget.seed):
        yield _some(check, examples, folder, start, min(AT_ONCE, budget.most))


def _some(check: Check, examples: st.SearchStrategy[Any], folder: Path, start: int, count: int) -> Trials:
    tried = itertools.count()

    @seed(start)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(made=examples)
    def run(made: Any) -> None:  # noqa: ANN401  # whatever the check takes
        place = folder / f"{start}-{next(tried)}"
        place.mkdir()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                check(place, made)
        finally:
            shutil.rmtree(place)

    try:
        run()
    except Exception:  # noqa: BLE001  # whatever it is, it is a finding
        return Trials(next(tried), (f"{check.__name__}, seed {start}: {traceback.format_exc()}",))
    return Trials(next(tried))


headers = partial(_generated, check_header, broken(st.sampled_from(list(PICTURES.values())), 60))
cells = partial(_generated, check_csv, csv_files())
damaged = partial(_generated, check_archive, archives())
names = partial(_generated, check_tree, trees())
