"""`packhouse.derive`: smaller copies beside the originals, all of them or none."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image, ImageOps

import packhouse
from packhouse._src.opening import Pack
from packhouse.errors import DestinationExistsError, NotAPackError, UsageError
from small_dataset import jpeg


def turned(seed: int) -> bytes:
    """Return a JPEG that lies on its side, as its EXIF says."""
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.open(io.BytesIO(jpeg(seed, width=300, height=200))).save(buffer, "JPEG", quality=95, exif=exif)
    return buffer.getvalue()


def png(seed: int) -> bytes:
    """Return a PNG with transparency."""
    image = Image.open(io.BytesIO(jpeg(seed, width=150, height=260))).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


FILES = {
    "a/large.jpg": jpeg(1, width=400, height=250),
    "a/small.jpg": jpeg(2, width=90, height=60),
    "a/turned.jpg": turned(3),
    "b/alpha.png": png(4),
    "b/text.jpg": b"no picture",
    "b/cut.jpg": jpeg(5, width=300, height=300)[:-300],
    "c/tall.jpg": jpeg(6, width=100, height=900),
}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A pack of seven images: four larger than 96 pixels, one not, two broken."""
    for name, data in FILES.items():
        (tmp_path / "src" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / name).write_bytes(data)
    packhouse.pack(tmp_path / "src", tmp_path / "p.pack")
    return tmp_path / "p.pack"


def contents(pack: Path) -> dict[str, bytes]:
    """Return all files of a pack."""
    return {
        path.relative_to(pack).as_posix(): path.read_bytes() for path in pack.rglob("*") if path.is_file()
    }


def test_a_derived_store_has_the_same_images_smaller(made: Path) -> None:
    """Upright JPEGs, the shorter side as asked for, near to what Pillow makes; originals stay."""
    before = contents(made)
    report = packhouse.derive(made, 96)

    assert (report.images, report.scaled, report.copied) == (7, 4, 1)
    assert set(report.problems) == {"b/cut", "b/text"}
    assert {
        name: data for name, data in contents(made).items() if name in before and name != "pack.json"
    } == {name: data for name, data in before.items() if name != "pack.json"}
    with packhouse.open(made) as pack:
        (store,) = pack.derived.values()
        assert list(store) == list(pack.images)
        for name, data in FILES.items():
            image, key = store[name.rpartition(".")[0]], name.rpartition(".")[0]
            if key in {"a/small", "b/text", "b/cut"}:
                assert image.bytes == data
                continue
            theirs = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGBA")
            white = Image.alpha_composite(Image.new("RGBA", theirs.size, "white"), theirs).convert("RGB")
            scale = 96 / min(white.size)
            wanted = white.resize(
                (round(white.width * scale), round(white.height * scale)), Image.Resampling.BILINEAR
            )
            ours = Image.open(io.BytesIO(image.bytes))
            assert (ours.format, ours.mode, ours.size) == ("JPEG", "RGB", wanted.size)
            error = np.square(np.asarray(ours, float) - np.asarray(wanted, float)).mean()
            assert 10 * np.log10(255**2 / error) > 30
        with h5py.File(store.path) as file:
            assert bytes(file["a/large"][()]) == store["a/large"].bytes


def test_the_loader_takes_what_covers_the_size(made: Path) -> None:
    """And says so; the originals for larger sizes, for random-resized crops, and when told."""
    packhouse.derive(made, 96)
    packhouse.derive(made, 64)
    with packhouse.open(made) as pack:
        where = "problem IS NULL"

        def store(**options: object) -> str:
            loader = pack.loader(where=where, **options)  # type: ignore[arg-type]
            assert f"{made.name}/{loader.stats.store}>" in repr(loader)
            return loader.stats.store

        assert store(size=64) == "derived-64/images.h5"
        assert store(size=(65, 40), crop="random") == "derived-96/images.h5"
        assert (
            store(size=97)
            == store(size=48, crop="random-resized")
            == store(size=48, crop="fit")
            == "images.h5"
        )
        assert store(size=48, derived=False) == store(size=None) == "images.h5"
        assert store(size=200, derived=96) == "derived-96/images.h5"
        with pytest.raises(UsageError, match="64, 96"):
            store(size=48, derived=256)
        near, far = (
            next(iter(pack.loader(size=64, where=where, derived=one, shuffle=False))) for one in (96, False)
        )
        assert near.keys == far.keys
        assert np.abs(near.images.astype(int) - far.images).mean() < 6
        state = pack.loader(size=48, where=where, derived=False).state_dict()
        pack.loader(size=48, where=where).load_state_dict(state)


def test_what_is_broken_fails_in_both(made: Path) -> None:
    """By the same keys."""
    packhouse.derive(made, 96)
    with packhouse.open(made) as pack:
        broken = []
        for derived in (96, False):
            loader = pack.loader(size=64, on_error="skip", derived=derived)
            with pytest.warns(UserWarning, match="skipped"):
                list(loader)
            broken.append(set(loader.stats.broken))
        assert broken == [{"b/cut", "b/text"}] * 2


def test_the_same_bytes_for_any_number_of_workers(made: Path) -> None:
    """Made anew with overwrite."""
    packhouse.derive(made, 96, workers=1)
    first = contents(made)
    with pytest.raises(DestinationExistsError, match="already has a derived store of size 96"):
        packhouse.derive(made, 96)
    packhouse.derive(made, 96, workers=4, overwrite=True)

    assert contents(made) == first
    assert packhouse.verify(made).is_sound
    assert packhouse.verify(made).notes == ()


@pytest.mark.parametrize("name", ["images.h5", "image_index.parquet"])
def test_verify_finds_damage_in_a_derived_store(made: Path, name: str) -> None:
    """Any flipped bit in the middle of a file, or a missing file."""
    packhouse.derive(made, 96)
    path = made / "derived-96" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

    assert any(one.file == f"derived-96/{name}" for one in packhouse.verify(made).damaged)
    path.unlink()
    assert any(
        (one.file, one.what) == (f"derived-96/{name}", "is missing") for one in packhouse.verify(made).damaged
    )


def test_repair_and_update_say_that_it_is_gone(made: Path, tmp_path: Path) -> None:
    """It is made of the images whenever it is wanted."""
    packhouse.derive(made, 96)
    report = packhouse.repair(made, tmp_path / "mended.pack")
    assert [one.file for one in report.lost] == ["derived-96"]
    assert packhouse.verify(tmp_path / "mended.pack").is_sound
    assert packhouse.open(tmp_path / "mended.pack").derived == {}

    (tmp_path / "src" / "new.jpg").write_bytes(jpeg(77))  # a pack that is up to date stays as it is
    updated = packhouse.pack(tmp_path / "src", made, update=True).updated
    assert updated is not None
    assert updated.derived == ("96",)
    assert packhouse.open(made).derived == {}
    assert not (made / "derived-96").exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_stop_at_any_moment_leaves_all_or_nothing(
    made: Path, monkeypatch: pytest.MonkeyPatch, *, overwrite: bool
) -> None:
    """Each rename fails in turn; the pack opens, is sound, and the next run succeeds."""
    if overwrite:
        packhouse.derive(made, 96, quality=50)
    stops = 0
    for number in range(40):
        calls = 0

        def stop(*names: str | os.PathLike[str], really: object = os.replace, at: int = number) -> None:
            nonlocal calls
            calls += 1
            if calls == at + 1:
                raise KeyboardInterrupt
            really(*names)  # type: ignore[operator]

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", stop)
            patch.setattr(os, "rename", stop)
            try:
                packhouse.derive(made, 96, overwrite=overwrite)
            except KeyboardInterrupt:
                stops += 1
                assert packhouse.verify(made).is_sound
                with Pack(made) as pack:
                    for store in pack.derived.values():
                        assert list(store) == list(pack.images)
                continue
        break
    assert stops >= 2
    assert packhouse.verify(made).is_sound
    assert packhouse.verify(made).notes == ()
    assert list(packhouse.open(made).derived) == [96]


def test_what_cannot_be_derived_from_is_refused(made: Path, tmp_path: Path) -> None:
    """Numbers out of range, a lsingle HDF5 file, no pack."""
    for options in ({"size": 0}, {"quality": 0}, {"quality": 101}, {"workers": 0}):
        with pytest.raises(UsageError):
            packhouse.derive(made, **options)  # type: ignore[arg-type]
    (tmp_path / "lone.h5").write_bytes((made / "images.h5").read_bytes())
    with pytest.raises(UsageError, match="single HDF5 file"):
        packhouse.derive(tmp_path / "lone.h5")
    with pytest.raises(NotAPackError):
        packhouse.derive(tmp_path / "nothing")
    assert "derived" not in json.loads((made / "pack.json").read_text())
