"""The other problems, another kind of source, no curated schema, and functions of the user's own."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest

from tests.e2e.conftest import Folder

pytestmark = pytest.mark.e2e
REGRESSION = """
name: small
problem: regression
label: fare
data: {source: parquet, path: trips.parquet, splits: {train: 6, eval: 2, test: 2}}
features:
  - {column: trip_miles, role: numeric}
  - {column: trip_seconds, role: numeric}
user_code: {preprocessing_fn: my_features.preprocessing_fn, build_model: my_features.build_model}
model: {epochs: 5}
evaluation: {bars: {rmse: {max: 1000}}}
"""
MULTICLASS = """
name: small
problem: multiclass
label: payment_type
data: {path: trips.csv, splits: {train: 6, eval: 2, test: 2}}
features:
  - {column: tips, role: bucketized}
  - {column: company, role: categorical}
model: {epochs: 20, learning_rate: 0.01, batch_size: 32, accumulate_steps: 2, mixed_precision: true}
evaluation: {slices: [[trip_start_day]], bars: {accuracy: {min: 0.5}}}
"""
USER_CODE = '''
"""Functions of a user's own."""
import keras
import tensorflow as tf
import tensorflow_transform as tft


def preprocessing_fn(inputs, custom_config):
    outputs = {}
    for name in ("trip_miles", "trip_seconds"):
        values = tf.reshape(tf.sparse.to_dense(tf.cast(inputs[name], tf.float32)), [-1])
        outputs[f"{name}_numeric"] = tft.scale_to_0_1(tf.math.log1p(values))
        outputs[f"{name}_missing"] = tf.zeros_like(values)
    outputs["label"] = tf.reshape(tf.sparse.to_dense(inputs["fare"]), [-1])
    return outputs


def build_model(shape, settings):
    inputs = {name: keras.Input((), name=name) for name in shape.dense}
    stacked = keras.ops.stack(list(inputs.values()), axis=1)
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Dense(8, activation="relu")(stacked)))
'''


def test_regression_from_parquet_with_functions_of_the_users_own(folder: Folder) -> None:
    """Parquet, no schema, a preprocessing_fn and a model from the user's folder make a model that answers a value."""
    (folder.path / "small.yaml").write_text(REGRESSION)
    (folder.path / "my_features.py").write_text(USER_CODE)
    table = pyarrow.csv.read_csv(folder.data)
    pyarrow.parquet.write_table(table, folder.path / "trips.parquet")
    done = folder.run("--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert sum(summary["rows"].values()) == table.num_rows
    assert set(summary["metrics"][0]["metrics"]) == {"rmse", "mae", "r2", "mean_prediction"}
    assert isinstance(predict(folder, '{"trip_miles": 3.0, "trip_seconds": 600}')["value"], float)


def test_multiclass_with_text_labels(folder: Folder) -> None:
    """A column of text as the label: the model answers the probability of each class, and the likeliest by its name."""
    (folder.path / "small.yaml").write_text(MULTICLASS)
    done = folder.run("--json")
    assert done.returncode == 0, done.stderr
    answer = predict(folder, '{"tips": 4.0}')
    probabilities = answer["probabilities"]
    assert answer["label"] == "Credit Card"
    assert isinstance(probabilities, list)
    assert sum(probabilities) == pytest.approx(1, abs=1e-3)


def predict(folder: Folder, row: str) -> dict[str, float | str | list[float]]:
    """What the pushed model answers for one row."""
    rows = Path(folder.path, "rows.jsonl")
    rows.write_text(row + "\n")
    done = folder.penstock("predict", "small.yaml", "--input", "rows.jsonl")
    assert done.returncode == 0, done.stderr
    answer: dict[str, float | str | list[float]] = json.loads(done.stdout)
    return answer
