"""Images come back byte for byte, from any thread and process, and damage is never passed on."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import platform
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import packhouse
from packhouse._src.imagefile.format import IMAGES_FILE, INDEX_FILE
from packhouse._src.imagefile.read.store import ImageStore
from packhouse.errors import CorruptStoreError, KeyNotFoundError, NotAPackError, StoreError


@pytest.fixture(scope="module")
def store(pack: Path) -> ImageStore:
    """The small pack's images."""
    return ImageStore(pack / IMAGES_FILE, pack / INDEX_FILE)


@pytest.fixture
def copy(pack: Path, tmp_path: Path) -> Path:
    """A copy of the pack, to be damaged."""
    return Path(shutil.copytree(pack, tmp_path / "copy.pack"))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Length and offset of every `os.pread` from now on."""
    found, pread = list[tuple[int, int]](), os.pread

    def note(descriptor: int, length: int, offset: int) -> bytes:
        found.append((length, offset))
        return pread(descriptor, length, offset)

    monkeypatch.setattr(os, "pread", note)
    return found


@pytest.fixture
def _no_hang() -> Iterator[None]:
    def ring(_number: int, _frame: object) -> None:
        pytest.fail("waits for ever")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(5)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def places(pack: Path) -> dict[str, tuple[int, int]]:
    """Return key -> offset and length, as pyarrow reads them."""
    rows = pq.read_table(pack / INDEX_FILE, columns=["key", "offset", "length"]).to_pylist()
    return {row["key"]: (row["offset"], row["length"]) for row in rows}


def rows_of(store: ImageStore, *keys: str) -> list[int]:
    """Return where they stand in the index."""
    every = list(store)
    return [every.index(key) for key in keys]


def test_it_is_a_mapping(store: ImageStore, truth: dict[str, bytes]) -> None:
    """Keys sorted, as many as there are files, each in it; no other."""
    assert isinstance(store, Mapping)
    assert list(store) == list(store.keys()) == sorted(truth)
    assert len(store) == len(truth)
    assert all(key in store for key in truth)
    assert [image.key for image in store.values()] == sorted(truth)
    assert store.get("no such") is None


@pytest.mark.parametrize(
    "key", ["no such", "", "010/", "/0", "0.jpg", "010//0000000000", "\udcff", "0\0", 5, None, b"0"]
)
def test_what_is_no_key_is_not_in_it(store: ImageStore, key: object) -> None:
    """Other strings, also such as no file can be named, and other types."""
    assert key not in store


def test_every_image_is_the_file(store: ImageStore, truth: dict[str, bytes]) -> None:
    """By `read` and by `bytes`, every image is its source file, byte for byte."""
    assert {key: store.read(key) for key in store} == truth
    assert {key: image.bytes for key, image in store.items()} == truth


def test_a_unique_name_is_enough(store: ImageStore, truth: dict[str, bytes]) -> None:
    """The name without the group finds the image where only one bears it."""
    assert store["größe ü"].key == "pictures/größe ü"
    assert store.read("with space") == truth["pictures/with space"]
    assert "with space" in store


def test_an_ambiguous_name_lists_the_whole_keys(store: ImageStore) -> None:
    """A name in two groups is refused, with the keys to choose from."""
    with pytest.raises(KeyNotFoundError, match="2 images are named 'same'") as caught:
        store.read("same")

    assert caught.value.hint == "use the full key: 010/same, 011/deep/er/same"
    assert "same" not in store


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("010/000000044", "010/0000000044"),
        ("011/deep/same", "011/deep/er/same"),
        ("pictures/jpg", "pictures/jpeg"),
        ("pictures/grosse ü", "pictures/größe ü"),
    ],
)
def test_a_missing_key_lists_the_nearest(store: ImageStore, wrong: str, nearest: str) -> None:
    """A slip of the pen is answered with what was meant; KeyError catches it too."""
    with pytest.raises(KeyNotFoundError) as caught:
        store.read(wrong)

    assert nearest in caught.value.hint
    assert isinstance(caught.value, KeyError)


@pytest.mark.parametrize("key", ["", "\udcff", "z" * 5000])
def test_a_hopeless_key_is_still_our_error(store: ImageStore, key: str) -> None:
    """What resembles no key is not found, and the hint says how to list them."""
    with pytest.raises(KeyNotFoundError):
        store.read(key)


def test_groups_and_total(store: ImageStore, truth: dict[str, bytes]) -> None:
    """Counts of the groups and the sum of the sizes are those of the files."""
    groups = [key.rpartition("/")[0] for key in truth]

    assert store.groups == {group: groups.count(group) for group in sorted(set(groups))}
    assert store.total_bytes == sum(map(len, truth.values()))


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_read_many_is_reading_one_by_one(
    store: ImageStore, truth: dict[str, bytes], data: st.DataObject
) -> None:
    """Any keys, in any order, several times: the bytes of each, in the order asked."""
    keys = data.draw(st.lists(st.sampled_from(sorted(truth)), max_size=40))

    assert store.read_many(keys) == [truth[key] for key in keys]


@settings(deadline=None, max_examples=60)
@given(data=st.data(), gap=st.integers(0, 500), most=st.integers(1, 5000))
def test_read_many_does_not_depend_on_how_it_coalesces(
    store: ImageStore, truth: dict[str, bytes], data: st.DataObject, gap: int, most: int
) -> None:
    """Whatever gap is bridged and however much is read at once, the bytes are the same."""
    keys = data.draw(st.lists(st.sampled_from(sorted(truth)), max_size=40))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("packhouse._src.imagefile.read.store.COALESCE_GAP_BYTES", gap)
        patch.setattr("packhouse._src.imagefile.read.store.COALESCE_MOST_BYTES", most)
        found = store.read_many(keys)

    assert found == [truth[key] for key in keys]


@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_rows_are_read_as_keys_are(store: ImageStore, truth: dict[str, bytes], data: st.DataObject) -> None:
    """Any rows, in any order, several times; none at all is nothing."""
    keys = data.draw(st.lists(st.sampled_from(sorted(truth)), max_size=40))

    assert store.read_rows(rows_of(store, *keys)) == [truth[key] for key in keys]


def test_neighbours_are_read_in_one_call(
    store: ImageStore, truth: dict[str, bytes], reads: list[tuple[int, int]]
) -> None:
    """All images of the pack, in any order, come with one read: they lie close together."""
    keys = sorted(truth)
    random.Random(1).shuffle(keys)

    found = store.read_many(keys)

    assert found == [truth[key] for key in keys]
    assert len([length for length, _ in reads if length]) == 1


def test_distant_images_are_read_apart(
    store: ImageStore, pack: Path, monkeypatch: pytest.MonkeyPatch, reads: list[tuple[int, int]]
) -> None:
    """What lies between two images that are far apart is not read."""
    monkeypatch.setattr("packhouse._src.imagefile.read.store.COALESCE_GAP_BYTES", 0)
    full = sorted((place for place in places(pack).items() if place[1][1]), key=lambda one: one[1])
    every_second = full[::2]

    store.read_many(key for key, _ in every_second)

    assert sorted(reads) == sorted((length, offset) for _, (offset, length) in every_second)


def test_short_reads_are_continued(
    store: ImageStore, truth: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the system gives 100 bytes at a time, as it may, the image is whole all the same."""
    pread = os.pread
    monkeypatch.setattr(
        os, "pread", lambda descriptor, length, offset: pread(descriptor, min(length, 100), offset)
    )

    assert {key: store.read(key) for key in truth} == truth
    assert store.read_many(truth) == list(truth.values())


def test_pickle_is_small_and_reopens(store: ImageStore, truth: dict[str, bytes]) -> None:
    """A store crosses processes as its path."""
    for key in truth:
        store.read(key)

    data = pickle.dumps(store)

    assert len(data) < 2000
    with_all = pickle.loads(data)  # noqa: S301  # our own
    assert with_all.read_many(truth) == list(truth.values())


def test_a_spawned_process_reads(store: ImageStore, truth: dict[str, bytes]) -> None:
    """A process that inherits nothing gets the store by pickle, and reads right bytes."""
    keys = sorted(truth)[::9]

    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = pool.submit(store.read_many, keys).result(timeout=60)

    assert found == [truth[key] for key in keys]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_processes_read(pack: Path, truth: dict[str, bytes]) -> None:
    """Processes that inherit an opened store, half loaded, read right bytes beside their parent."""
    opened = ImageStore(pack / IMAGES_FILE, pack / INDEX_FILE)
    opened.read("0")
    context = multiprocessing.get_context("fork")

    def read_all(answer: Connection) -> None:
        opened.close()
        answer.send({key: opened.read(key) for key in opened} == truth)

    pipes = [context.Pipe() for _ in range(3)]
    children = [context.Process(target=read_all, args=(child_end,)) for _, child_end in pipes]
    for child in children:
        child.start()
    here = {key: opened.read(key) for key in opened}
    for child in children:
        child.join(30)

    assert here == truth
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert [parent_end.recv() for parent_end, _ in pipes] == [True, True, True]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_while_a_thread_holds_the_locks(pack: Path, truth: dict[str, bytes]) -> None:
    """What a thread of the parent holds at the moment of the fork does not stop the child."""
    store = ImageStore(pack / IMAGES_FILE, pack / INDEX_FILE)
    context = multiprocessing.get_context("fork")

    def read_all(answer: Connection) -> None:
        answer.send({key: store.read(key) for key in store} == truth)

    here, there = context.Pipe()
    with store.index._lock, store._opening:
        child = context.Process(target=read_all, args=(there,))
        child.start()
        finished = here.poll(30)
        child.kill()
        child.join()

    assert finished
    assert here.recv()


def test_sixty_four_threads_read(pack: Path, truth: dict[str, bytes]) -> None:
    """From a fresh store, random reads on 64 threads at once, by key, by many and by name, are all right."""
    fresh, keys = ImageStore(pack / IMAGES_FILE, pack / INDEX_FILE), sorted(truth)

    def read_some(seed: int) -> bool:
        rng = random.Random(seed)
        some = rng.choices(keys, k=60)
        right = all(fresh.read(key) == truth[key] for key in some)
        facts = all(fresh[key].file_name == f"{key}.jpg" for key in some[:20])
        return (
            right and facts and fresh.read_many(some) == [truth[key] for key in some] and "deep" not in fresh
        )

    with ThreadPoolExecutor(64) as pool:
        assert all(pool.map(read_some, range(64)))


def test_a_flipped_bit_is_never_read(copy: Path, truth: dict[str, bytes]) -> None:
    """For 300 random flips inside images: the damaged one is refused, however it is read; others read."""
    store, where = ImageStore(copy / IMAGES_FILE, copy / INDEX_FILE), places(copy)
    rng = random.Random(5)
    keys = sorted(key for key, data in truth.items() if data)
    weights = [len(truth[key]) for key in keys]
    with (copy / IMAGES_FILE).open("r+b", buffering=0) as file:
        for key in rng.choices(keys, weights, k=300):
            offset, length = where[key]
            place, other = offset + rng.randrange(length), rng.choice([one for one in keys if one != key])
            old = os.pread(file.fileno(), 1, place)
            os.pwrite(file.fileno(), bytes([old[0] ^ 1 << rng.randrange(8)]), place)

            with pytest.raises(CorruptStoreError) as caught:
                store.read(key)
            assert caught.value.where.member == key
            with pytest.raises(CorruptStoreError):
                store.read_many([other, key])
            assert store.read(other) == truth[other]
            first, damaged, last = store.read_rows(rows_of(store, other, key, other))
            assert first == last == truth[other]
            assert isinstance(damaged, CorruptStoreError)
            assert damaged.where.member == key

            os.pwrite(file.fileno(), old, place)
    assert {key: store.read(key) for key in store} == truth


def test_swapped_images_are_refused(copy: Path) -> None:
    """Two whole images that changed places are two damaged images."""
    where = places(copy)
    (first, length), (second, other_length) = where["6"], where["7"]
    with (copy / IMAGES_FILE).open("r+b") as file:
        file.seek(first)
        data = file.read(length + other_length)
        assert first + length == second
        file.seek(first)
        file.write(data[length:] + data[:length])

    with pytest.raises(CorruptStoreError):
        ImageStore(copy / IMAGES_FILE, copy / INDEX_FILE).read("6")


@pytest.mark.parametrize("missing", [1, 100, 20_000, 10**9])
def test_a_cut_image_file_is_refused_at_open(copy: Path, missing: int) -> None:
    """One byte less is enough; the error says both sizes."""
    path = copy / IMAGES_FILE
    size = path.stat().st_size
    os.truncate(path, max(0, size - missing))

    with pytest.raises(CorruptStoreError, match=f"the index says {size:,}"):
        packhouse.open(copy)


def test_a_file_cut_while_it_is_open(copy: Path, truth: dict[str, bytes]) -> None:
    """What was cut off is an error that says so; what is still there reads."""
    store = ImageStore(copy / IMAGES_FILE, copy / INDEX_FILE)
    last = max(places(copy).items(), key=lambda one: one[1])[0]
    os.truncate(copy / IMAGES_FILE, (copy / IMAGES_FILE).stat().st_size - 1)

    with pytest.raises(CorruptStoreError, match="the file was truncated"):
        store.read(last)
    assert store.read("0") == truth["0"]


def test_another_image_file_of_equal_size_is_refused_at_open(copy: Path) -> None:
    """A file of the same size with another id is not the one the index was made for."""
    path = copy / IMAGES_FILE
    data = path.read_bytes()
    file_id = packhouse.open(copy).images.index.binding.file_id.encode()
    assert data.count(file_id) == 1
    path.write_bytes(data.replace(file_id, file_id[::-1]))

    with pytest.raises(CorruptStoreError, match="its id differs"):
        packhouse.open(copy)


def test_an_index_of_another_pack_is_refused_at_open(copy: Path, source: Path, tmp_path: Path) -> None:
    """Index and image file of two packs do not go together."""
    shutil.copytree(source / "010", tmp_path / "fewer")
    packhouse.pack(tmp_path / "fewer", tmp_path / "fewer.pack")
    shutil.copy(tmp_path / "fewer.pack" / INDEX_FILE, copy / INDEX_FILE)

    with pytest.raises(CorruptStoreError):
        packhouse.open(copy)


@pytest.mark.parametrize("name", [IMAGES_FILE, INDEX_FILE])
def test_a_missing_file_is_told_at_open(copy: Path, name: str) -> None:
    """The error names the file that is not there."""
    (copy / name).unlink()

    with pytest.raises(NotAPackError, match=f"{name} is missing"):
        packhouse.open(copy)


@pytest.mark.usefixtures("_no_hang")
@pytest.mark.parametrize("name", [IMAGES_FILE, INDEX_FILE])
def test_a_fifo_in_place_of_a_file_is_refused(copy: Path, name: str) -> None:
    """Opening a pack never waits for somebody to write."""
    (copy / name).unlink()
    os.mkfifo(copy / name)

    with pytest.raises(NotAPackError, match="not a regular file"):
        packhouse.open(copy)


@pytest.mark.parametrize("name", [IMAGES_FILE, INDEX_FILE])
def test_a_folder_in_place_of_a_file_is_refused(copy: Path, name: str) -> None:
    """A folder is no file of a pack."""
    (copy / name).unlink()
    (copy / name).mkdir()

    with pytest.raises(NotAPackError, match="not a regular file"):
        packhouse.open(copy)


def test_an_empty_index_file_is_refused(copy: Path) -> None:
    """A disk that ran full may leave an empty file; it is no index."""
    (copy / INDEX_FILE).write_bytes(b"")

    with pytest.raises(CorruptStoreError):
        packhouse.open(copy)


def test_closing_and_reading_again(pack: Path, truth: dict[str, bytes]) -> None:
    """After close, whether or not it was read before, everything can be read again; closing twice is fine."""
    fresh = ImageStore(pack / IMAGES_FILE, pack / INDEX_FILE)
    image = fresh["010/0000000000"]
    fresh.close()
    fresh.close()

    assert image.bytes == truth["010/0000000000"]
    assert {key: fresh.read(key) for key in fresh} == truth
    assert sum(fresh.groups.values()) == len(truth)
    fresh.close()
    assert fresh.read_many(truth) == list(truth.values())


def test_close_closes_the_descriptor(pack: Path, opened: list[int]) -> None:
    """What was opened for reading is closed, once."""
    store = ImageStore(pack / IMAGES_FILE, pack / INDEX_FILE)
    assert len(opened) == 1

    store.close()
    store.close()

    assert opened == []


def test_a_refused_file_is_closed(copy: Path, opened: list[int]) -> None:
    """An open that ends in an error leaves nothing open."""
    os.truncate(copy / IMAGES_FILE, 5)

    with pytest.raises(StoreError):
        ImageStore(copy / IMAGES_FILE, copy / INDEX_FILE)

    assert opened == []


def test_repr_tells_what_it_is_of(store: ImageStore, pack: Path) -> None:
    """Store and image say how many, where, and what."""
    assert repr(store) == f"<ImageStore of {len(store)} images in {pack / IMAGES_FILE}>"
    assert repr(store["pictures/jpeg"]).startswith("<pictures/jpeg: image/jpeg, 40 x 30, ")
    assert repr(store["empty/e0"]) == "<empty/e0: unknown, 0 bytes, empty>"


_BATCHES = """
import resource, packhouse
images = packhouse.open({pack!r}).images
distant = list(images)[::4]
batches = [distant[:64], distant[64:]]
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for batch in batches * 2:
    images.read_many(batch)
before = faults()
for batch in batches * 10:
    images.read_many(batch)
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators decide otherwise")
def test_batches_use_the_memory_of_those_before(tmp_path: Path) -> None:
    """A page is touched anew for one image in a hundred at most, not ten times for each."""
    made = random.Random(0)
    for number in range(4 * 128):
        path = tmp_path / "tree" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(made.randbytes(40_000))
    packhouse.pack(tmp_path / "tree", tmp_path / "t.pack")
    script = _BATCHES.format(pack=str(tmp_path / "t.pack"))

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert int(done.stdout) <= 20 * 64 / 100
