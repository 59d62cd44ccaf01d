"""Which images, with which labels and columns: of real packs, against pandas and Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import packhouse
from packhouse._src.opening import Pack
from packhouse.errors import ColumnNotFoundError, QueryError, UsageError
from small_dataset import jpeg, write_dataset

ROWS = """\
name,kind,size,price,sold,when,rare
a,dress,1,0.5,true,2020-01-02,
b,coat,2,1.5,false,2020-01-03,x
c,dress,3,2.5,true,2020-01-02,y
d,,2,3.5,false,2020-01-04,
b,shoe,9,9.5,true,2021-01-01,z
zzz,hat,7,7.5,true,2022-01-01,q
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """Images train/{a,b,e}, val/{c,d} in two classes each; a table with two rows of b and none of e."""
    folder = tmp_path_factory.mktemp("shop")
    for number, path in enumerate(("train/cat/a", "train/dog/b", "train/cat/e", "val/cat/c", "val/dog/d")):
        (folder / "src" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "src" / f"{path}.jpg").write_bytes(jpeg(number, width=20 + number))
    (folder / "src/things.csv").write_text(ROWS)
    (folder / "src/other.csv").write_text("width,colour\n1,red\n2,blue\n")
    packhouse.pack(folder / "src", folder / "shop.pack", link="things.name")
    return packhouse.open(folder / "shop.pack")


def test_a_folder_at_the_top_is_a_split(shop: Pack) -> None:
    """Of its name, not of one that begins like it; the folder is no part of the class."""
    train, val = (
        shop.samples(size=8, split="train", label="group"),
        shop.samples(size=8, split="val", label="group"),
    )

    assert train.keys == ["train/cat/a", "train/cat/e", "train/dog/b"]
    assert val.keys == ["val/cat/c", "val/dog/d"]
    assert train.classes == val.classes == ["cat", "dog"]
    assert train.labels is not None
    assert [train.classes[label] for label in train.labels] == ["cat", "cat", "dog"]
    with pytest.raises(UsageError, match=r"split='tra'.*train, val") as caught:
        shop.samples(size=8, split="tra")
    assert "one of these names" in str(caught.value)


def test_classes_are_those_of_the_whole_pack(shop: Pack) -> None:
    """So training and validation agree on the numbers, whatever was chosen."""
    for where in ("things.kind = 'dress'", "\"group\" LIKE '%dog' AND kind IS NOT NULL"):
        samples = shop.samples(size=8, label="things.kind", where=where, split="all")
        assert samples.classes == ["coat", "dress"]
        assert samples.labels is not None
        for key, label in zip(samples.keys, samples.labels, strict=True):
            row = shop.row(key)
            assert row is not None
            assert samples.classes[label] == row["kind"]


@pytest.mark.parametrize(
    ("label", "classes"),
    [
        ("size", [1, 2, 3]),
        ("sold", [False, True]),
        ("media_type", ["image/jpeg"]),
        ("image_index.width", range(20, 25)),
    ],
)
def test_integers_booleans_and_facts_make_classes(shop: Pack, label: str, classes: list[object]) -> None:
    """The first row of an image counts: b has size 2, not 9."""
    where = None if label in ("media_type", "image_index.width") else "things.name IS NOT NULL"

    samples = shop.samples(size=8, label=label, where=where, split="all")

    assert samples.classes == list(classes)


def test_what_makes_no_class_is_refused(shop: Pack) -> None:
    """Floating-point numbers, images without a row or value, and names that are none or several."""
    with pytest.raises(UsageError, match="columns="):
        shop.samples(size=8, label="things.price", split="all")
    with pytest.raises(UsageError, match=r"train/cat/e and 1 others.*\n.*\n?.*IS NOT NULL"):
        shop.samples(size=8, label="things.kind", split="all")
    with pytest.raises(ColumnNotFoundError, match="did you mean kind"):
        shop.samples(size=8, label="kinds", split="all")
    with pytest.raises(ColumnNotFoundError, match=r"things\.kind"):
        shop.samples(size=8, label="things.kinds", split="all")
    with pytest.raises(UsageError, match="not linked"):
        shop.samples(size=8, columns="other.colour", split="all")
    with pytest.raises(UsageError, match=r"image_index\.name or things\.name"):
        shop.samples(size=8, columns="name", split="all")
    with pytest.raises(QueryError):
        shop.samples(size=8, where="things.nothing = 1")
    with pytest.raises(UsageError, match="no image matches where='width > 999'"):
        shop.samples(size=8, where="width > 999")


def test_columns_are_the_rows_values(shop: Pack) -> None:
    """As pandas reads the CSV file; None where there is none, and one dtype for every batch."""
    table = pd.read_csv(shop.path.parent / "src/things.csv", keep_default_na=False).groupby("name").first()
    names = ("kind", "size", "price", "sold", "when", "rare", "things.name", "width")
    some = shop.samples(size=8, columns=names, where="things.name IS NOT NULL", split="all")

    batch = some.batch(range(len(some)))
    for name, values in batch.columns.items():
        for key, value in zip(batch.keys, values.tolist(), strict=True):
            stem = key.rpartition("/")[2]
            if name == "width":
                assert value == shop.images[key].width
                continue
            expected = stem if name == "things.name" else table.loc[stem, name]
            assert str(value if value is not None else "") == str(expected)
    kinds = "".join(batch.columns[name].dtype.kind for name in names)
    assert kinds == "OifbMOOi"
    every = shop.samples(size=8, columns=names, split="all")
    dtypes = [
        {name: values.dtype for name, values in every.batch([place]).columns.items()} for place in range(5)
    ]
    assert all(one == dtypes[0] for one in dtypes)
    assert every.batch([1]).columns["size"].tolist() == [None]  # train/cat/e has no row


def test_where_finds_what_the_pack_finds(tmp_path: Path) -> None:
    """The same keys, in their order; together with a split those of both."""
    dataset = write_dataset(tmp_path / "src", images=60)
    packhouse.pack(dataset.folder, tmp_path / "p.pack")
    with packhouse.open(tmp_path / "p.pack") as pack:
        where = "articles.colour_group_code > '05'"
        found = pack.find(where)
        assert pack.samples(size=8, where=where).keys == found
        halves = [pack.samples(size=8, where=where, split=name, val=0.4).keys for name in ("train", "val")]
        assert sorted(halves[0] + halves[1]) == found
        assert not set(halves[0]) & set(halves[1])


@settings(max_examples=30, deadline=None)
@given(val=st.floats(0.01, 0.99), seed=st.integers(0, 5))
def test_hashed_splits_part_the_pack(pictures: Path, val: float, seed: int) -> None:
    """Each image is in one of the two, the same one whatever the seed of the loader."""
    pack = packhouse.open(pictures)
    parts = list[list[str]]()
    for name in ("train", "val"):
        try:
            parts.append(pack.samples(size=8, split=name, val=val, seed=seed).keys)
        except UsageError:
            parts.append([])
    assert sorted(parts[0] + parts[1]) == list(pack.images)
    other = val / 2
    try:
        smaller = pack.samples(size=8, split="val", val=other).keys
    except UsageError:
        smaller = []
    assert set(smaller) <= set(parts[1])


def test_a_hashed_split_needs_a_name(pictures: Path) -> None:
    """One of its two, "train" or "val"."""
    pack = packhouse.open(pictures)
    with pytest.raises(UsageError, match="say which part"):
        pack.samples(size=8, val=0.1)
    with pytest.raises(UsageError, match=r"no such folder(.*\n)*.*test=0\.1"):
        pack.samples(size=8, split="test", val=0.1)


def test_batches_carry_labels_and_columns_with_their_images(shop: Pack) -> None:
    """However they are shuffled, and with broken images left out."""
    options: dict[str, Any] = {"label": "group", "columns": ("image_index.name", "width"), "split": "all"}
    loader = shop.loader(batch_size=2, size=8, **options)
    for batch in [*loader, *loader]:
        assert batch.labels is not None
        assert batch.labels.dtype == np.int64
        assert loader.classes is not None
        assert [loader.classes[label] for label in batch.labels] == [key.split("/")[1] for key in batch.keys]
        assert batch.columns["image_index.name"].tolist() == [key.rpartition("/")[2] for key in batch.keys]
        assert batch.columns["width"].tolist() == [shop.images[key].width for key in batch.keys]


@pytest.fixture(scope="module")
def doubles(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """The same names in two folders, and a table that has names alone, but for one whole key."""
    folder = tmp_path_factory.mktemp("doubles")
    for number, name in enumerate(("one/a", "one/b", "one/c", "two/a", "two/b", "two/d")):
        path = folder / "src" / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(number, width=16))
    (folder / "src/facts.csv").write_text("name,kind\na,x\nb,y\nc,x\ntwo/b,z\nd,\n")
    packhouse.pack(folder / "src", folder / "doubles.pack")
    return packhouse.open(folder / "doubles.pack")


def test_rows_that_name_several_images_label_none_of_them(doubles: Pack) -> None:
    """The loader says so, and agrees with `rows`: what has a label has a row that says it."""
    with pytest.raises(
        UsageError, match=r"one/a and 3 others(.*\n)*.*several(.*\n)*.*on_unlabelled"
    ) as caught:
        doubles.samples(size=8, label="kind")
    with pytest.warns(UserWarning, match="only 2 of 6 chosen images"):
        samples = doubles.samples(size=8, label="kind", on_unlabelled="skip")

    assert "3 of them are named by rows that name several" in str(caught.value).replace("\n", " ")
    assert samples.keys == ["one/c", "two/b"]
    assert samples.classes == ["x", "z"]
    assert samples.targets == [0, 1]
    assert samples.unlabelled == ["one/a", "one/b", "two/a", "two/d"]
    for key in doubles.images:
        (row,) = doubles.rows(key)["facts"] or [{"kind": None}]
        assert (row["kind"] is not None) == (key in samples.keys)
    where = doubles.samples(size=8, label="kind", where="kind IS NOT NULL")
    assert where.keys == samples.keys


def test_a_label_that_no_chosen_image_has_is_an_error(doubles: Pack) -> None:
    """Even where images without one are to be left out: nothing would be left."""
    with pytest.raises(UsageError, match=r"two/d(.*\n)*.*no row, or no value"):
        doubles.samples(size=8, label="kind", where="key = 'two/d'", on_unlabelled="skip")
