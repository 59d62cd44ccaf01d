"""What is left out says so, and what would take it: symbolic links, and files that packhouse left behind."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import packhouse
from packhouse.errors import SourceNotFoundError, UsageError
from small_dataset import jpeg


@pytest.mark.parametrize(
    ("target", "option"), [("elsewhere", "--follow-links=anywhere"), ("src/.real", "--follow-links")]
)
def test_links_alone_name_the_option_that_follows_them(tmp_path: Path, target: str, option: str) -> None:
    """The hint names the option that fits the targets, and with it the data set is packed."""
    (tmp_path / target).mkdir(parents=True)
    (tmp_path / "src").mkdir(exist_ok=True)
    (tmp_path / target / "a.jpg").write_bytes(jpeg(1))
    (tmp_path / "src/a.jpg").symlink_to(tmp_path / target / "a.jpg")

    with pytest.raises(SourceNotFoundError) as caught:
        packhouse.pack(tmp_path / "src", tmp_path / "a.pack")

    assert caught.value.hint is not None
    assert caught.value.hint.endswith(f": {option} follows them")
    follow: bool | str = option.partition("=")[2] or True
    assert packhouse.pack(tmp_path / "src", tmp_path / "a.pack", follow_links=follow).images is not None


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("kind", ["folder", "files"])
def test_a_split_of_links_is_named(tmp_path: Path, split: str, kind: str) -> None:
    """A split whose images are links that were not followed: the hint is not to divide the rest."""
    for name in ("real/cat/a.jpg", "src/test/cat/b.jpg"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(jpeg(1))
    folder = {"train": "train", "val": "valid"}[split]
    if kind == "folder":
        (tmp_path / "src" / folder).symlink_to(tmp_path / "real")
    else:
        (tmp_path / "src" / folder / "cat").mkdir(parents=True)
        (tmp_path / "src" / folder / "cat/a.jpg").symlink_to(tmp_path / "real/cat/a.jpg")
    packhouse.pack(tmp_path / "src", tmp_path / "a.pack")

    with packhouse.open(tmp_path / "a.pack") as pack, pytest.raises(UsageError) as caught:
        pack.loader(1, size=8, label="group", split=split)

    assert f"{folder} " in str(caught.value)
    assert "--follow-links=anywhere" in str(caught.value)
    assert "0.1" not in str(caught.value)


def test_what_opening_an_hdf5_file_left_behind_is_no_table(tmp_path: Path) -> None:
    """The index and the labels beside the file are skipped; a table of that name alone is packed."""
    src = tmp_path / "src"
    src.mkdir()
    with h5py.File(src / "data.h5", "w") as file:
        file["images"] = np.zeros((4, 8, 8, 3), np.uint8)
        file["labels"] = np.arange(4)
    packhouse.open(src / "data.h5").close()
    assert {path.name for path in src.iterdir()} > {"data.h5.index.parquet", "data.h5.labels.parquet"}
    (src / "own.index.parquet").write_bytes((src / "data.h5.labels.parquet").read_bytes())

    report = packhouse.pack(src, tmp_path / "a.pack")

    assert {one.path for one in report.skipped} == {"data.h5.index.parquet", "data.h5.labels.parquet"}
    assert {"own.index"} < {table.name for table in report.tables}
    assert len(report.tables) == 2
