"""What packhouse does, from a made-up data set to a batch and a contact sheet: `make demo`.

usage: python examples/demo.py FOLDER      (FOLDER must not exist yet, or be empty)
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import packhouse

JOIN = "train = transactions_train + customers on customer_id"
BATCH = 64
COLUMNS, ROWS = 8, 4
TILE_WIDTH, TILE_HEIGHT, CAPTION_HEIGHT = 150, 200, 34


def run(*arguments: str) -> None:
    """Show and run one command line of packhouse."""
    shown = " ".join(f'"{part}"' if " " in part else part for part in arguments)
    print(f"\n$ packhouse {shown}", flush=True)
    program = Path(sys.executable).with_name("packhouse")
    done = subprocess.run([program, *arguments], check=False)
    if done.returncode not in {0, 3}:
        sys.exit(done.returncode)


def decode_batch(pack: packhouse.Pack, keys: list[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return (n, 224, 224, 3) uint8, RGB."""
    return np.stack([pack.images[key].decode(size=(224, 224)) for key in keys])


def contact_sheet(pack: packhouse.Pack, keys: list[str]) -> Image.Image:
    """Draw images in rows, each above the name and colour that its table row gives."""
    sheet = Image.new("RGB", (COLUMNS * TILE_WIDTH, ROWS * (TILE_HEIGHT + CAPTION_HEIGHT)), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(11)
    for place, key in enumerate(keys):
        row = pack.row(key) or {}
        x, y = place % COLUMNS * TILE_WIDTH, place // COLUMNS * (TILE_HEIGHT + CAPTION_HEIGHT)
        tile = pack.images[key].decode(size=(TILE_HEIGHT - 6, TILE_WIDTH - 6))
        sheet.paste(Image.fromarray(tile), (x + 3, y + 3))
        draw.text((x + 5, y + TILE_HEIGHT - 2), str(row.get("product_type_name", "")), "black", font)
        colour = f"{row.get('colour_group_name', '')}, {row.get('graphical_appearance_name', '')}"
        draw.text((x + 5, y + TILE_HEIGHT + 13), colour, "dimgray", font)
    return sheet


def main(folder: Path) -> None:
    """Sample, pack, open, decode, draw."""
    folder.mkdir(parents=True, exist_ok=True)
    source, dest = folder / "shop", folder / "shop.pack"
    run("sample", str(source))
    run("pack", str(source), "-o", str(dest), "--join", JOIN)

    print(f"\n>>> pack = packhouse.open({str(dest)!r})")
    started = time.perf_counter()
    pack = packhouse.open(dest)
    first = time.perf_counter() - started
    started = time.perf_counter()
    packhouse.open(dest).close()
    again = time.perf_counter() - started
    print(f"{pack}\nopened in {first * 1000:.0f} ms with all imports, again in {again * 1000:.1f} ms")

    keys = list(pack.images)
    step = max(1, len(keys) // BATCH)
    chosen = keys[::step][:BATCH]
    started = time.perf_counter()
    batch = decode_batch(pack, chosen)
    seconds = time.perf_counter() - started
    print(f"\ndecoded a batch {batch.shape} {batch.dtype} in {seconds * 1000:.0f} ms on one thread")

    dresses = pack.find("product_type_name = 'Dress' AND width >= 400")
    print(f"dresses at least 400 pixels wide: {len(dresses):,}, the first {dresses[:1]}")
    answer = pack.tables["train"].sql(
        "SELECT club_member_status AS member, count(*) AS bought, round(avg(price), 4) AS price "
        "FROM train GROUP BY 1 ORDER BY 2 DESC"
    )
    for row in answer.to_pylist():
        print(row)

    sheet = folder / "contact-sheet.jpg"
    contact_sheet(pack, chosen[: COLUMNS * ROWS]).save(sheet, quality=88)
    print(f"\ncontact sheet: {sheet}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
