"""`pack.loader(...)`: batches of an epoch, in an order that can be resumed anywhere."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from packhouse._src.images.resizing import resizer_name
from packhouse._src.loader.batch import Batch
from packhouse._src.loader.order.order import Order, Shuffle
from packhouse._src.loader.order.sharding import Sharding, Step
from packhouse._src.loader.order.state import Plain, State, check
from packhouse._src.loader.sample_options import flag, whole
from packhouse._src.loader.samples import PendingBatch, Samples
from packhouse._src.loader.sampling.sampler_options import SamplerName, SamplerOptions, Weights, drawing_of
from packhouse._src.loader.stats import Stats
from packhouse.errors import LoaderError, UsageError

BATCHES_AHEAD = 2
IMAGES_AHEAD_A_THREAD = 8
"""Small batches are begun earlier, so that no thread is ever without work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderOptions:
    """The options that `Pack.loader` has in addition to those of `Pack.samples`; see there."""

    batch_size: int = 256
    shuffle: Shuffle = True
    window: int | None = None
    epoch: int = 0
    rank: int = 0
    world_size: int = 1
    drop_last: bool = False
    pad: bool = False
    sampler: SamplerName | None = None
    weights: Weights | None = None
    replacement: bool | None = None
    epoch_size: int | None = None

    @property
    def of_sampler(self) -> SamplerOptions:
        """Those that say which samples are drawn."""
        names = ("sampler", "weights", "replacement", "epoch_size")
        return SamplerOptions(**{name: getattr(self, name) for name in names})


class Loader:
    """Batches of samples, epoch after epoch. All ranks together yield each sample once per epoch.

    `for batch in loader` yields one epoch; the next loop yields the next epoch, even after `break`. Only a
    loaded state resumes within an epoch, after the last batch. If a second loop over the same loader
    starts, the first one raises an error. Use a loader from one thread.

    Args:
        samples: What to load.
        options: How to load them.

    Raises:
        UsageError: An option is out of range, or there are no batches.
    """

    def __init__(self, samples: Samples, options: LoaderOptions) -> None:
        self.samples = samples
        flag("drop_last", options.drop_last)
        flag("pad", options.pad)
        order = Order(
            count=len(samples),
            seed=samples.options.seed,
            epoch=whole("epoch", options.epoch),
            shuffle=options.shuffle,
            window=None if options.window is None else whole("window", options.window),
        )
        self._drawing = drawing_of(samples, options.of_sampler, order)
        self.sharding: Sharding = Sharding(  # of this rank; `WorkerLoader` puts its own in its place
            count=self._order.count,
            batch_size=whole("batch_size", options.batch_size),
            rank=whole("rank", options.rank),
            world_size=whole("world_size", options.world_size),
            drop_last=options.drop_last,
            pad=options.pad,
        )
        _refuse_nothing(self.sharding)
        self._go_to(options.epoch, 0)
        self.stats = Stats(
            threads=samples.threads,
            store=samples.store_name,
            resizer=resizer_name(),
        )

    def __len__(self) -> int:
        """Return the number of batches in an epoch, for this rank."""
        return self.sharding.n_steps()

    def __iter__(self) -> Iterator[Batch]:
        """Start an epoch, or resume from a loaded state."""
        self._go_to(*self.next_place)
        return self._run(self._loop)

    def __repr__(self) -> str:
        """Return batches, samples and epoch."""
        return f"<Loader: {len(self):,} batches of {self.samples!r}, epoch {self.epoch}>"

    @property
    def _order(self) -> Order:
        return self._drawing.order

    @property
    def epoch(self) -> int:
        """The current epoch; before the first loop, the first epoch."""
        return self._order.epoch

    @property
    def next_place(self) -> tuple[int, int]:
        """The epoch of the next loop, and how many of its samples all ranks have already yielded."""
        return (self.epoch + 1, 0) if self._is_begun else (self.epoch, self._consumed)

    @property
    def classes(self) -> list[Any] | None:
        """The classes, sorted; a label is a position in this list. None without `label`."""
        return self.samples.classes

    @property
    def class_to_idx(self) -> dict[Any, int]:
        """Class -> label, as in ImageFolder; empty without `label`."""
        return self.samples.class_to_idx

    @property
    def targets(self) -> list[int] | None:
        """The labels of all samples of all ranks, in the order of their keys; None without labels."""
        return self.samples.targets

    def share(self, *, rank: int, world_size: int) -> None:
        """Use the share of another rank from the next loop on; the state stays valid.

        Args:
            rank: Rank of this process, from 0.
            world_size: Number of ranks.

        Raises:
            UsageError: One is out of range, or no image is left for this rank.
        """
        sharding = replace(self.sharding, rank=rank, world_size=world_size)
        _refuse_nothing(sharding)
        self.sharding = sharding

    def set_epoch(self, epoch: int) -> None:
        """Set the next epoch, like PyTorch's DistributedSampler.

        Args:
            epoch: From 0. The epoch of a state that was just loaded keeps its position.

        Raises:
            UsageError: It is less than 0, or not a whole number.
        """
        epoch = whole("epoch", epoch)
        if self._is_begun or epoch != self._order.epoch:
            self._go_to(epoch, 0)

    def state_dict(self) -> dict[str, Plain]:
        """Return the state of the loader after the last batch.

        Returns:
            Plain values for JSON or a checkpoint, about 150 bytes; the same on every rank. Load it into a
            loader with the same samples, seed and order, and any batch size, number of ranks and threads.
        """
        order, consumed = self._order, self._consumed
        if consumed == order.count:
            order, consumed = replace(order, epoch=order.epoch + 1), 0
        return State(
            order=order,
            consumed=consumed,
            fingerprint=self.samples.fingerprint,
            sampler=self._drawing.name,
        ).to_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from a state: the next loop yields the rest of its epoch.

        Args:
            state: What `state_dict` returned.

        Raises:
            StateMismatchError: It belongs to other images, another selection, another seed or another order;
                the error says what differs.
            UsageError: It is not a loader state.
        """
        loaded = State.from_dict(state)
        fingerprint, sampler = self.samples.fingerprint, self._drawing.name
        check(loaded, order=self._order, fingerprint=fingerprint, sampler=sampler)
        self._go_to(loaded.order.epoch, loaded.consumed)

    def _go_to(self, epoch: int, consumed: int) -> None:
        self._drawing = self._drawing.in_epoch(epoch)
        self._consumed = consumed
        self._is_begun = False  # a loop of this loader has given batches of the epoch
        self._loop = object()  # whatever loop is under way is not this one

    def _run(self, loop: object) -> Iterator[Batch]:
        self._marked = time.perf_counter()
        with closing(self._begun_ahead()) as begun:
            for step, pending in begun:
                if self._loop is not loop:
                    raise LoaderError(
                        "this loop has ended: the loader has started another one, or loaded a state",
                        hint="make one loader per loop with pack.loader(...)",
                    )
                yield self._given(step, pending)
        self._go_to(self.epoch + 1, 0)

    def _begun_ahead(self) -> Generator[tuple[Step, PendingBatch], None, None]:
        """Yield batches that are under way, the next ones behind them begun already."""
        drawing, steps = self._drawing, self.sharding.steps(self._consumed)
        samples = self.samples
        images_ahead = IMAGES_AHEAD_A_THREAD * samples.threads
        ahead = max(BATCHES_AHEAD, -(-images_ahead // self.sharding.batch_size))
        begun: deque[tuple[Step, PendingBatch]] = deque()
        try:
            while True:
                for step in islice(steps, ahead + 1 - len(begun)):
                    begun.append((step, samples.start(drawing, step.positions)))
                if not begun:
                    return
                yield begun.popleft()
        finally:
            for _step, pending in begun:
                pending.cancel()

    def _given(self, step: Step, pending: PendingBatch) -> Batch:
        """Wait for a batch and note that it is given."""
        asked = time.perf_counter()
        batch = pending.finish()
        self._consumed, self._is_begun = step.consumed, True
        stats, given = self.stats, time.perf_counter()
        stats.images, stats.batches = stats.images + len(batch), stats.batches + 1
        stats.seconds, stats.waited = stats.seconds + given - self._marked, stats.waited + given - asked
        self._marked = given
        stats.count_broken(batch.broken, on_error=self.samples.options.on_error)
        return batch


def _refuse_nothing(sharding: Sharding) -> None:
    if not sharding.n_steps():
        raise UsageError(
            f"drop_last leaves nothing: {sharding.count:,} samples are fewer than one batch of "
            f"{sharding.batch_size} x {sharding.world_size} ranks",
            hint="use a smaller batch_size, or drop_last=False",
        )
