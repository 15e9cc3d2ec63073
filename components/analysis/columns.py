"""Columns of tf.Examples as TFT takes them."""

from __future__ import annotations

from collections.abc import Collection

from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.tfxio import tf_example_record


def examples_of(schema: schema_pb2.Schema) -> tf_example_record.TFExampleBeamRecord:
    """Returns what knows how tf.Examples become tensors."""
    return tf_example_record.TFExampleBeamRecord("tfrecords_gzip", schema=schema, telemetry_descriptors=["penstock"])


def only(schema: schema_pb2.Schema, columns: Collection[str]) -> schema_pb2.Schema:
    """Returns the schema of some columns."""
    kept = schema_pb2.Schema()
    kept.CopyFrom(schema)
    del kept.feature[:]
    kept.feature.extend(feature for feature in schema.feature if feature.name in columns)
    return kept
