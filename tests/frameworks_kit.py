"""What the tests of the adapters share: frameworks that may be absent, and a small data set to learn from."""

from __future__ import annotations

import csv
import importlib
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

os.environ.setdefault("KERAS_BACKEND", "torch")  # read when Keras is imported; else it wants TensorFlow
os.environ.setdefault("HF_HUB_OFFLINE", "1")

COLOURS = {"blue": (40, 60, 200), "green": (40, 200, 60), "red": (200, 60, 40)}
COUNT = 60
HEIGHT, WIDTH = 48, 36


def framework(module: str, *, extra: str) -> Any:  # noqa: ANN401
    """Import a framework; without it the tests of the file are skipped; in `make test-all` they fail."""
    if os.environ.get("PACKHOUSE_FRAMEWORKS") == "all":
        return importlib.import_module(module)
    reason = f'{module} is not installed: make test-all, or pip install "packhouse[{extra}]"'
    return pytest.importorskip(module, reason=reason)


def write_colours(folder: Path) -> dict[str, bytes]:
    """Write images of three colours and a table of them; return key -> bytes."""
    rng, files = np.random.default_rng(0), dict[str, bytes]()
    for number in range(COUNT):
        colour = sorted(COLOURS)[number % len(COLOURS)]
        noise = rng.normal(0, 30, (HEIGHT, WIDTH, 3))
        pixels = np.clip(np.array(COLOURS[colour]) + noise, 0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
        files[f"{colour}/{number:04d}"] = buffer.getvalue()
    for key, data in files.items():
        path = folder / "images" / f"{key}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    with (folder / "goods.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["sku", "name", "price", "stock"])
        for number in range(COUNT):
            writer.writerow([f"{number:04d}", f"Thing {number}", f"{number / 4:.2f}", number % 7 or ""])
    return files
