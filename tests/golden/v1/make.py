"""Makes the golden pack of format version 1: run once, by the code of the day; every later version reads it.

    python tests/golden/v1/make.py FOLDER

What is in it was written with Pillow and csv alone; `expected.json` has what hashlib and csv say of it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import packhouse

JOIN = "train = sales + customers on customer_id"


def picture(seed: int, kind: str = "JPEG", size: tuple[int, int] = (24, 36)) -> bytes:
    """Return a small picture of its own."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (4, 3, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).save(buffer, kind)
    return buffer.getvalue()


def images() -> dict[str, bytes]:
    """Return path below SRC -> bytes."""
    made = {f"images/{n % 3:03d}/0{108775015 + n}.jpg": picture(n) for n in range(12)}
    made["images/000/twice.jpg"] = picture(20)
    made["images/000/twice.png"] = picture(21, "PNG")
    made["images/deep/er/still/Größe 1.webp"] = picture(22, "WEBP")
    made["images/001/cut.jpg"] = picture(23)[:300]
    made["images/001/nothing.jpg"] = b""
    made["images/002/text.jpg"] = b"this is no picture"
    return made


def tables() -> dict[str, list[list[str]]]:
    """Return path below SRC -> header and rows."""
    ids = [f"0{108775015 + n}" for n in range(14)]
    articles = [["article_id", "name", "code", "detail", "weight", "since", "sold"]]
    for n, one in enumerate(ids):
        detail = ["", 'a "quoted" word', "two\nlines", "a,b"][n % 4]
        weight = "" if n % 5 == 0 else f"{n}.25"
        articles.append(
            [
                one,
                f"Dress {n % 4}",
                f"{n:02d}",
                detail,
                weight,
                f"2018-09-{n + 1:02d}",
                ["True", "False"][n % 2],
            ]
        )
    customers = [["customer_id", "age"], *([f"{n:016x}", "" if n == 3 else str(20 + n)] for n in range(8))]
    sales = [["day", "customer_id", "article_id", "qty", "big"]]
    sales.extend(
        [f"2019-01-{n % 28 + 1:02d}", f"{n * 5 % 8:016x}", ids[n * 7 % 14], str(n % 9 - 1), str(2**53 + n)]
        for n in range(40)
    )
    return {"articles.csv": articles, "customers.csv": customers, "sales.csv": sales}


def main(folder: Path) -> None:
    """Write source, pack and what is expected of it below a folder; the source is taken away again."""
    source, dest = folder / "source", folder / "pack"
    for path, data in images().items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes(data)
    for path, rows in tables().items():
        with (source / path).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
    shutil.rmtree(dest, ignore_errors=True)
    packhouse.pack(source, dest, joins=[JOIN])
    packhouse.derive(dest, size=16)
    expected = {
        "images": {path: hashlib.sha256(data).hexdigest() for path, data in sorted(images().items())},
        "tables": tables(),
    }
    (folder / "expected.json").write_text(
        json.dumps(expected, indent=1, ensure_ascii=False), encoding="utf-8"
    )
    shutil.rmtree(source)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
