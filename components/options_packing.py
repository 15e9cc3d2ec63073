"""The source's options on their way through TFX's `custom_config`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format, wrappers_pb2
from tfx.proto import example_gen_pb2
from tfx.types import standard_component_specs

from components.source_options import SourceOptions


def pack(options: SourceOptions) -> example_gen_pb2.CustomConfig:
    """Returns the options as ExampleGen's custom_config."""
    packed = example_gen_pb2.CustomConfig()
    packed.custom_config.Pack(wrappers_pb2.StringValue(value=options.model_dump_json()))
    return packed


def unpack(exec_properties: Mapping[str, Any]) -> SourceOptions:
    """Returns what `pack` packed, from ExampleGen's execution properties; the path of files is `input_base`.

    That one is a plain property, so a backend can change it from run to run, as a parameter of the pipeline.
    """
    packed = json_format.Parse(exec_properties["custom_config"], example_gen_pb2.CustomConfig())
    text = wrappers_pb2.StringValue()
    packed.custom_config.Unpack(text)
    options = SourceOptions.model_validate_json(text.value)
    path = exec_properties[standard_component_specs.INPUT_BASE_KEY] if options.path else ""
    return options.model_copy(update={"path": path})
