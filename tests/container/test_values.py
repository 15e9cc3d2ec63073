from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline.container.artifacts import artifacts_of
from pipeline.container.invocation import Invocation
from pipeline.container.properties import canonical, found_by_driver, properties_of
from pipeline.container.uris import Mount
from pipeline.packed import pack

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
PROPERTIES = st.dictionaries(st.text(), st.none() | st.integers() | NUMBERS | st.text())
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
METADATA = JSON.filter(lambda value: value is not None)
FEW = settings(max_examples=50, deadline=None)


def invocation(inputs: dict[str, Any]) -> Invocation:
    """Returns an invocation with these inputs."""
    return Invocation(json_format.ParseDict({"inputs": inputs}, pipeline_spec_pb2.ExecutorInput()), None)


def stored(value: Any) -> Any:
    """Returns a value of an artifact's metadata as Kubeflow's store gives it back (metadata/converter.go)."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, list):
        return {"list": value}
    return {"struct": value} if isinstance(value, dict) else value


@FEW
@given(PROPERTIES)
def test_what_a_driver_found_arrives_as_it_was(found: dict[str, Any]) -> None:
    """Texts, integers, floats and nothing keep their types on the way from the driver's task to the step."""
    arrived = found_by_driver(invocation({"parameterValues": {"driver_output": canonical(found)}}))
    assert arrived == found
    assert {name: type(value) for name, value in arrived.items()} == {name: type(one) for name, one in found.items()}


def test_a_packed_text_arrives_as_it_was() -> None:
    """The compiler packs what is too long for an argument; the step is told the text itself."""
    text = "feature { }\n" * 10_000
    given_ = {"parameterValues": {"text": pack(text)}}
    spec = {"parameters": {"text": {"parameterType": "STRING"}}}
    told = Invocation(
        invocation(given_).executor_input, json_format.ParseDict(spec, pipeline_spec_pb2.ComponentInputsSpec())
    )
    assert properties_of(told) == {"text": text}


@FEW
@given(METADATA)
def test_metadata_survives_kubeflows_store(value: Any) -> None:
    """What went through Kubeflow's store, which wraps lists and structs, is read as it was written."""
    artifact = {"type": {"schemaTitle": "tfx.Model"}, "uri": "a", "metadata": {"value": stored(value)}}
    step = artifacts_of(invocation({"artifacts": {"model": {"artifacts": [artifact]}}}), Mount(Path("/")))
    (model,) = step.inputs["model"]
    assert model.get_json_value_custom_property("value") == value
