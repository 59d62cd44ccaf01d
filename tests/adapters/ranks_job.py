"""What each of several processes does in the tests of ranks: `torchrun ranks_job.py PACK OUT PART`."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from torch.utils.data import DataLoader

import packhouse
from packhouse.errors import UsageError
from packhouse.torch import ImageBatches, ImageDataset

SAVED_AT = 3
OPTIONS: dict[str, Any] = {"size": 8, "columns": "key"}


def keys_of(batches: Iterable[Any]) -> list[list[str]]:
    """Return the keys of each batch."""
    return [list(columns["key"]) for _images, columns in batches]


def plain(pack: Any) -> dict[str, Any]:
    """Load before and after the process group is there, with workers, and with ranks that are given."""
    found: dict[str, Any] = {}
    early = ImageBatches(pack, batch_size=4, **OPTIONS)
    found["by torchrun"] = keys_of(early)
    distributed.init_process_group("gloo")
    found["made before the group"] = keys_of(early)
    batches = ImageBatches(pack, batch_size=4, **OPTIONS)
    found["in the group"] = keys_of(batches)
    found["length"] = len(batches)
    found["repr"] = repr(batches)
    loader = DataLoader(batches, batch_size=None, num_workers=1, multiprocessing_context="spawn")
    found["a worker"] = keys_of(loader)
    found["given"] = keys_of(ImageBatches(pack, batch_size=4, rank=0, world_size=1, **OPTIONS))
    found["alone"] = keys_of(ImageBatches(pack, batch_size=4, world_size=1, **OPTIONS))
    begun = ImageBatches(pack, batch_size=4, seed=3, **OPTIONS)
    batches_of_it = iter(begun)
    found["begun"] = keys_of(next(batches_of_it) for _ in range(3))
    found["state"] = begun.state_dict()
    return found


def with_accelerate(pack: Any) -> dict[str, Any]:
    """Load what accelerate has prepared, and beside it."""
    from accelerate import Accelerator

    accelerator, found = Accelerator(cpu=True), dict[str, Any]()
    found["dataset"] = keys_of(accelerator.prepare(DataLoader(ImageDataset(pack, **OPTIONS), batch_size=5)))
    found["beside"] = keys_of(ImageBatches(pack, batch_size=4, **OPTIONS))
    one: dict[str, Any] = {"rank": 0, "world_size": 1, "shuffle": False}
    whole = ImageBatches(pack, batch_size=4, label="group", size=8, **one)
    labels = [labels.tolist() for _, labels in accelerator.prepare(DataLoader(whole, batch_size=None))]
    found["prepared"] = labels
    if accelerator.is_main_process:  # the other process would wait for it
        shared = DataLoader(ImageBatches(pack, batch_size=4, label="group", size=8), batch_size=None)
        try:
            next(iter(accelerator.prepare(shared)))
        except UsageError as err:
            found["refused"] = str(err)
    return found


def seeing_model() -> Any:
    """Return a model of Lightning that notes the keys of each batch of each epoch."""
    from lightning.pytorch import LightningModule

    class Seeing(LightningModule):  # type: ignore[misc]  # frameworks are not here for type checkers
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(3 * 8 * 8, 1)
            self.seen: list[list[list[str]]] = []

        def training_step(self, batch: Any, _place: int) -> Any:
            images, columns = batch
            while len(self.seen) <= self.current_epoch:
                self.seen.append([])
            self.seen[self.current_epoch].append(list(columns["key"]))
            return self.layer(images.float().flatten(1)).mean()

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    return Seeing()


def saving(checkpoint: Path) -> Any:
    """Return a callback of Lightning that saves a checkpoint within the first epoch."""
    from lightning.pytorch import Callback

    class Saving(Callback):  # type: ignore[misc]
        def on_train_batch_end(self, trainer: Any, *_others: Any) -> None:
            if trainer.global_step == SAVED_AT:
                trainer.save_checkpoint(checkpoint)

    return Saving()


def with_lightning(pack: Any, checkpoint: Path) -> dict[str, Any]:
    """Train for two epochs with DataLoader, with the batches alone, and on from the middle of an epoch."""
    from lightning.pytorch import Trainer

    def fitted(*, wrap: bool = False, **options: Any) -> list[list[list[str]]]:
        batches: Any = ImageBatches(pack, batch_size=4, drop_last=True, **OPTIONS)
        quiet: Any = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar"), False)
        callbacks = [] if wrap or options else [saving(checkpoint)]
        trainer: Any = Trainer(
            accelerator="cpu", devices=2, strategy="ddp", max_epochs=2, callbacks=callbacks, **quiet
        )
        model = seeing_model()
        trainer.fit(model, DataLoader(batches, batch_size=None) if wrap else batches, **options)
        return list(model.seen)

    return {
        "loader": fitted(wrap=True),
        "alone": fitted(),
        "resumed": fitted(ckpt_path=checkpoint, weights_only=False),
    }


def resumed(pack: Any, state: dict[str, Any]) -> dict[str, Any]:
    """Go on where other processes stood."""
    distributed.init_process_group("gloo")
    batches = ImageBatches(pack, batch_size=5, seed=3, **OPTIONS)
    batches.load_state_dict(state)
    return {"rest": keys_of(batches), "next epoch": keys_of(batches)}


def main() -> None:
    """Do one part and write down what was seen."""
    warnings.simplefilter("ignore")
    pack, out, part = packhouse.open(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    if part == "resume":
        found = resumed(pack, json.loads((out / "state.json").read_text()))
    else:
        found = {"plain": plain(pack), "accelerate": with_accelerate(pack)}
        found["lightning"] = with_lightning(pack, out / "lightning.ckpt")
    (out / f"{part}{os.environ['RANK']}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
