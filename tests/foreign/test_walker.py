"""The walk finds every image of an HDF5 file that others wrote, and opens nothing but that file."""

from __future__ import annotations

import io
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from packhouse._src.concurrency.helper_process import helper_command
from packhouse._src.foreign.evidence.layouts import NO_WISH
from packhouse._src.foreign.found import readable
from packhouse._src.foreign.walked import Walked
from packhouse._src.foreign.walker_process import walk_apart
from packhouse.errors import CorruptStoreError

SECRET = b"what only the owner of this file may read"
VLEN_BYTES = h5py.special_dtype(vlen=np.uint8)
VLEN_TEXT = h5py.special_dtype(vlen=bytes)

Maker = Callable[[h5py.File, Path], object]


def walk(path: Path) -> Walked:
    """Walk a file as packhouse does."""
    return walk_apart(path, path.stat().st_size)


def contents(path: Path, walked: Walked) -> dict[str, bytes]:
    """Cut what the walk found out of the file."""
    whole = path.read_bytes()
    return {image.key: whole[image.offset : image.offset + image.length] for image in walked.images}


def reasons(walked: Walked) -> dict[str, str]:
    """Path -> why it was refused."""
    return {one.path: one.reason for one in walked.refused}


def made(path: Path, make: Maker, **how: object) -> Path:
    """Make an HDF5 file with h5py."""
    with h5py.File(path, "w", **how) as file:
        make(file, path.parent)
    return path


def jpeg(seed: int) -> bytes:
    """Return a small JPEG."""
    buffer = io.BytesIO()
    Image.new("RGB", (8 + seed, 6), (seed, 90, 30)).save(buffer, "JPEG")
    return buffer.getvalue()


# --- what others write -------------------------------------------------------------------------------------


def test_the_notebooks_own_files(tmp_path: Path) -> None:
    """Scalar strings of fixed length in groups, as the notebook writes them; NULs at the end are kept."""
    images = {f"{row % 3:03d}/{row:010d}": jpeg(row) + b"\0" * (row % 4) for row in range(30)}
    images["010/only NULs"] = b"\0\0\0"

    def write(file: h5py.File, _: Path) -> None:
        for key, data in images.items():
            # np.string_ of NumPy 1 is np.bytes_; an array of one keeps the NULs that the scalar drops
            file.create_dataset(key, data=np.array(data, dtype=f"S{len(data)}"))

    path = made(tmp_path / "n.h5", write)
    walked = walk(path)

    assert contents(path, walked) == images
    assert (walked.refused, walked.helpers, walked.file_id) == ([], [], "")


def test_strings_as_numpy_makes_them(tmp_path: Path) -> None:
    """`create_dataset(name, data=np.bytes_(...))`: the bytes that h5py gives back, padded as stored."""
    data = jpeg(1)

    path = made(tmp_path / "n.h5", lambda file, _: file.create_dataset("a/b", data=np.bytes_(data)))

    assert contents(path, walk(path)) == {"a/b": data}


def write_every_form(file: h5py.File, _: Path) -> None:
    """One dataset of each form that holds one image."""
    data = jpeg(3)
    file["row"] = np.frombuffer(data, "u1")
    file["signed"] = np.frombuffer(data, "i1")
    file["opaque"] = np.void(data)
    file.create_dataset("vlen", (), dtype=VLEN_BYTES)[()] = np.frombuffer(data, "u1")
    file.create_dataset("vlen1", (1,), dtype=VLEN_BYTES)[0] = np.frombuffer(data, "u1")
    file.create_dataset("string1", data=np.array([data], dtype=f"S{len(data)}"))
    file.create_dataset("chunk", data=np.frombuffer(data, "u1"), chunks=(len(data),), maxshape=(None,))
    file["text"] = b"a text is bytes too\1"
    file["nothing"] = np.zeros(0, "u1")
    file["null"] = h5py.Empty("u1")


@pytest.mark.parametrize("user_block", [0, 512, 2048])
@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_every_form_of_one_image(tmp_path: Path, user_block: int, libver: str) -> None:
    """Each gives the bytes that went in, also behind a user block and in either generation of the format."""
    path = made(tmp_path / "f.h5", write_every_form, userblock_size=user_block, libver=libver)

    walked = walk(path)

    found = contents(path, walked)
    assert {found.pop(name) for name in ("text", "nothing", "null")} == {b"a text is bytes too\1", b""}
    # such a library does not say where a chunk is: it must read it itself
    by_library = {"chunk"} if user_block and h5py.version.hdf5_version_tuple < (2, 0, 0) else set()
    assert set(found) == {"row", "signed", "opaque", "vlen", "vlen1", "string1", "chunk"} - by_library
    assert set(found.values()) == {jpeg(3)}
    assert {form.path for form, _ in walked.forms} == by_library
    assert walked.refused == []


@settings(deadline=None, max_examples=12)
@given(
    st.lists(st.binary(max_size=9000), min_size=2, max_size=12),
    st.sampled_from(["earliest", "latest"]),
    st.booleans(),
)
def test_random_bytes_through_every_form(images: list[bytes], libver: str, chunked: bool) -> None:  # noqa: FBT001
    """Whatever the bytes, each form gives them back; h5py's own reading agrees."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "r.h5")
        expected = {}
        with h5py.File(path, "w", libver=libver) as file:
            chunks = {"chunks": (2,)} if chunked else {}
            values = file.create_dataset("vlen", (len(images),), dtype=VLEN_BYTES, **chunks)
            ends = np.cumsum([0, *map(len, images)])
            file["packed/data"] = np.frombuffer(b"".join(images), "u1")
            file["packed/offsets"] = ends.astype(">i8" if chunked else "<u4")
            for row, data in enumerate(images):
                number = f"{row:0{len(str(len(images) - 1))}d}"
                values[row] = np.frombuffer(data, "u1")
                file[f"row/{row}"] = np.frombuffer(data, "u1")
                if data:
                    file[f"opaque/{row}"] = np.void(data)
                    expected[f"opaque/{row}"] = data
                expected |= {f"vlen/{number}": data, f"row/{row}": data, f"packed/{number}": data}
        with h5py.File(path) as file:
            assert [value.tobytes() for value in file["vlen"]] == images

        walked = walk(path)

        assert contents(path, walked) == expected
        assert walked.refused == []
        assert sorted(walked.helpers) == ["packed/data", "packed/offsets"]


@pytest.mark.parametrize("names", ["fixed", "variable", "repeated", "climbing", None])
def test_names_beside_values_of_variable_length(tmp_path: Path, names: str | None) -> None:
    """They name the images if they can; else the rows are numbered, and the column is one of labels."""
    images = [jpeg(row) for row in range(12)]
    called = [f"a/{row}.jpg" for row in range(12)]
    if names == "repeated":
        called[3] = called[4]
    if names == "climbing":
        called[3] = "../../etc/passwd"

    def write(file: h5py.File, _: Path) -> None:
        values = file.create_dataset("images", (12,), dtype=VLEN_BYTES)
        for row, data in enumerate(images):
            values[row] = np.frombuffer(data, "u1")
        if names is not None:
            kind = VLEN_TEXT if names == "variable" else "S40"
            file["file_names"] = np.array([name.encode() for name in called], dtype=kind)

    path = made(tmp_path / "v.h5", write)
    walked = walk(path)

    used = names in {"fixed", "variable"}
    expected = called if used else [f"{row:02d}" for row in range(12)]
    assert contents(path, walked) == {
        f"images/{name}": data for name, data in zip(expected, images, strict=True)
    }
    assert walked.helpers == (["file_names"] if used else [])
    assert walked.refused == []
    labels = {f"images/{row:02d}": name for row, name in enumerate(called)}
    assert walked.labels == ({} if used or names is None else {"file_names": labels})


@pytest.mark.parametrize("form", ["N+1", "N", "N and lengths", "gaps"])
@pytest.mark.parametrize("named", [True, False])
def test_one_row_of_bytes_and_offsets(tmp_path: Path, form: str, named: bool) -> None:  # noqa: FBT001
    """All the usual ways to say where the images lie in one array; the columns are helpers."""
    images = [jpeg(row) if row != 5 else b"" for row in range(11)]
    gap = b"gap" if form == "gaps" else b""
    begins = np.cumsum([0, *(len(data + gap) for data in images)])

    def write(file: h5py.File, _: Path) -> None:
        group = file.create_group("all")
        group["data"] = np.frombuffer(b"".join(data + gap for data in images), "u1")
        group["offsets"] = begins if form == "N+1" else begins[:-1]
        if form in {"N and lengths", "gaps"}:
            group["lengths"] = np.array([len(data) for data in images], ">u2")
        if named:
            group["names"] = np.array([f"n{row}".encode() for row in range(11)])

    path = made(tmp_path / "o.h5", write)
    walked = walk(path)

    names = [f"n{row}" if named else f"{row:02d}" for row in range(11)]
    expected = {f"all/{name}": data for name, data in zip(names, images, strict=True)}
    assert contents(path, walked) == expected
    assert walked.refused == []
    assert "all/data" in walked.helpers


@pytest.mark.parametrize(
    "offsets",
    [[0, 5, 3], [0, 5, 900], [-1, 5], [2**63, 1], [5, 2**62]],
    ids=["falls", "past", "minus", "u", "huge"],
)
def test_offsets_that_cannot_be_are_refused(tmp_path: Path, offsets: list[int]) -> None:
    """Falling, negative and far ones: the row of bytes is refused, nothing is made of it."""
    kind = "u8" if max(offsets) > 2**62 else "i8"

    def write(file: h5py.File, _: Path) -> None:
        file["g/data"] = np.zeros(100, "u1")
        file["g/offsets"] = np.array(offsets, kind)

    walked = walk(made(tmp_path / "o.h5", write))

    assert walked.images == []
    assert "column offsets cannot be used" in reasons(walked)["g/data"]
    assert set(reasons(walked)) == {"g/data", "g/offsets"}


@pytest.mark.parametrize(
    "shape", [(7, 5, 4, 3), (7, 5, 4, 4), (7, 5, 4, 1), (7, 5, 6), (1, 5, 4, 3)], ids=str
)
@pytest.mark.parametrize("chunks", [None, 1, 3])
def test_decoded_arrays(tmp_path: Path, shape: tuple[int, ...], chunks: int | None) -> None:
    """Rows of (N, height, width[, channels]) are raw pixels as h5py reads them, from chunks too."""
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    cut = None if chunks is None else (min(chunks, shape[0]), *shape[1:])

    def write(file: h5py.File, _: Path) -> None:
        file.create_dataset("x/images", data=array, chunks=cut)
        file["x/labels"] = np.arange(shape[0])
        if shape[0] > 1:
            file["x/small"] = np.zeros(shape[0], "u1")

    path = made(tmp_path / "d.h5", write)
    walked = walk(path)

    with h5py.File(path) as file:
        expected = {f"x/images/{row}": file["x/images"][row].tobytes() for row in range(shape[0])}
    assert contents(path, walked) == expected
    assert {image.pixels for image in walked.images} == {(5, shape[2], (*shape, 1)[3])}
    assert walked.refused == []
    assert list(walked.labels["labels"].items()) == [(key, row) for row, key in enumerate(expected)]
    assert shape[0] == 1 or set(walked.labels["small"].values()) == {0}


def test_a_picture_a_dataset(tmp_path: Path) -> None:
    """(height, width, 3) by itself is one picture."""
    array = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)

    path = made(tmp_path / "p.h5", lambda file, _: file.create_dataset("a/b", data=array))
    walked = walk(path)

    assert contents(path, walked) == {"a/b": array.tobytes()}
    assert walked.images[0].pixels == (9, 7, 3)


def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    """Each bad byte becomes %XX, each % of such a name %25; other names stay as they are."""
    names = {b"caf\xe9 100%": "caf%E9 100%25", "größe%".encode(): "größe%", b"\xff": "%FF"}

    def write(file: h5py.File, _: Path) -> None:
        for name in names:
            file[name] = np.frombuffer(name, "u1")

    path = made(tmp_path / "u.h5", write)

    assert contents(path, walk(path)) == {text: name for name, text in names.items()}
    assert {name: readable(name) for name in names} == names


def test_keys_that_come_out_alike_are_told_of(tmp_path: Path) -> None:
    """An escaped name may be the name of another; the first stays, the second is refused."""

    def write(file: h5py.File, _: Path) -> None:
        file[b"\xff"] = np.zeros(3, "u1")
        file["%FF"] = np.ones(3, "u1")

    walked = walk(made(tmp_path / "u.h5", write))

    assert [image.key for image in walked.images] == ["%FF"]
    assert reasons(walked) == {"%FF": "another dataset in the group has the same name"}


def test_two_names_of_one_dataset_are_two_images(tmp_path: Path) -> None:
    """A second hard link is followed like the first."""

    def write(file: h5py.File, _: Path) -> None:
        file["a"] = np.frombuffer(jpeg(1), "u1")
        file["b/c"] = file["a"]

    path = made(tmp_path / "h.h5", write)

    assert contents(path, walk(path)) == {"a": jpeg(1), "b/c": jpeg(1)}


def test_every_link_is_an_image_a_helper_a_group_or_refused(tmp_path: Path) -> None:
    """Nothing in the file goes unsaid: counted against all links that h5py finds."""
    path = made(tmp_path / "h.h5", write_hostile)
    walked = walk(path)

    links: set[str] = set()
    with h5py.File(path) as file:
        file.visititems_links(lambda name, _: links.add(os.fsdecode(name)))
        groups = {name for name in links if isinstance(file.get(name, getlink=True), h5py.HardLink)}
        groups = {name for name in groups if isinstance(file.get(name), h5py.Group)}
    told = {image.key for image in walked.images} | set(walked.helpers) | set(reasons(walked))
    assert links - groups <= told


# --- what was made to do harm ------------------------------------------------------------------------------


def of_a_plugin() -> h5py.h5p.PropDCID:
    """Return how a dataset is made that only a plugin can read."""
    created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    created.set_chunk((4,))
    created.set_filter(32_123, h5py.h5z.FLAG_OPTIONAL, (1, 2))
    return created


def write_hostile(file: h5py.File, folder: Path) -> None:  # noqa: PLR0915  # one line a trap
    """Everything of which plain h5py reads another file, waits for ever, or allocates what is declared."""
    secret = folder / "secret.bin"
    secret.write_bytes(SECRET)
    with h5py.File(folder / "secret.h5", "w") as other:
        other["s"] = np.frombuffer(SECRET, "u1")
        other["g/k"] = np.frombuffer(SECRET, "u1")
    if not (folder / "pipe").exists():
        os.mkfifo(folder / "pipe")
    size = len(SECRET)
    fine = file.create_group("g")
    fine["ok"] = np.arange(5, dtype="u1")
    for name, target in (
        ("secret", secret),
        ("pipe", folder / "pipe"),
        ("zero", "/dev/zero"),
        ("gone", "/gone/x"),
    ):
        file.create_dataset(f"external/{name}", (size,), dtype="u1", external=[(str(target), 0, size)])
    file["link"] = h5py.ExternalLink(str(folder / "secret.h5"), "/s")
    file["linked group"] = h5py.ExternalLink(str(folder / "secret.h5"), "/g")
    file["linked pipe"] = h5py.ExternalLink(str(folder / "pipe"), "/g")
    file["soft to link"] = h5py.SoftLink("/linked group/k")
    file["loop a"], file["loop b"] = h5py.SoftLink("/loop b"), h5py.SoftLink("/loop a")
    fine["self"], fine["up"], file["z alias"] = fine, file["/"], fine
    virtual = h5py.VirtualLayout(shape=(size,), dtype="u1")
    virtual[:] = h5py.VirtualSource(str(folder / "secret.h5"), "s", shape=(size,))
    file.create_virtual_dataset("virtual", virtual)
    endless = h5py.VirtualLayout(shape=(4, size), maxshape=(None, size), dtype="u1")
    source = h5py.VirtualSource(str(folder / "secret.h5"), "s", shape=(4, size), maxshape=(None, size))
    endless[:, :] = source
    file.create_virtual_dataset("virtual endless", endless)
    file.create_dataset("bomb/contiguous", (2**40,), dtype="u1")
    file.create_dataset("bomb/chunked", (2**40,), dtype="u1", chunks=(1 << 20,))
    file.create_dataset("bomb/rows", (2**40, 2, 2, 3), dtype="u1", chunks=(1, 2, 2, 3))
    file.create_dataset("bomb/gzip", (2**40,), dtype="u1", chunks=(1 << 20,), compression="gzip")
    file.create_dataset("bomb/zeros", data=np.zeros(1 << 20, "u1"), compression="gzip")
    file.create_dataset("bomb/vlen", (2**40,), dtype=VLEN_BYTES, chunks=(4,))
    space = h5py.h5s.create_simple((4,))
    h5py.h5d.create(file.id, b"unknown filter", h5py.h5t.NATIVE_UINT8, space, of_a_plugin())
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    h5py.h5d.create(file.id, b"compact", h5py.h5t.NATIVE_UINT8, space, compact)
    h5py.h5d.create(file.id, b"..", h5py.h5t.NATIVE_UINT8, space)
    file["reference"] = np.array([file.ref], dtype=h5py.ref_dtype)
    file["float"], file["records"] = np.zeros(3), np.zeros(3, [("a", "i4")])
    file["type"] = np.dtype("i4")
    file["table"] = np.array([b"a", b"b"])


FORBIDDEN = {
    "external/secret": "another file",
    "external/pipe": "another file",
    "external/zero": "another file",
    "external/gone": "another file",
    "link": "link to another file",
    "linked group": "link to another file",
    "linked pipe": "link to another file",
    "soft to link": "soft link",
    "loop a": "soft link",
    "loop b": "soft link",
    "g/self": "under another name",
    "g/up": "under another name",
    "z alias": "is the group g under another name",
    "virtual": "virtual",
    "virtual endless": "virtual",
    "bomb/contiguous": "declares 1,099,511,627,776 bytes and holds 0",
    "bomb/chunked": "several chunks|declares|never written",
    "bomb/rows": "declares",
    "bomb/gzip": "declares 1,099,511,627,776 bytes and holds 0",
    "bomb/zeros": "gzip.*not those of an image",
    "bomb/vlen": "declares",
    "unknown filter": "plugin 32123",
    "compact": "compact.*not those of an image",
    "..": "name",
    "reference": "references",
    "float": "numbers",
    "records": "records",
    "type": "committed type",
    "table": "text",
}


def test_what_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    """Every trap is named with its reason; the image beside them is found."""
    path = made(tmp_path / "h.h5", write_hostile)

    walked = walk(path)
    told = reasons(walked)

    assert contents(path, walked) == {"g/ok": bytes(range(5))}
    assert set(told) == set(FORBIDDEN)
    for name, reason in FORBIDDEN.items():
        assert re.search(reason, told[name]), (name, told[name])
    assert SECRET not in repr(walked).encode()


def traced(path: Path, tmp_path: Path, **environment: str) -> list[str]:
    """Walk a file under strace; return the paths it opened after the imports, in order."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: that no other file is opened goes UNPROVED here")
    log = tmp_path / "trace"
    # the walk begins when the file is first opened; what Python imports before is not its doing
    calls = "trace=open,openat,openat2,creat,connect"
    walker = helper_command("packhouse._src.foreign.walker", [str(path), json.dumps(NO_WISH._asdict())], {})
    subprocess.run(
        ["strace", "-f", "-qq", "-e", calls, "-o", str(log), *walker],
        check=True,
        capture_output=True,
        timeout=120,
        env={**os.environ, **environment},
    )
    lines = log.read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if str(path) in line)
    return [found[1] for line in lines[first:] if (found := re.search(r'"([^"]*)"', line))]


def test_no_other_file_is_opened(tmp_path: Path) -> None:
    """From the moment the hostile file is opened the system is asked for no other path at all."""
    path = made(tmp_path / "h.h5", write_hostile)

    assert set(traced(path, tmp_path)) == {str(path)}


def test_the_trace_would_show_it(tmp_path: Path) -> None:
    """The check above sees what plain h5py opens, so that it proves something."""
    path = made(tmp_path / "h.h5", write_hostile)
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    code = "import h5py, sys; f = h5py.File(sys.argv[1]); f['external/secret'][()]; f['virtual'][()]"

    subprocess.run(
        [
            "strace",
            "-f",
            "-qq",
            "-e",
            "trace=openat",
            "-o",
            tmp_path / "trace",
            sys.executable,
            "-c",
            code,
            path,
        ],
        check=True,
        timeout=120,
    )

    text = (tmp_path / "trace").read_text()
    assert "secret.bin" in text
    assert "secret.h5" in text


def test_plugins_of_the_environment_are_not_loaded(tmp_path: Path) -> None:
    """A folder of plugins and a connector that the environment names are not even looked at."""
    path = made(tmp_path / "h.h5", write_hostile)
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "libharm.so").write_bytes(b"harm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HDF5_PLUGIN_PATH", str(plugins))
        patch.setenv("HDF5_VOL_CONNECTOR", "harm")
        patch.setenv("HDF5_DRIVER", "harm")

        assert "unknown filter" in reasons(walk(path))


@pytest.mark.parametrize("cut", [0.02, 0.3, 0.6, 0.9, 0.999])
def test_a_cut_file_is_an_error(tmp_path: Path, cut: float) -> None:
    """Whatever is left of it: an error of ours that names the file."""
    path = made(tmp_path / "f.h5", write_every_form)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * cut)])

    with pytest.raises(CorruptStoreError, match=str(path)):
        walk(path)


def test_flipped_bytes_never_reach_beyond_the_file(tmp_path: Path) -> None:
    """Damage anywhere: an error, or images that lie within the file."""
    path = made(tmp_path / "f.h5", write_every_form)
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(5)
    for _ in range(12):
        damaged = bytearray(data)
        for place in rng.integers(0, len(data), 40):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            walked = walk(path)
        except CorruptStoreError:
            continue
        assert all(0 <= image.offset <= image.offset + image.length <= len(data) for image in walked.images)


def test_a_heap_that_lies_is_refused(tmp_path: Path) -> None:
    """References past the file, to no collection and to no object; lengths beyond the object."""

    def write(file: h5py.File, _: Path) -> None:
        values = file.create_dataset("v", (6,), dtype=VLEN_BYTES)
        for row in range(6):
            values[row] = np.arange(20 + row, dtype="u1")

    path = made(tmp_path / "v.h5", write)
    with h5py.File(path) as file:
        at = file["v"].id.get_offset()
    data = bytearray(path.read_bytes())
    data[at + 4 : at + 12] = (2**62).to_bytes(8, "little")  # row 0: past the file
    data[at + 16 + 4 : at + 16 + 12] = (8).to_bytes(8, "little")  # row 1: no heap there
    data[at + 32 + 12 : at + 32 + 16] = (999).to_bytes(4, "little")  # row 2: no such object
    data[at + 48 : at + 52] = (30).to_bytes(4, "little")  # row 3: 7 more than the object has
    path.write_bytes(data)

    walked = walk(path)

    assert contents(path, walked) == {f"v/{row}": bytes(range(20 + row)) for row in (4, 5)}
    assert set(reasons(walked)) == {f"v/{row}" for row in range(4)}


def test_a_file_that_kills_the_library_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that walks may die: of a signal, in silence, or babbling."""
    path = made(tmp_path / "f.h5", write_every_form)
    for code, told in (
        ("import os; os.kill(os.getpid(), 11)", "crashed on it \\(SIGSEGV\\)"),
        ("import os; os.kill(os.getpid(), 24)", "did not finish reading it"),
        ("pass", "ended early"),
        ("print('babble')", "ended early"),
        ('print(\'[["image", "a", 0, 99999999, null], ["end"]]\')', "ended early"),
        ('print(\'[["image", "../a", 0, 9, null], ["end"]]\')', "ended early"),
        ('print(\'[["image", "a", 0, 9, [3, 3, 3]], ["end"]]\')', "ended early"),
        ('print(\'[["image", "a", -5, 5, null], ["end"]]\')', "ended early"),
    ):
        monkeypatch.setattr("packhouse._src.concurrency.helper_process.BOOTSTRAP", code)
        with pytest.raises(CorruptStoreError, match=told):
            walk(path)


def test_a_tree_deeper_than_any_is_cut(tmp_path: Path) -> None:
    """Groups in groups to no end: refused where it gets absurd."""

    def write(file: h5py.File, _: Path) -> None:
        group: h5py.Group = file
        for _level in range(257):
            group = group.create_group("d")
        group["image"] = np.zeros(3, "u1")

    walked = walk(made(tmp_path / "d.h5", write))

    assert walked.images == []
    assert [one.reason for one in walked.refused] == ["is more than 256 groups deep"]


def test_limits_are_those_of_the_child_alone(tmp_path: Path) -> None:
    """The walk bounds its own process, not ours."""
    before = resource.getrlimit(resource.RLIMIT_AS), resource.getrlimit(resource.RLIMIT_CPU)

    walk(made(tmp_path / "f.h5", write_every_form))

    assert before == (resource.getrlimit(resource.RLIMIT_AS), resource.getrlimit(resource.RLIMIT_CPU))
