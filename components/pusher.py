"""Pusher: a blessed model becomes a version that a model server can load, with its contract and warm-up requests."""

import json
from collections.abc import Mapping
from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.components.evaluator import constants
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, InfraBlessing, Model, ModelBlessing, PushedModel, Schema
from tfx.utils import path_utils

from components.publication import publish
from components.raw_examples import read_serialized, requests_for
from components.signature_calls import load
from components.warmup import write_warmup
from schema import contract


@component
def Pusher(
    model: InputArtifact[Model],
    model_blessing: InputArtifact[ModelBlessing],
    infra_blessing: InputArtifact[InfraBlessing],
    examples: InputArtifact[Examples],
    schema: InputArtifact[Schema],
    pushed_model: OutputArtifact[PushedModel],
    destination: Parameter[str],
    model_name: Parameter[str],
    warmup_rows: Parameter[int],
    default_severity: Parameter[str],
    severities: Parameter[str],
) -> None:
    """Publishes the model if both gates blessed it; `pushed_model` says whether, and where."""
    blessed = model_blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY)
    if not (blessed and infra_blessing.get_int_custom_property("blessed")):
        pushed_model.set_int_custom_property("pushed", 0)
        return
    path = path_utils.serving_model_path(model.uri)

    def prepare(version: Path) -> None:
        loaded = load(path)
        columns = loaded.signatures["predict_columns"].structured_input_signature[1]
        curated = text_format.Parse(Path(schema.uri, "schema.pbtxt").read_text("utf-8"), schema_pb2.Schema())
        contract.write(version, contract.served_part(curated, columns, warned(curated, default_severity, severities)))
        rows = read_serialized(artifact_utils.get_split_uri([examples], "train"), warmup_rows)
        if rows:
            write_warmup(version, model_name, requests_for(loaded, rows))

    version = publish(Path(path), Path(destination), origin=model.uri, prepare=prepare)
    pushed_model.set_int_custom_property("pushed", 1)
    pushed_model.set_int_custom_property("is_new", int(version.is_new))
    pushed_model.set_string_custom_property("pushed_destination", str(version.path))
    pushed_model.set_string_custom_property("pushed_version", str(version.number))


def warned(curated: schema_pb2.Schema, default: str, severities: str) -> frozenset[str]:
    """Returns the columns whose anomalies stop no run; `severities`, JSON, overrides `default` by column."""
    by_column: Mapping[str, str] = json.loads(severities)
    names = (feature.name for feature in curated.feature)
    return frozenset(name for name in names if by_column.get(name, default) == "warn")
