"""`run_fn`, the Trainer's work: load, build, fit, blend, refit, export."""

from __future__ import annotations

import glob
import hashlib
import json
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from components.blend import with_trees
from components.checkpoints import EarlyStoppingWithCheckpoints, StopAfter, restore, state_of
from components.class_weights import BINARY_CLASSES, correction, weights_by_class
from components.data import ExampleSource
from components.layers import loss_of_each_member
from components.model import Shape, shape_of
from components.preprocessing import LABEL_VOCABULARY
from components.settings import BUILD_MODEL, ModelSettings, TrainingOptions
from components.signatures import export
from components.user_code import load_function
from schema.errors import UsageError, did_you_mean
from schema.roles import LABEL

STEPS_AT_ONCE = 20
log = logging.getLogger("penstock.progress")


def run_fn(fn_args: FnArgs) -> None:
    """Trains a model on the train split, stops it by the eval split, and exports it with its signatures."""
    options = TrainingOptions.model_validate(fn_args.custom_config)
    transform_output = tft.TFTransformOutput(fn_args.transform_output)
    make_reproducible(options.model)
    rows, held_out = (
        ExampleSource(_files(patterns), transform_output, options.model.in_memory)
        for patterns in (fn_args.train_files, fn_args.eval_files)
    )
    labels = rows.labels()
    shape = shape_of(options.features, options.problem, transform_output, labels)
    with strategy_of(options.model).scope():
        networks = load_function(options.build_model)(shape, options.model)
        check_inputs(networks, transform_output, options.build_model)
        packed = rows.packing.model(networks)
        compile_model(packed, shape, options.model)
    weights = class_weights(options, transform_output, labels)
    train, evaluation = (source.weighted(weights) for source in (rows, held_out))
    batch_size = options.model.batch_size or batch_size_for(len(labels))
    checkpoints = _checkpoint_folder(fn_args, options)
    first = state_of(packed)
    stopping = fit(packed, train, evaluation, options.model, batch_size, Path(fn_args.model_run_dir), checkpoints)
    model = without_weights(blend(networks, shape, train, evaluation, options), options.problem, weights)
    if options.build_model == BUILD_MODEL and len(labels) <= options.model.refit_rows:
        restore(packed, first)  # and with it the networks of the blend
        refit(packed, train.and_that_of(evaluation), options.model, batch_size, stopping.progress.best_epoch)
    export(model, shape, transform_output, options, fn_args.serving_model_dir)
    stopping.discard()


def blend(
    networks: keras.Model, shape: Shape, train: ExampleSource, evaluation: ExampleSource, options: TrainingOptions
) -> keras.Model:
    """Returns the model to export: a user's own as it is, ours with trees where the eval split is the better for it."""
    settings = options.model if options.build_model == BUILD_MODEL else options.model.model_copy(update={"trees": 0})
    return with_trees(networks, shape, train, evaluation, settings)


def batch_size_for(rows: int) -> int:
    """Returns a power of two with which a pass over the rows takes about 32 steps, from 16 to 256."""
    return int(min(256, max(16, 2 ** round(math.log2(max(rows, 1) / 32)))))


def class_weights(
    options: TrainingOptions, transform_output: tft.TFTransformOutput, labels: Any
) -> tuple[float, ...] | None:
    """Returns the weight of each class by its index; None where rows have none.

    Raises:
      UsageError: model.class_weights names a class that there is not, or the problem has no classes.
    """
    setting = options.model.class_weights
    if options.problem == "regression":
        return None
    classes = BINARY_CLASSES
    if options.problem == "multiclass":
        classes = tuple(name.decode() for name in transform_output.vocabulary_by_name(LABEL_VOCABULARY))
    return weights_by_class(options.problem, setting, labels, classes)


def without_weights(model: keras.Model, problem: str, weights: tuple[float, ...] | None) -> keras.Model:
    """Returns the model with the weights of its training taken out of its scores again."""
    if weights is None or len(set(weights)) == 1:
        return model
    return keras.Model(model.input, model.output + correction(problem, weights), name="unweighted")


def check_inputs(model: keras.Model, transform_output: tft.TFTransformOutput, build_model: str) -> None:
    """Checks that a model takes features by their names.

    Raises:
      UsageError: its inputs are not a dict by name, or one of them is no transformed feature.
    """
    made = set(transform_output.transformed_feature_spec()) - {LABEL}
    if not isinstance(model.input, dict):
        raise UsageError(f"{build_model}: the model's inputs are not a dict, by name of the transformed feature.")
    unknown = sorted(set(model.input) - made)
    if unknown:
        raise UsageError(f"{build_model}: the model takes {unknown[0]!r}. {did_you_mean(unknown[0], made)}")


def make_reproducible(settings: ModelSettings) -> None:
    """Makes one seed give the same weights twice, and sets the arithmetic's precision."""
    keras.utils.set_random_seed(settings.seed)
    tf.config.experimental.enable_op_determinism()
    half = "mixed_float16" if tf.config.list_physical_devices("GPU") else "mixed_bfloat16"
    keras.config.set_dtype_policy(half if settings.mixed_precision else "float32")


def strategy_of(settings: ModelSettings) -> tf.distribute.Strategy:
    """Returns the distribution strategy that the settings name."""
    return tf.distribute.MirroredStrategy() if settings.strategy == "mirrored" else tf.distribute.get_strategy()


def compile_model(model: keras.Model, shape: Shape, settings: ModelSettings) -> None:
    """Gives the model its optimizer and the loss of its problem; a regression's is in units of its label's variance."""
    steps = settings.accumulate_steps
    optimizer = keras.optimizers.AdamW(
        settings.learning_rate,
        weight_decay=settings.weight_decay,
        gradient_accumulation_steps=steps if steps > 1 else None,
    )
    losses = {
        "binary": keras.losses.BinaryCrossentropy(from_logits=True),
        "multiclass": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "regression": keras.losses.MeanSquaredError(),
    }
    loss = loss_of_each_member(losses[shape.problem], model.output)
    model.compile(optimizer, loss, loss_weights=[shape.label_scale**-2], steps_per_execution=steps_at_once(settings))


def steps_at_once(settings: ModelSettings) -> int:
    """Returns how many steps TensorFlow takes before Python looks at them; a step that has to be seen is a last one."""
    return math.gcd(STEPS_AT_ONCE, settings.steps or 0, settings.checkpoint_steps or 0)


def fit(
    model: keras.Model,
    train: ExampleSource,
    evaluation: ExampleSource,
    settings: ModelSettings,
    batch_size: int,
    logs: Path,
    checkpoints: Path,
) -> EarlyStoppingWithCheckpoints:
    """Trains a model of packed features to the best loss on the eval split, from an earlier try's last checkpoint."""
    stopping = EarlyStoppingWithCheckpoints(checkpoints, settings.patience, settings.checkpoint_steps)
    ends = [StopAfter(math.ceil(settings.steps / settings.accumulate_steps))] if settings.steps else []
    model.fit(
        train.training(batch_size, settings.seed),
        validation_data=evaluation.evaluation(max(batch_size, 1024)),
        initial_epoch=stopping.resume(model),
        epochs=settings.epochs,
        callbacks=[*ends, stopping, keras.callbacks.TensorBoard(str(logs), write_graph=False)],
        verbose=0,
    )
    return stopping


def refit(model: keras.Model, rows: ExampleSource, settings: ModelSettings, batch_size: int, epochs: int) -> None:
    """Trains a model in its first state on all rows, for as many epochs as were best on fewer."""
    log.info("training the networks anew on the train and eval splits: %d epochs", epochs)
    model.fit(rows.training(batch_size, settings.seed), epochs=epochs, verbose=0)


def _files(patterns: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(file for pattern in patterns for file in glob.glob(pattern)))


def _checkpoint_folder(fn_args: FnArgs, options: TrainingOptions) -> Path:
    """The folder of this very training: another one for other data, another graph or other settings."""
    inputs: list[Any] = [fn_args.train_files, fn_args.transform_output, options.model_dump(mode="json")]
    return Path(options.checkpoints) / hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:16]
