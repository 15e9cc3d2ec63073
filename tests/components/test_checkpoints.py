from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from components.checkpoints import EarlyStoppingWithCheckpoints

EPOCHS, ROWS, BATCH = 3, 32, 8
NUMBERS = np.random.default_rng(1)
X, Y = NUMBERS.normal(size=(ROWS, 3)), NUMBERS.normal(size=(ROWS, 1))


class Killed(Exception):  # it stands for a signal
    """Stands for whatever ends a training from outside."""


class KillAt(keras.callbacks.Callback):
    """Ends the training as an epoch begins, or after a batch of the first epoch."""

    def __init__(self, epoch: int | None = None, batch: int | None = None, *, for_real: bool = False) -> None:
        super().__init__()
        self._epoch, self._batch, self._for_real = epoch, batch, for_real

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Ends it here, perhaps."""
        del logs
        self._end_if(epoch == self._epoch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Ends it here, perhaps."""
        del logs
        self._end_if(batch == self._batch)

    def _end_if(self, now: bool) -> None:  # noqa: FBT001
        if now and self._for_real:
            os.kill(os.getpid(), signal.SIGKILL)
        if now:
            raise Killed


def build(seed: int = 1) -> keras.Model:
    """Returns a compiled model of one layer."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.1), "mse")
    return model


def train(
    model: keras.Model,
    stopping: EarlyStoppingWithCheckpoints,
    epochs: int = EPOCHS,
    killer: KillAt | None = None,
) -> list[float]:
    """Trains from the checkpoint, if there is one, and returns the losses on the eval split."""
    history = model.fit(
        X,
        Y,
        batch_size=BATCH,
        epochs=epochs,
        initial_epoch=stopping.resume(model),
        validation_data=(X, Y),
        shuffle=False,
        callbacks=[stopping, *([killer] if killer else [])],
        verbose=0,
    )
    losses: list[float] = history.history["val_loss"]
    return losses


def checkpointing(folder: Path, patience: int = 10, every_steps: int | None = None) -> EarlyStoppingWithCheckpoints:
    """Returns the callback under test."""
    return EarlyStoppingWithCheckpoints(folder / "checkpoint", patience, every_steps, every_seconds=0)


def state_of(model: keras.Model) -> list[Any]:
    """Returns weights and optimizer state as lists, which compare as a whole."""
    return [variable.numpy().tolist() for variable in (*model.variables, *model.optimizer.variables)]


def train_until_killed(folder: Path) -> None:
    """Kills this process with SIGKILL as the third epoch begins."""
    train(build(), checkpointing(folder), killer=KillAt(epoch=2, for_real=True))


def test_a_killed_training_resumes_where_it_stood(tmp_path: Path) -> None:
    """After SIGKILL a fresh process has the dead one's epoch, weights, optimizer state and best loss."""
    child = multiprocessing.get_context("spawn").Process(target=train_until_killed, args=(tmp_path,))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    alive, resumed = build(), build(seed=2)
    losses = train(alive, checkpointing(tmp_path / "alive"), epochs=2)
    stopping = checkpointing(tmp_path)
    assert stopping.resume(resumed) == 2
    assert state_of(resumed) == state_of(alive)
    assert stopping.progress.best_loss == min(losses)


def test_an_interrupted_training_ends_where_an_uninterrupted_one_does(tmp_path: Path) -> None:
    """A training in two parts gives the losses, weights and optimizer state of one in a piece."""
    whole, first, second = build(), build(), build(seed=2)
    losses = train(whole, checkpointing(tmp_path / "whole"))
    with pytest.raises(Killed):
        train(first, checkpointing(tmp_path / "parts"), killer=KillAt(epoch=1))
    assert train(second, checkpointing(tmp_path / "parts")) == losses[1:]
    assert state_of(second) == state_of(whole)


def with_weights(model: keras.Model, value: float) -> None:
    """Sets every weight to a value."""
    model.set_weights([np.full_like(weight, value) for weight in model.get_weights()])


def end_epochs(model: keras.Model, stopping: EarlyStoppingWithCheckpoints, losses: list[float]) -> None:
    """Ends epochs with those losses; the weights of each are the loss itself."""
    stopping.set_model(model)
    for epoch, loss in enumerate(losses, start=stopping.progress.epoch):
        with_weights(model, loss)
        stopping.on_epoch_end(epoch, {"val_loss": loss})


def only_weight(model: keras.Model) -> float:
    """Returns the value that all weights have."""
    (value,) = {float(number) for weight in model.get_weights() for number in weight.ravel()}
    return value


def test_the_best_weights_are_kept_across_a_kill(tmp_path: Path) -> None:
    """Training goes on with the last weights, and ends with the best ones, though those came before the kill."""
    end_epochs(build(), checkpointing(tmp_path), [0.5, 0.25, 1.0])
    model, stopping = build(), checkpointing(tmp_path)
    assert stopping.resume(model) == 3
    assert only_weight(model) == 1.0
    end_epochs(model, stopping, [2.0])
    stopping.on_train_end()
    assert only_weight(model) == 0.25


def test_a_better_epoch_after_the_kill_replaces_the_best(tmp_path: Path) -> None:
    """The best of before the kill does not hold against a better one after it."""
    end_epochs(build(), checkpointing(tmp_path), [0.5, 1.0])
    model, stopping = build(), checkpointing(tmp_path)
    stopping.resume(model)
    end_epochs(model, stopping, [0.25, 0.75])
    stopping.on_train_end()
    assert only_weight(model) == 0.25


@pytest.mark.parametrize(
    ("before", "after", "stops"),
    [([0.5, 1.0], [1.0], False), ([0.5, 1.0], [1.0, 1.0], True), ([0.5, 1.0, 1.0], [0.25, 1.0], False)],
)
def test_patience_counts_on_across_a_kill(tmp_path: Path, before: list[float], after: list[float], stops: bool) -> None:  # noqa: FBT001
    """With a patience of 3, epochs without a better loss before and after the kill add up; a better one begins anew."""
    end_epochs(build(), checkpointing(tmp_path, patience=3), before)
    model, stopping = build(), checkpointing(tmp_path, patience=3)
    stopping.resume(model)
    end_epochs(model, stopping, after)
    assert bool(model.stop_training) is stops


def test_an_equal_loss_is_not_a_better_one(tmp_path: Path) -> None:
    """Patience runs out on a loss that stays as it is."""
    model, stopping = build(), checkpointing(tmp_path, patience=2)
    end_epochs(model, stopping, [0.5, 0.5, 0.5])
    assert model.stop_training
    assert stopping.progress.epochs_without_better == 2


def test_without_a_checkpoint_training_begins_at_the_first_epoch(tmp_path: Path) -> None:
    """Nothing to resume from leaves the model as it was built."""
    model, untouched = build(), build()
    assert checkpointing(tmp_path).resume(model) == 0
    assert state_of(model) == state_of(untouched)


def write_half(folder: Path) -> None:
    """Leaves what a kill in the middle of writing a checkpoint leaves."""
    half = folder / "checkpoint" / "new"
    half.mkdir(parents=True)
    (half / "current.weights.h5").write_bytes(b"\x89HDF")


def test_a_half_written_checkpoint_is_not_resumed_from(tmp_path: Path) -> None:
    """Where the very first checkpoint is half written, training begins at the start."""
    write_half(tmp_path)
    assert checkpointing(tmp_path).resume(build()) == 0


def test_a_half_written_checkpoint_gives_way_to_the_one_before(tmp_path: Path) -> None:
    """The last whole checkpoint is resumed from, and the next one is written over the half."""
    end_epochs(build(), checkpointing(tmp_path), [0.5])
    write_half(tmp_path)
    model, stopping = build(), checkpointing(tmp_path)
    assert stopping.resume(model) == 1
    assert only_weight(model) == 0.5
    end_epochs(model, stopping, [0.25])
    assert checkpointing(tmp_path).resume(build()) == 2


class Clock:
    """Stands for the time, which goes on when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        """Returns the seconds."""
        return self.seconds


def written_epochs(folder: Path, epoch_seconds: float, epochs: int) -> list[int]:
    """Returns which epoch the checkpoint is of after each epoch, where one is written every ten seconds at most."""
    clock, model, written = Clock(), build(), []
    stopping = EarlyStoppingWithCheckpoints(folder / "checkpoint", epochs, None, every_seconds=10, clock=clock)
    for _ in range(epochs):
        end_epochs(model, stopping, [0.5])
        written.append(checkpointing(folder).resume(build()))
        clock.seconds += epoch_seconds
    return written


@pytest.mark.parametrize(
    ("epoch_seconds", "written"),
    [(0.001, [1, 1, 1, 1, 1]), (4.0, [1, 1, 1, 4, 4]), (10.0, [1, 2, 3, 4, 5]), (3600.0, [1, 2, 3, 4, 5])],
)
def test_ends_of_epochs_are_written_by_the_clock(tmp_path: Path, epoch_seconds: float, written: list[int]) -> None:
    """The first end of an epoch is written, then the first one when ten seconds have passed since."""
    assert written_epochs(tmp_path, epoch_seconds, 5) == written


def test_batches_are_counted_whatever_the_clock_says(tmp_path: Path) -> None:
    """With checkpoint_steps an epoch is written within, though no second has passed since the last time."""
    model, clock = build(), Clock()
    stopping = EarlyStoppingWithCheckpoints(tmp_path / "checkpoint", 10, 2, every_seconds=10, clock=clock)
    end_epochs(model, stopping, [0.5])
    with_weights(model, 0.75)
    for batch, expected in enumerate([0.5, 0.75]):
        stopping.on_train_batch_end(batch)
        resumed = build()
        checkpointing(tmp_path).resume(resumed)
        assert only_weight(resumed) == expected


def test_a_write_within_an_epoch_puts_off_the_one_at_its_end(tmp_path: Path) -> None:
    """The ten seconds count from the last checkpoint, whatever it was written for."""
    model, clock = build(), Clock()
    stopping = EarlyStoppingWithCheckpoints(tmp_path / "checkpoint", 10, 1, every_seconds=10, clock=clock)
    end_epochs(model, stopping, [0.5])
    clock.seconds += 6
    stopping.on_train_batch_end(0)
    clock.seconds += 6
    end_epochs(model, stopping, [0.25])
    assert checkpointing(tmp_path).resume(build()) == 1


def test_discard_removes_every_trace(tmp_path: Path) -> None:
    """After the model is exported nothing is left to resume from, a half written checkpoint neither."""
    stopping = checkpointing(tmp_path)
    end_epochs(build(), stopping, [0.5])
    write_half(tmp_path)
    stopping.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_can_be_written_within_an_epoch(tmp_path: Path) -> None:
    """Every second batch of four, the weights so far are kept: a kill in the first epoch loses one batch, not three."""
    killed, resumed = build(), build(seed=2)
    with pytest.raises(Killed):
        train(killed, checkpointing(tmp_path, every_steps=2), killer=KillAt(batch=1))
    assert checkpointing(tmp_path).resume(resumed) == 0
    assert state_of(resumed) == state_of(killed)


def test_by_default_nothing_is_written_within_an_epoch(tmp_path: Path) -> None:
    """Without checkpoint_steps a kill in the first epoch leaves no checkpoint."""
    with pytest.raises(Killed):
        train(build(), checkpointing(tmp_path), killer=KillAt(batch=3))
    assert not (tmp_path / "checkpoint").exists()
