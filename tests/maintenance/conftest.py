"""A small data set, its pack, and copies of the pack to be damaged."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

import packhouse
from small_dataset import JOIN, DataSet, write_dataset

ROW_GROUP_ROWS = 5


@pytest.fixture(autouse=True)
def _small_row_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small packs have several row groups; also when an index is written anew to be compared."""
    monkeypatch.setattr("packhouse._src.imagefile.index_file.INDEX_ROW_GROUP_ROWS", ROW_GROUP_ROWS)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    """The data set; not to be changed."""
    folder = tmp_path_factory.mktemp("maintenance") / "shop"
    folder.mkdir()
    return write_dataset(folder)


@pytest.fixture(scope="session")
def sound(shop: DataSet) -> Path:
    """The pack of the data set; not to be changed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("packhouse._src.imagefile.index_file.INDEX_ROW_GROUP_ROWS", ROW_GROUP_ROWS)
        packhouse.pack(shop.folder, shop.folder.with_name("shop.pack"), joins=[JOIN])
    return shop.folder.with_name("shop.pack")


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    """A copy of the pack, to be damaged."""
    return Path(shutil.copytree(sound, tmp_path / "copy.pack"))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A pack of 12 images of some hundred bytes, and key -> bytes."""
    root = tmp_path_factory.mktemp("small")
    rng = random.Random(5)
    truth = {f"{number % 3:03d}/{number:04d}": rng.randbytes(rng.randrange(300, 900)) for number in range(12)}
    for key, data in truth.items():
        path = root / "src" / f"{key}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("packhouse._src.imagefile.index_file.INDEX_ROW_GROUP_ROWS", ROW_GROUP_ROWS)
        packhouse.pack(root / "src", root / "small.pack")
    return root / "small.pack", truth


@pytest.fixture
def small_copy(small: tuple[Path, dict[str, bytes]], tmp_path: Path) -> Path:
    """A copy of the small pack, to be damaged."""
    return Path(shutil.copytree(small[0], tmp_path / "small.pack"))
