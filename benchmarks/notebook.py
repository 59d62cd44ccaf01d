"""The whole workflow that packhouse came from: a notebook's code against one `packhouse pack`.

105,100 JPEG files of 37 KB, 31.8 million transactions, customers, articles. The notebook flags the articles
that have an image, makes compressed Parquet of each table, joins transactions with customers, and puts the
images into one HDF5 file. Its code runs in one process; so does ours. Both are measured by time, by the most
memory that they have had in RAM, and by bytes. Our files of two runs are compared byte by byte.
"""

from __future__ import annotations

import filecmp
import json
import sys
from pathlib import Path
from typing import Any

from big_tables import JOIN, Ran, run
from measuring import FULL, OUT, PROGRAM, Scale, clear, heading, line, record, size_bytes, spread
from trees import retailer_folder, warm

IMAGES = 105_100
RUNS = 2

NOTEBOOK = """
import json, os, sys, time
import h5py, numpy, pandas

source, target = sys.argv[1:]
os.mkdir(target)
seconds, started = {}, time.perf_counter()

def done(step):
    global started
    seconds[step] = time.perf_counter() - started
    started = time.perf_counter()

tables = {}
for name in ("articles", "customers", "transactions_train", "sample_submission"):
    table = pandas.read_csv(f"{source}/{name}.csv", dtype={"article_id": str})
    if name == "articles":
        paths = (f"{source}/images/{one[:3]}/{one}.jpg" for one in table["article_id"])
        table["image"] = [os.path.exists(path) for path in paths]
    table.to_parquet(f"{target}/{name}.parquet", compression="gzip", index=False)
    tables[name] = table
done("tables")
merged = tables["transactions_train"].merge(tables["customers"], on="customer_id")
merged.to_parquet(f"{target}/train.parquet", compression="gzip", index=False)
del merged, tables, table
done("join")
with h5py.File(f"{target}/images.h5", "w") as file:
    for folder in sorted(os.listdir(f"{source}/images")):
        group = file.create_group(folder)
        for name in sorted(os.listdir(f"{source}/images/{folder}")):
            with open(f"{source}/images/{folder}/{name}", "rb") as image:
                data = numpy.frombuffer(image.read(), numpy.uint8)
            group.create_dataset(name.removesuffix(".jpg"), data=data)
done("images")
print(json.dumps(seconds))
"""


def measure(scale: Scale) -> None:
    """Print the table of the whole workflow."""
    share = scale.transactions / FULL.transactions
    images = max(1000, round(IMAGES * share))
    folder = retailer_folder(images=images, customers=scale.customers, transactions=scale.transactions)
    warm(folder)
    title = f"The notebook's workflow, {images:,} images of 37 KB, {scale.transactions:,} transactions"
    heading(title, "what", "the notebook", "`packhouse pack`", "ratio")
    other, packs = OUT / "notebook", [OUT / f"notebook-{number}.pack" for number in range(RUNS)]
    ours = []
    for pack in packs:
        clear(pack)
        ours.append(run(PROGRAM, "pack", folder, "-o", pack, "--join", JOIN, "--json"))
    clear(other)
    theirs = run(sys.executable, "-c", NOTEBOOK, folder, other)
    _print(ours, theirs, packs[0], other)
    line("files of two runs", "-", "identical" if _are_same(packs) else "**DIFFERENT**", "-")
    for path in (*packs, other):
        clear(path)


def _print(ours: list[Ran], theirs: Ran, pack: Path, other: Path) -> None:
    our_s = [one.seconds for one in ours]
    their_steps: dict[str, float] = json.loads(theirs.printed)
    our_steps: list[dict[str, float]] = [_report(one)["seconds"] for one in ours]
    record(
        "notebook",
        ours_s=our_s,
        ours_mb=[one.peak_mb for one in ours],
        our_steps=our_steps,
        notebook_s=theirs.seconds,
        notebook_mb=theirs.peak_mb,
        notebook_steps=their_steps,
    )
    line("whole, s", f"{theirs.seconds:.0f}", spread(our_s, digits=0), _times(theirs.seconds, min(our_s)))
    for name, steps in (("tables", ("tables", "link")), ("join", ("joins",)), ("images", ("scan", "images"))):
        our_step = [sum(one.get(step, 0) for step in steps) for one in our_steps]
        theirs_s = their_steps[name]
        line(f"{name}, s", f"{theirs_s:.0f}", spread(our_step, digits=0), _times(theirs_s, min(our_step)))
    most = max(one.peak_mb for one in ours)
    line("peak memory, MB", f"{theirs.peak_mb:,.0f}", f"{most:,.0f}", _times(theirs.peak_mb, most))
    sizes = [size_bytes(path) / 1e6 for path in (other, pack)]
    line("written, MB", *(f"{size:,.0f}" for size in sizes), _times(*sizes))


def _report(one: Ran) -> dict[str, Any]:
    return dict(json.loads(one.printed))


def _times(theirs: float, ours: float) -> str:
    return f"{theirs / max(ours, 1e-9):.1f}"


def _are_same(packs: list[Path]) -> bool:
    files = [sorted(path.relative_to(pack) for path in pack.rglob("*") if path.is_file()) for pack in packs]
    return files[0] == files[1] and all(
        filecmp.cmp(packs[0] / name, packs[1] / name, shallow=False) for name in files[0]
    )
