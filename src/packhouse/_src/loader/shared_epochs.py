"""Where processes begin that share the batches of a loader, when new ones are started for each epoch."""

from __future__ import annotations

from typing import Protocol, SupportsInt

from packhouse._src.loader.worker_loader import WorkerLoader
from packhouse.errors import UsageError

SLOTS = 4
TOLD, EPOCH, CONSUMED, BEGUN = range(SLOTS)
UNKNOWN = -1
MOST_EPOCHS = 1 << 31
"""Epoch and generation stand in one number of 64 bits, which is written in one piece."""


class SharedNumbers(Protocol):
    """SLOTS whole numbers of 64 bits, in memory that the processes share; UNKNOWN at first."""

    def __getitem__(self, slot: int, /) -> SupportsInt: ...
    def __setitem__(self, slot: int, value: int, /) -> None: ...


class SharedEpochs:
    """What the owner of a loader tells processes about the next epoch, and these those that come later.

    Processes that are started together are a generation. Whichever begins an epoch first notes it; the
    others of its generation begin the same one, the next generation the one after. All of one generation
    note the same, so none has to wait for another.

    Args:
        shared: The numbers.
    """

    def __init__(self, shared: SharedNumbers) -> None:
        self._shared = shared
        self._heard = self._number(TOLD)
        self._is_new = True  # of a process: it has neither begun an epoch nor loaded a state

    def tell(self, epoch: int, consumed: int) -> None:
        """Say what comes next, as the owner of the loader.

        Args:
            epoch: From 0.
            consumed: Samples of it that are given already.

        Raises:
            UsageError: The epoch is too large.
        """
        if epoch >= MOST_EPOCHS:
            raise UsageError(f"epoch={epoch}: below {MOST_EPOCHS:,}, so that workers hear of it")
        self._shared[EPOCH], self._shared[CONSUMED], self._shared[BEGUN] = epoch, consumed, UNKNOWN
        self._heard += 1
        self._shared[TOLD] = self._heard

    def placed(self) -> None:
        """Note that this process has loaded a state of its own."""
        self._heard, self._is_new = self._number(TOLD), False

    def begin_next(self, turn: WorkerLoader, generation: int) -> None:
        """Bring a process's loader to where its next epoch begins.

        Args:
            turn: It.
            generation: A number that this process and those started with it have in common.
        """
        if self._heard != self._number(TOLD):  # it runs on through several epochs
            turn.go_to(self._number(EPOCH), self._number(CONSUMED))
        elif self._is_new and (begun := self._number(BEGUN)) != UNKNOWN:
            noted, epoch = divmod(begun, MOST_EPOCHS)
            comes = epoch if noted == generation % MOST_EPOCHS else epoch + 1
            if comes != turn.next_epoch:
                turn.set_epoch(comes)
        self.placed()

    def note(self, epoch: int, generation: int) -> None:
        """Note which epoch this process begins.

        Args:
            epoch: It.
            generation: As of `begin_next`.
        """
        self._shared[BEGUN] = generation % MOST_EPOCHS * MOST_EPOCHS + epoch

    def _number(self, slot: int) -> int:
        return int(self._shared[slot])
