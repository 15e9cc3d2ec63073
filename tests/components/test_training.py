from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from components.checkpoints import EarlyStoppingWithCheckpoints, restore, state_of
from components.data import ExampleSource
from components.model import build_model, shape_of
from components.training import compile_model, fit, make_reproducible, refit, run_fn
from tests.components import fleet
from tests.components.graphs import Graph
from tests.components.tables import read_records, write_records

SIGNATURES = {"serving_default", "predict_columns", "transform_features"}


@pytest.fixture(scope="module")
def files(class_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The transformed rows that have a class, every fourth one for evaluation."""
    folder = tmp_path_factory.mktemp("transformed")
    rows = sorted(read_records(class_graph.transformed))
    labelled = [row for row in rows if label_of(row) >= 0]
    splits = {"train": [row for index, row in enumerate(labelled) if index % 4], "eval": labelled[::4]}
    return {split: str(write_records(folder / split / "rows.gz", kept)) for split, kept in splits.items()}


def label_of(row: bytes) -> int:
    """Returns the label of a transformed example."""
    return int(tf.train.Example.FromString(row).features.feature["label"].int64_list.value[0])


class Training:
    """One training of a tiny model."""

    def __init__(self, class_graph: Graph, files: dict[str, str], folder: Path, **model: Any) -> None:
        options = fleet.options("multiclass", fleet.CLASSES, fleet.FEW_ROLES, **model)
        shape = shape_of(options.features, options.problem, class_graph.output)
        self.evaluation = ExampleSource((files["eval"],), class_graph.output)
        make_reproducible(options.model)
        train = ExampleSource((files["train"],), class_graph.output)
        self.model = train.packing.model(build_model(shape, options.model))
        compile_model(self.model, shape, options.model)
        self.first = state_of(self.model)
        checkpoints = folder / "checkpoints"
        self.stopping: EarlyStoppingWithCheckpoints = fit(
            self.model, train, self.evaluation, options.model, 8, folder / "logs", checkpoints
        )

    @property
    def weights(self) -> list[list[float]]:
        """The weights as lists, which compare as a whole."""
        return [weight.tolist() for weight in self.model.get_weights()]

    def evaluate(self) -> float:
        """Returns the loss on the eval split."""
        return float(self.model.evaluate(self.evaluation.evaluation(64), verbose=0))


@pytest.fixture(scope="module")
def trained(class_graph: Graph, files: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Training:
    """A training of three epochs with seed 1 and dropout."""
    return Training(class_graph, files, tmp_path_factory.mktemp("trained"), epochs=3, dropout=0.5)


@pytest.mark.parametrize(("batches", "accumulated", "steps"), [(3, 1, 3), (40, 1, 40), (8, 2, 4)])
def test_training_ends_after_the_batches_that_it_may_take(
    class_graph: Graph, files: dict[str, str], tmp_path: Path, batches: int, accumulated: int, steps: int
) -> None:
    """With model.steps it ends within an epoch, too, and to the batch, however many gradients make a step."""
    model = {"steps": batches, "accumulate_steps": accumulated, "epochs": 50, "patience": 50}
    assert int(Training(class_graph, files, tmp_path, **model).model.optimizer.iterations) == steps


def test_the_same_seed_gives_the_same_weights(
    trained: Training, class_graph: Graph, files: dict[str, str], tmp_path: Path
) -> None:
    """First weights, shuffling and dropout all follow the seed: a second training ends bit by bit where one did."""
    again = Training(class_graph, files, tmp_path, epochs=3, dropout=0.5)
    assert again.weights == trained.weights


def test_another_seed_gives_other_weights(
    trained: Training, class_graph: Graph, files: dict[str, str], tmp_path: Path
) -> None:
    """The seed is what makes two trainings equal."""
    other = Training(class_graph, files, tmp_path, epochs=3, dropout=0.5, seed=2)
    assert other.weights != trained.weights


def test_training_stops_early_and_keeps_the_best_weights(
    class_graph: Graph, files: dict[str, str], tmp_path: Path
) -> None:
    """A learning rate far too high makes the loss worse: training ends before its last epoch, at its best loss."""
    training = Training(class_graph, files, tmp_path, epochs=30, patience=2, learning_rate=3.0)
    progress = training.stopping.progress
    assert progress.epochs_without_better == 2
    assert progress.epoch < 30
    assert training.evaluate() == pytest.approx(progress.best_loss, rel=1e-5)


def test_a_training_goes_on_from_the_checkpoint_of_an_earlier_try(
    class_graph: Graph, files: dict[str, str], tmp_path: Path
) -> None:
    """fit() with more epochs on the same checkpoint folder trains only those that are left."""
    first = Training(class_graph, files, tmp_path, epochs=2, patience=40)
    second = Training(class_graph, files, tmp_path, epochs=3, patience=40)
    optimizer_steps = [int(training.model.optimizer.iterations.numpy()) for training in (first, second)]
    assert optimizer_steps == [2 * batches(files), 3 * batches(files)]
    assert second.stopping.progress.best_loss <= first.stopping.progress.best_loss


def batches(files: dict[str, str]) -> int:
    """Returns the number of batches of eight in the train split."""
    return -(-len(read_records(Path(files["train"]))) // 8)


@pytest.fixture(scope="module")
def run(class_graph: Graph, files: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of run_fn, as the Trainer calls it."""
    folder = tmp_path_factory.mktemp("run")
    options = fleet.options("multiclass", fleet.CLASSES, fleet.FEW_ROLES, epochs=1)
    config = options.model_dump(mode="json") | {"checkpoints": str(folder / "checkpoints")}
    run_fn(
        FnArgs(
            train_files=[str(Path(files["train"]).parent / "*")],
            eval_files=[str(Path(files["eval"]).parent / "*")],
            transform_output=class_graph.output.transform_savedmodel_dir.removesuffix("/transform_fn"),
            serving_model_dir=str(folder / "model"),
            model_run_dir=str(folder / "logs"),
            custom_config=config,
        )
    )
    return folder


def test_run_fn_exports_a_model_that_answers(run: Path, class_graph: Graph) -> None:
    """What the Trainer leaves is a SavedModel with three signatures, which gives a row its classes' probabilities."""
    loaded = tf.saved_model.load(str(run / "model"))
    assert set(loaded.signatures) == SIGNATURES
    answer = loaded.signatures["serving_default"](examples=tf.constant(class_graph.examples))["probabilities"].numpy()
    assert answer.shape == (fleet.ROWS, 3)
    np.testing.assert_allclose(answer.sum(axis=1), 1.0, atol=1e-5)


def test_run_fn_leaves_no_checkpoint_but_the_logs(run: Path) -> None:
    """Once the model is exported its checkpoint is gone; what TensorBoard reads is there."""
    assert not list((run / "checkpoints").rglob("*.npz"))
    assert list((run / "logs").rglob("events*"))


def test_run_fn_leaves_the_arithmetic_as_single_precision(run: Path) -> None:
    """A run without mixed precision trains in float32."""
    assert run.is_dir()
    assert keras.config.dtype_policy().name == "float32"


def test_a_small_table_trains_anew_on_all_its_rows(
    trained: Training, class_graph: Graph, files: dict[str, str]
) -> None:
    """From its first state, refit() takes as many epochs over both splits as it is told, and the weights move."""
    options = fleet.options("multiclass", fleet.CLASSES, fleet.FEW_ROLES, epochs=1)
    train, evaluation = (ExampleSource((files[split],), class_graph.output) for split in ("train", "eval"))
    both = train.and_that_of(evaluation)
    assert len(both.labels()) == len(train.labels()) + len(evaluation.labels())
    before = trained.weights
    restore(trained.model, trained.first)
    assert int(trained.model.optimizer.iterations.numpy()) == 0
    refit(trained.model, both, options.model, 8, epochs=2)
    assert int(trained.model.optimizer.iterations.numpy()) == 2 * -(-len(both.labels()) // 8)
    assert trained.weights != before


@pytest.mark.parametrize(("losses", "best"), [([0.5, 0.4, 0.45, 0.46], 2), ([0.5], 1), ([0.5, 0.4], 2)])
def test_the_best_epoch_is_counted_from_one(class_graph: Graph, tmp_path: Path, losses: list[float], best: int) -> None:
    """It is the number of epochs after which the loss on the eval split was lowest."""
    options = fleet.options("multiclass", fleet.CLASSES, fleet.FEW_ROLES)
    stopping = EarlyStoppingWithCheckpoints(tmp_path, 5, None)
    shape = shape_of(options.features, options.problem, class_graph.output)
    model = build_model(shape, options.model)
    compile_model(model, shape, options.model)
    stopping.set_model(model)
    for epoch, loss in enumerate(losses):
        stopping.on_epoch_end(epoch, {"val_loss": loss})
    assert stopping.progress.best_epoch == best
