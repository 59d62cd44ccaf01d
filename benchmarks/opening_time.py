"""Opening against the number of images: real index files with made-up rows, beside sparse HDF5 files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from measuring import OUT, Scale, clear, command, heading, line, record, seconds, spread
from trees import jpeg_tree

import packhouse
from packhouse._src.imagefile.digest import digest_of
from packhouse._src.imagefile.format import INDEX_COLUMNS
from packhouse._src.imagefile.index_file import Binding, write_rows
from packhouse._src.imagefile.read.store import ImageStore

GROUPS = 86
LENGTHS = (30_000, 44_000)
HEAD_BYTES = 4_096
ID_OFFSET = 1_000
FILE_ID = "0123456789abcdef" * 2
CHOSEN = 20
"""Images that are there, so that they can be read; the rest of the file is a hole."""

ROWS_AT_ONCE = 16_384

MEMORY = """
import sys
from pathlib import Path
from packhouse._src.imagefile.read.store import ImageStore
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
def look_up(folder, key):
    store = ImageStore(Path(folder) / "images.h5", Path(folder) / "image_index.parquet")
    store.read(key)
    return store
kept = look_up(*sys.argv[1:3])  # imports, buffers
before = resident()
store = look_up(*sys.argv[3:5])
print(resident() - before)
"""


class MadeUp:
    """An index of so many rows, and its HDF5 file, in which a few images are.

    Args:
        folder: Where; it must not exist.
        rows: How many.
    """

    def __init__(self, folder: Path, rows: int) -> None:
        self.folder, self.rows = folder, rows
        self._rng = np.random.default_rng(rows)
        self._lengths = self._rng.integers(*LENGTHS, size=rows)
        self._offsets = HEAD_BYTES + np.concatenate([[0], np.cumsum(self._lengths)])
        self.chosen = [int(row) for row in self._rng.integers(rows, size=CHOSEN)]

    def key_of(self, row: int) -> str:
        """Return the key of a row: groups follow each other."""
        return f"{10 + row * GROUPS // self.rows:03d}/{row:010d}"

    def write(self) -> None:
        """Make both files."""
        self.folder.mkdir()
        size = int(self._offsets[-1])
        digests = {}
        with (self.folder / "images.h5").open("wb") as file:
            file.truncate(size)
            file.seek(ID_OFFSET)
            file.write(FILE_ID.encode())
            for row in self.chosen:
                data = np.random.default_rng(row).bytes(int(self._lengths[row]))
                digests[row] = digest_of(data)
                file.seek(int(self._offsets[row]))
                file.write(data)
        binding = Binding(file_size=size, file_id=FILE_ID, id_offset=ID_OFFSET)
        write_rows(self.folder / "image_index.parquet", self._values(digests), binding)

    def _values(self, digests: dict[int, bytes]) -> Iterator[tuple[object, ...]]:
        for start in range(0, self.rows, ROWS_AT_ONCE):
            rows = range(start, min(self.rows, start + ROWS_AT_ONCE))
            offsets = self._offsets[start : rows.stop].tolist()
            lengths = self._lengths[start : rows.stop].tolist()
            noise = self._rng.bytes(16 * len(rows))
            for place, row in enumerate(rows):
                key = self.key_of(row)
                group, _, name = key.partition("/")
                values = {
                    "key": key,
                    "group": group,
                    "name": name,
                    "file_name": f"images/{key}.jpg",
                    "media_type": "image/jpeg",
                    "offset": offsets[place],
                    "length": lengths[place],
                    "width": 1166,
                    "height": 1750,
                    "orientation": None,
                    "digest": digests.get(row) or noise[16 * place : 16 * place + 16],
                    "problem": None,
                }
                yield tuple(values[column] for column in INDEX_COLUMNS)

    def open(self) -> ImageStore:
        """Open it, as a pack's images are."""
        return ImageStore(self.folder / "images.h5", self.folder / "image_index.parquet")


def measure(scale: Scale) -> None:
    """Print the table of opening, and what a user's own call takes."""
    columns = (
        "rows of the index",
        "bytes a row",
        "open, ms",
        "open and first read, ms",
        "MB that one look-up adds",
    )
    heading("Opening (aim: <= 50 ms)", *columns)
    smallest: MadeUp | None = None
    for rows in scale.index_rows:
        made = MadeUp(OUT / f"index-{rows}", rows)
        clear(made.folder)
        made.write()
        smallest = smallest or made
        _one(made, smallest)
        if made is not smallest:
            clear(made.folder)
    if smallest:
        clear(smallest.folder)
    _whole(scale)


def _one(made: MadeUp, smallest: MadeUp) -> None:
    keys = [made.key_of(row) for row in made.chosen]
    made.open().read(keys[0])  # warms up
    opened = [seconds(made.open) * 1000 for _ in keys]
    first = [seconds(lambda: made.open().read(key)) * 1000 for key in keys]  # noqa: B023
    code = [smallest.folder, smallest.key_of(smallest.chosen[0]), made.folder, keys[-1]]
    arguments = [sys.executable, "-c", MEMORY, *map(str, code)]
    memory = int(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout) / 1e6
    bytes_a_row = (made.folder / "image_index.parquet").stat().st_size / made.rows
    record("open", rows=made.rows, opened_ms=opened, first_read_ms=first, memory_mb=memory)
    line(f"{made.rows:,}", f"{bytes_a_row:.0f}", spread(opened), spread(first), f"{memory:.1f}")


def _whole(scale: Scale) -> None:
    """Time the call in a running process, and a new process from its start."""
    tree, pack = jpeg_tree(images=scale.images, size=scale.image_bytes), OUT / "tree.pack"
    clear(pack)
    packhouse.pack(tree, pack)
    opened = [seconds(lambda: packhouse.open(pack)) * 1000 for _ in range(20)]
    code = f"import packhouse; packhouse.open({str(pack)!r})"
    cold = [seconds(command(sys.executable, "-c", code)) * 1000 for _ in range(scale.rounds)]
    record("open_whole", images=scale.images, opened_ms=opened, new_process_ms=cold)
    clear(pack)
    heading("Opening a pack", "what", "measured", "aim")
    line(f"`packhouse.open` of {scale.images:,} images, ms", spread(opened), "<= 50")
    line("the same in a new process, imports included, ms", spread(cold), "-")
