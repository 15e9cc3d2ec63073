"""Early stopping that survives a kill: the best weights are kept, and training goes on from the last checkpoint."""

from __future__ import annotations

import json
import logging
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

EVERY_SECONDS = 10.0  # an epoch of a small table takes less time than its checkpoint
CURRENT, BEST = "current.npz", "best.npz"
Arrays = list[npt.NDArray[Any]]
log = logging.getLogger("penstock.progress")


def state_of(model: keras.Model) -> Arrays:
    """Returns all that training changes in a compiled model: weights, random seeds, and the optimizer's state."""
    return [np.array(variable) for variable in _variables(model)]


def restore(model: keras.Model, state: Arrays) -> None:
    """Puts a compiled model into a state that it, or one built like it, was in."""
    for variable, value in zip(_variables(model), state, strict=True):
        variable.assign(value)


def _variables(model: keras.Model) -> list[Any]:
    model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]


def _read(file: Path) -> Arrays:
    """The arrays of a file, in their order; Keras' own files of weights take a second for a hundred features."""
    with np.load(file) as arrays:
        return [arrays[name] for name in arrays.files]


@dataclass
class Progress:
    """Where training stands."""

    epoch: int = 0
    best_loss: float = float("inf")
    epochs_without_better: int = 0

    @property
    def best_epoch(self) -> int:
        """After how many epochs the loss was best."""
        return self.epoch - self.epochs_without_better


class StopAfter(keras.callbacks.Callback):
    """Ends training after a number of the optimizer's steps, those before a resumed checkpoint included."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._steps = steps

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Has the epoch end where it is."""
        del batch, logs
        if int(self.model.optimizer.iterations) >= self._steps:
            self.model.stop_training = True


class EarlyStoppingWithCheckpoints(keras.callbacks.Callback):
    """Stops after `patience` epochs without a better val_loss, restores the best weights, and writes checkpoints.

    Args:
      folder: where the checkpoint of this very training lies; whatever lies there is resumed from.
      patience: epochs without a better loss on the eval split before training stops.
      every_steps: batches between checkpoints within an epoch; None writes them at the end of an epoch only.
      every_seconds: the least time between two ends of epochs that are written.
      clock: gives the seconds since some moment.
    """

    def __init__(
        self,
        folder: Path,
        patience: int,
        every_steps: int | None,
        every_seconds: float = EVERY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._folder, self._patience, self._every_steps = folder, patience, every_steps
        self._every_seconds, self._clock, self._saved = every_seconds, clock, -math.inf
        self._best: Arrays | None = None
        self.progress = Progress()

    def resume(self, model: keras.Model) -> int:
        """Restores the last checkpoint into the compiled `model`, if there is one; returns the epoch to go on with."""
        places = (self._folder / name for name in ("latest", "old"))  # a kill between two renames leaves the older one
        latest = next((place for place in places if (place / "progress.json").exists()), None)
        if latest:
            self.progress = Progress(**json.loads((latest / "progress.json").read_text()))
            if (latest / BEST).exists():
                self._best = _read(latest / BEST)
            restore(model, _read(latest / CURRENT))
            log.info("resumed from the checkpoint after epoch %d", self.progress.epoch)
        return self.progress.epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Writes a checkpoint every so many batches."""
        del logs
        if self._every_steps and (batch + 1) % self._every_steps == 0:
            self._save()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Notes whether the loss got better, writes a checkpoint, stops when patience is at its end."""
        loss = (logs or {})["val_loss"]
        better = loss < self.progress.best_loss  # which a NaN is not
        waited = 0 if better else self.progress.epochs_without_better + 1
        self.progress = Progress(epoch + 1, loss if better else self.progress.best_loss, waited)
        if better:
            self._best = self.model.get_weights()
        log.info("epoch %d, loss on the eval split %.4f, best %.4f", epoch + 1, loss, self.progress.best_loss)
        if self._clock() - self._saved >= self._every_seconds:
            self._save()
        if waited >= self._patience:
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Restores the best weights."""
        del logs
        if self._best is not None:
            self.model.set_weights(self._best)

    def discard(self) -> None:
        """Removes the checkpoint, once the model is exported."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _save(self) -> None:
        """Writes aside, then renames: a kill at any moment leaves a whole checkpoint or the one before."""
        new, latest, old = (self._folder / name for name in ("new", "latest", "old"))
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        np.savez(new / CURRENT, *state_of(self.model))
        if self._best is not None:
            np.savez(new / BEST, *self._best)
        (new / "progress.json").write_text(json.dumps(asdict(self.progress)))
        if latest.exists():
            shutil.rmtree(old, ignore_errors=True)
            latest.rename(old)
        new.rename(latest)
        shutil.rmtree(old, ignore_errors=True)
        self._saved = self._clock()
