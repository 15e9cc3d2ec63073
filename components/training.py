"""`run_fn`, the Trainer's work: load, build, fit, export."""

from __future__ import annotations

import glob
import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from components.checkpoints import EarlyStoppingWithCheckpoints
from components.data import ExampleSource
from components.model import Shape, shape_of
from components.settings import ModelSettings, TrainingOptions
from components.signatures import export
from components.user_code import load_function
from schema.errors import UsageError, did_you_mean
from schema.roles import LABEL

log = logging.getLogger("penstock.progress")


def run_fn(fn_args: FnArgs) -> None:
    """Trains a model on the train split, stops it by the eval split, and exports it with its signatures."""
    options = TrainingOptions.model_validate(fn_args.custom_config)
    transform_output = tft.TFTransformOutput(fn_args.transform_output)
    shape = shape_of(options.features, options.problem, transform_output)
    make_reproducible(options.model)
    with strategy_of(options.model).scope():
        model = load_function(options.build_model)(shape, options.model)
        compile_model(model, shape, options.model)
    names = input_names(model, transform_output, options.build_model)
    train, evaluation = (
        ExampleSource(_files(patterns), transform_output, options.model.in_memory, names)
        for patterns in (fn_args.train_files, fn_args.eval_files)
    )
    stopping = fit(model, train, evaluation, options, Path(fn_args.model_run_dir), _checkpoint_folder(fn_args, options))
    export(model, shape, transform_output, options, fn_args.serving_model_dir)
    stopping.discard()


def input_names(model: keras.Model, transform_output: tft.TFTransformOutput, build_model: str) -> tuple[str, ...]:
    """Returns the names of the features that a model takes.

    Raises:
      UsageError: its inputs are not a dict by name, or one of them is no transformed feature.
    """
    made = set(transform_output.transformed_feature_spec()) - {LABEL}
    if not isinstance(model.input, dict):
        raise UsageError(f"{build_model}: the model's inputs are not a dict, by name of the transformed feature.")
    unknown = sorted(set(model.input) - made)
    if unknown:
        raise UsageError(f"{build_model}: the model takes {unknown[0]!r}. {did_you_mean(unknown[0], made)}")
    return tuple(model.input)


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
    """Gives the model its optimizer and the loss of its problem."""
    steps = settings.accumulate_steps
    optimizer = keras.optimizers.Adam(settings.learning_rate, gradient_accumulation_steps=steps if steps > 1 else None)
    losses = {
        "binary": keras.losses.BinaryCrossentropy(from_logits=True),
        "multiclass": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "regression": keras.losses.MeanSquaredError(),
    }
    model.compile(optimizer, losses[shape.problem])


def fit(
    model: keras.Model,
    train: ExampleSource,
    evaluation: ExampleSource,
    options: TrainingOptions,
    logs: Path,
    checkpoints: Path,
) -> EarlyStoppingWithCheckpoints:
    """Trains to the best loss on the eval split, from the last checkpoint where an earlier try left one."""
    settings = options.model
    stopping = EarlyStoppingWithCheckpoints(checkpoints, settings.patience, settings.checkpoint_steps)
    model.fit(
        train.training(settings.batch_size, settings.seed),
        validation_data=evaluation.evaluation(max(settings.batch_size, 1024)),
        initial_epoch=stopping.resume(model),
        epochs=settings.epochs,
        callbacks=[stopping, keras.callbacks.TensorBoard(str(logs), write_graph=False)],
        verbose=0,
    )
    return stopping


def _files(patterns: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(file for pattern in patterns for file in glob.glob(pattern)))


def _checkpoint_folder(fn_args: FnArgs, options: TrainingOptions) -> Path:
    """The folder of this very training: another one for other data, another graph or other settings."""
    inputs: list[Any] = [fn_args.train_files, fn_args.transform_output, options.model_dump(mode="json")]
    return Path(options.checkpoints) / hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:16]
