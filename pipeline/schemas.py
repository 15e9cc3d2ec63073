"""The curated schema: read, held against the configuration, and made a step of the DAG."""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.source_options import NUMBER
from pipeline.config import Config
from pipeline.sources import columns_of
from schema.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from tfx.dsl.components.base.base_component import BaseComponent
    from tfx.types.channel import BaseChannel

NUMBERS = ("INT", "FLOAT")


@cache
def read_schema(path: str) -> schema_pb2.Schema:
    """Returns the curated schema in a text-format file.

    Raises:
      UsageError: there is no such file, or it is not a schema.
    """
    try:
        return text_format.Parse(Path(path).read_text(encoding="utf-8"), schema_pb2.Schema())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the schema cannot be read: {error}.") from None
    except text_format.ParseError as error:
        raise UsageError(f"{path}: is not a schema in protobuf's text format: {error}.") from None


def column_types(config: Config) -> dict[str, str]:
    """Returns the type of each column that has a curated one (INT, FLOAT, BYTES).

    Without a curated schema it returns NUMBER for those that some role reads as a number.

    Raises:
      UsageError: the configuration names a column that the schema, or without one the data, does not have; or it asks
        a number of a column of text.
    """
    if config.schema_.path is None:
        _check_names(config, columns_of(config), where(config))
        return dict.fromkeys(config.numeric_columns, NUMBER)
    features = read_schema(config.schema_.path).feature
    types = {feature.name: schema_pb2.FeatureType.Name(feature.type) for feature in features}
    _check_names(config, types, config.schema_.path)
    for column in sorted(config.numeric_columns):
        if types[column] not in NUMBERS:
            raise UsageError(
                f"features: {column!r} has a role that needs a number, and {config.schema_.path} says it is text. "
                "Give it the role categorical or hashed."
            )
    return types


def schema_gen(config: Config, statistics: BaseChannel) -> BaseComponent:
    """Returns the step that gives the schema: the curated one, or one inferred from all splits."""
    from tfx.components.schema_gen.component import SchemaGen

    from components.import_schema import ImportSchema

    if config.schema_.path is None:
        inferred: BaseComponent = SchemaGen(statistics=statistics, infer_feature_shape=False)
        return inferred
    text = text_format.MessageToString(read_schema(config.schema_.path))
    imported: BaseComponent = ImportSchema(text=text).with_id("ImportSchemaGen")
    return imported


def where(config: Config) -> str:
    """Returns where the rows come from, for messages."""
    return config.data.path or str(config.data.query)


def data_gate_options(config: Config) -> dict[str, Any]:
    """Returns what the DataGate is told."""
    return {
        "source": where(config),
        "label": config.label,
        "problem": config.problem,
        **severity_options(config),
    }


def severity_options(config: Config) -> dict[str, str]:
    """Returns what stops a run and what is only told, by feature, as the DataGate and the Pusher take it."""
    return {
        "default_severity": config.gates.data.default,
        "severities": json.dumps(config.gates.data.features),
    }


def _check_names(config: Config, known: Collection[str], where: str) -> None:
    for key, column in _named_columns(config):
        if known and column not in known:
            raise UsageError(f"{key} names {column!r}, which {where} does not have. {did_you_mean(column, known)}")


def _named_columns(config: Config) -> list[tuple[str, str]]:
    """Each column that the configuration names, behind the key where it does."""
    named = [(f"features.{number}", column) for number, role in enumerate(config.features) for column in role.columns]
    named += [("label", column) for column in config.label_expression.columns]
    named += [("evaluation.slices", column) for keys in config.evaluation.slices for column in keys]
    named += [("evaluation.slice_bars", column) for bar in config.evaluation.slice_bars for column in bar.slice]
    return named + [("gates.data.features", column) for column in config.gates.data.features]
