"""`packhouse.bench`: measures disk, decoders and the loader, in turn, on this machine."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from warnings import catch_warnings, simplefilter

import numpy as np

from packhouse._src.benchmarking.bench_report import BenchReport
from packhouse._src.concurrency.threads import default_workers, run_pieces
from packhouse._src.imagefile.read.image_index import Range
from packhouse._src.imagefile.read.store import ImageStore
from packhouse._src.images.cropping import DRAWS, Size, size_of
from packhouse._src.images.decoding import CHANNELS, DecodeOptions
from packhouse._src.images.resizing import resizer_name
from packhouse._src.images.scratch import Scratch
from packhouse._src.loader.decode.batch_filling import Stored, read_stored
from packhouse._src.loader.loader import Loader, LoaderOptions
from packhouse._src.loader.order.chance import draws
from packhouse._src.loader.order.order import Order
from packhouse._src.loader.sample_options import CropName, SampleOptions
from packhouse._src.loader.samples import Samples
from packhouse._src.opening import Pack
from packhouse._src.progress_display.display import Progress, listener, shows_progress
from packhouse._src.system.open_flags import READ
from packhouse.errors import ImageError, UsageError, Where
from packhouse.progress import Observer, task

SECONDS = 1.5
"""What one measurement should take."""

TRIED = 128
"""Images decoded to guess how many that is."""

MOST_BYTES = 512 << 20
"""Of encoded images held in memory."""

ROUNDS = 3
MOST_CORES = 64
LEAST = 64
BATCH_SIZE = 256
BATCHES = 8
"""At least so many of them are loaded."""

READ_AT_ONCE = 32
CACHE_SHARE = 0.8
"""Part of the machine's memory that its page cache may fill."""


@shows_progress
def bench(
    pack: str | os.PathLike[str],
    size: tuple[int, int] | int = 224,
    *,
    crop: CropName = "center",
    progress: Progress = None,
) -> BenchReport:
    """Measure how fast a pack feeds training on this machine, and report the bottleneck.

    The same random images are read from disk (dropped from the page cache first, if the system allows it),
    decoded by threads from memory, and loaded by the loader with several numbers of threads. Decoders and
    loader run alternately, three times; the median counts.

    Args:
        pack: A pack, or an HDF5 file of images.
        size: Height and width in pixels, or one number for a square.
        crop: Part of each image to use; see `Pack.samples`.
        progress: True shows bars on a terminal or in a notebook, elsewhere lines on stderr. A callback
            receives the events of `packhouse.progress`; it is called from several threads.

    Returns:
        What was measured.

    Raises:
        NotAPackError: There is no pack at this path, or it has no images.
        UsageError: The size or crop is not valid, or no image can be decoded.

    Cost: 10 to 20 s, and up to 512 MiB of memory.
    """
    wanted_size = size_of(size)
    if wanted_size is None:
        raise UsageError("bench also measures scaling, so it needs a size", hint="size=224")
    with Pack(Path(pack)) as opened:
        options = SampleOptions(size=wanted_size, crop=crop, split="all", on_error="skip")
        return _measure(opened, options, wanted_size, listener(progress))


def _measure(pack: Pack, options: SampleOptions, size: Size, observer: Observer) -> BenchReport:
    samples = Samples(pack, options)
    cores = default_workers(most=MOST_CORES)
    counts = sorted({1, max(1, cores // 2), cores, cores + 1, 2 * cores})
    with task(observer, "measuring", total=2 + 2 * ROUNDS + len(counts) - 1, unit="runs") as progress:
        rows, count = _rows_to_take(samples, cores)
        progress.advance(1)
        disk = _disk_rate(samples.store, rows, cores)
        progress.advance(1)
        files = _whole(samples.store, rows)
        often = files * -(-count // len(files))
        ceilings, rates, busy, broken = list[float](), list[float](), list[float](), 0
        for _round in range(ROUNDS):
            rate, broken = _decode_rate(often, options.wanted, size, cores)
            ceilings.append(rate)
            progress.advance(1)
            rate, part = _loader_rate(pack, options, cores, count)
            rates.append(rate)
            busy.append(part / cores)
            progress.advance(1)
        loader = {cores: median(rates)}
        for threads in counts:
            if threads != cores:
                loader[threads] = _loader_rate(pack, options, threads, count)[0]
                progress.advance(1)
    n_bytes = sum(length for _offset, length, _digest in samples.store.index.ranges_at(rows))
    return BenchReport(
        pack=pack.path,
        store=samples.store_name,
        size=size,
        images=len(rows),
        image_bytes=n_bytes / len(rows),
        cores=cores,
        disk=disk,
        ceiling=median(ceilings),
        loader=dict(sorted(loader.items())),
        busy=min(1.0, median(busy)),
        resizer=resizer_name(),
        fits=samples.store.path.stat().st_size < CACHE_SHARE * _memory_bytes(),
        broken=broken * len(files) // len(often),
    )


def _rows_to_take(samples: Samples, cores: int) -> tuple[list[int], int]:
    """Choose images, the first of the loader's order, and say how many are decoded in a while."""
    order = Order(count=len(samples), seed=samples.options.seed)
    rows: list[int] = samples.rows[order.rows_at(np.arange(min(len(samples), TRIED)))].tolist()
    files = _whole(samples.store, rows)
    size = samples.options.size
    if size is None or not files:
        raise UsageError("none of these images can be read", where=Where(file=str(samples.store.path)))
    rate, broken = _decode_rate(files, samples.options.wanted, size, cores)
    if broken == len(files):
        raise UsageError(
            f"none of {broken} images can be decoded",
            where=Where(file=str(samples.store.path)),
            hint="packhouse verify PACK lists what is wrong with them",
        )
    mean = sum(len(file.data) for file in files) / len(files)
    count = int(max(LEAST, rate * SECONDS))
    there = np.arange(min(len(samples), count, max(1, int(MOST_BYTES / mean))))
    return samples.rows[order.rows_at(there)].tolist(), count


def _whole(store: ImageStore, rows: Sequence[int]) -> list[Stored]:
    return [stored for stored in read_stored(store, rows) if isinstance(stored, Stored)]


def _disk_rate(store: ImageStore, rows: Sequence[int], threads: int) -> float:
    _drop_from_cache(store.path, store.index.ranges_at(rows))
    pieces = [rows[start : start + READ_AT_ONCE] for start in range(0, len(rows), READ_AT_ONCE)]
    started = time.perf_counter()

    def read(piece: Sequence[int]) -> None:
        store.read_rows(piece)

    run_pieces(pieces, read, workers=threads)
    return len(rows) / (time.perf_counter() - started)


def _drop_from_cache(path: Path, ranges: Iterable[Range]) -> None:
    """Have the system forget what it keeps of a file, as far as it can: pages that nobody else has open."""
    if not hasattr(os, "posix_fadvise"):
        return
    descriptor = os.open(path, READ)
    try:
        for offset, length, _digest in ranges:
            os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _decode_rate(
    files: Sequence[Stored], wanted: DecodeOptions, size: Size, threads: int
) -> tuple[float, int]:
    """Return images per second, and how many of them are broken."""
    broken = [0] * threads
    chances = draws(np.arange(len(files)), DRAWS, seed=0, epoch=0)

    def work(number: int) -> None:
        scratch, out = Scratch(), np.empty((*size, CHANNELS[wanted.mode]), np.uint8)
        for place in range(number, len(files), threads):
            try:
                files[place].decode_into(out, wanted, chances[place].tolist(), scratch)
            except ImageError:
                broken[number] += 1

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    started = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return len(files) / (time.perf_counter() - started), sum(broken)


def _loader_rate(pack: Pack, options: SampleOptions, threads: int, count: int) -> tuple[float, float]:
    """Return images per second once it runs, and how many cores it kept busy."""
    samples = Samples(pack, replace(options, threads=threads))
    loader = Loader(samples, LoaderOptions(batch_size=min(BATCH_SIZE, max(1, count // BATCHES))))
    given = first = 0
    started = used = 0.0
    with catch_warnings():
        simplefilter("ignore")  # broken images are reported once, at the end
        while given < count or given == first:
            loader.set_epoch(0)  # its first images are those that were read before
            for batch in loader:
                given += len(batch) + len(batch.broken)
                if not started:  # the threads are at work now
                    started, used, first = time.perf_counter(), time.process_time(), given
                if given >= count > first:
                    break
    seconds = time.perf_counter() - started
    return (given - first) / seconds, (time.process_time() - used) / seconds


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # no POSIX
        return 0
