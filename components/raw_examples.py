"""Raw examples as they leave ExampleGen: how they are parsed, and a few of them as columns."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import schema_utils
from tfx.types import artifact_utils
from tfx.utils import io_utils

from schema.names import identifier

Column = npt.NDArray[Any]


def raw_feature_spec(schema: schema_pb2.Schema) -> dict[str, Any]:
    """Returns how a schema's features are parsed by `tf.io.parse_example`."""
    spec: dict[str, Any] = schema_utils.schema_as_feature_spec(schema).feature_spec
    return spec


def read_schema(artifacts: Any) -> schema_pb2.Schema:
    """Returns the schema that the one artifact of a list holds."""
    folder = artifact_utils.get_single_uri(list(artifacts))
    schema: schema_pb2.Schema = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(folder))
    return schema


def read_serialized(folder: str, rows: int) -> list[bytes]:
    """Returns the first serialised tf.Examples of a split's folder."""
    files = sorted(glob.glob(f"{folder}/*.gz"))
    return list(tf.data.TFRecordDataset(files, "GZIP").take(rows).as_numpy_iterator())


def requests_for(loaded: Any, examples: list[bytes]) -> dict[str, dict[str, Column]]:
    """Returns the inputs of each signature of a loaded model, made of real rows."""
    columns = loaded.signatures["predict_columns"].structured_input_signature[1]
    serialized = np.array(examples, object)
    return {
        "serving_default": {"examples": serialized},
        "predict_columns": to_columns(examples, {name: spec.dtype for name, spec in columns.items()}),
        "transform_features": {"examples": serialized},
    }


def to_columns(examples: Iterable[bytes], dtypes: Mapping[str, tf.DType]) -> dict[str, Column]:
    """Returns the features of the examples as dense columns, each of shape [rows], by their `identifier`.

    A missing value is "" in a column of text and NaN in one of numbers: the inputs of the signature predict_columns.
    """
    parsed = [tf.train.Example.FromString(example).features.feature for example in examples]
    by_identifier = [{identifier(name): feature for name, feature in row.items()} for row in parsed]
    return {name: _column([row.get(name) for row in by_identifier], dtype) for name, dtype in dtypes.items()}


def _column(features: list[tf.train.Feature | None], dtype: tf.DType) -> Column:
    missing = b"" if dtype == tf.string else np.nan
    values = [_first_value(feature, missing) for feature in features]
    return np.array(values, dtype=dtype.as_numpy_dtype)


def _first_value(feature: tf.train.Feature | None, missing: Any) -> Any:
    kind = feature.WhichOneof("kind") if feature else None
    values = getattr(feature, kind).value if kind else []
    return values[0] if values else missing
