"""A file that another program is still writing is packed whole, or listed as failed."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

import packhouse
from small_dataset import jpeg

WHOLE = jpeg(5)
HALF = WHOLE[: len(WHOLE) // 2]


@pytest.mark.parametrize("how", ["appended", "in place"])
def test_half_a_jpeg_is_not_packed(tmp_path: Path, how: str) -> None:
    """Half of it is there when packing begins, the rest comes 100 ms later; in place, it is read again."""
    path = tmp_path / "src" / "b.jpg"
    path.parent.mkdir()
    (tmp_path / "src" / "a.jpg").write_bytes(jpeg(1))
    _ = packhouse.pack(tmp_path / "src", tmp_path / "warm.pack")
    path.write_bytes(HALF if how == "appended" else HALF + bytes(len(WHOLE) - len(HALF)))

    def finish() -> None:
        time.sleep(0.1)
        with path.open("r+b") as file:
            file.seek(len(HALF))
            file.write(WHOLE[len(HALF) :])

    writer = threading.Thread(target=finish)
    writer.start()
    report = packhouse.pack(tmp_path / "src", tmp_path / "a.pack")
    writer.join()

    images = packhouse.open(tmp_path / "a.pack").images
    if how == "appended":
        assert [(one.path, one.error) for one in report.failed] == [("b.jpg", "SourceChangedError")]
        assert list(images) == ["a"]
    else:
        assert images["b"].bytes == WHOLE
    assert packhouse.verify(tmp_path / "a.pack").is_sound
