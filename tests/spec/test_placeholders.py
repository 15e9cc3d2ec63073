from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.spec.placeholders import Values, words_of
from schema.errors import StepFailed

CALM = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.from_regex(r"[a-zA-Z_][\w-]{0,8}", fullmatch=True)
PLAIN = st.text(max_size=10).filter(lambda text: "{{$" not in text and not text.endswith("{"))
TRICKY = st.text(max_size=10) | st.sampled_from(["{{$}}", "{{$.inputs.parameters['a']}}", "{{$.pipeline_root}}"])
MESSAGE: dict[str, Any] = {
    "inputs": {
        "parameterValues": {"text": "a b", "n": 3.0, "x": 0.5, "flag": True, "list": [1, "é"]},
        "artifacts": {
            "model": {"artifacts": [{"name": "7", "uri": "minio://b/m", "metadata": {"id": "9"}}]},
            "none": {"artifacts": []},
        },
    },
    "outputs": {
        "artifacts": {"out": {"artifacts": [{"uri": "gs://b/o"}]}},
        "parameters": {"p": {"outputFile": "/o/p"}},
        "outputFile": "/o/o.json",
    },
}


def values(message: dict[str, Any] = MESSAGE) -> Values:
    """The values of a message, whose artifacts lie under /here."""
    return Values(message, lambda uri: f"/here/{uri.rpartition('/')[2]}", {"pipeline_root": "minio://r"})


@CALM
@given(name=NAMES, value=TRICKY, before=PLAIN, after=PLAIN)
def test_a_value_stands_where_its_placeholder_stood(name: str, value: str, before: str, after: str) -> None:
    """A text is put in as it is, once: what looks like a placeholder in it, or beside it, stays."""
    message = {"inputs": {"parameterValues": {name: value}}}
    filled = values(message).fill(f"{before}{{{{$.inputs.parameters['{name}']}}}}{after}")
    assert filled == f"{before}{value}{after}"


@CALM
@given(parameters=st.dictionaries(NAMES, JSON.filter(lambda value: value is not None), max_size=4))
def test_the_whole_message_is_its_json(parameters: dict[str, Any]) -> None:
    """`{{$}}` is the message as JSON, and each parameter that is no text is its own JSON."""
    message = {"inputs": {"parameterValues": parameters}}
    assert json.loads(values(message).fill("{{$}}")) == message
    for name, value in parameters.items():
        filled = values(message).fill(f"{{{{$.inputs.parameters['{name}']}}}}")
        assert (filled if isinstance(value, str) else json.loads(filled)) == value


@CALM
@given(text=st.text("{}$.[]'abinputs", max_size=40))
def test_any_text_is_filled_or_refused(text: str) -> None:
    """No text makes the substitution raise anything but its own error."""
    with suppress(StepFailed):
        values().fill(text)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("--a={{$.inputs.parameters['text']}}!", "--a=a b!"),
        ("{{$.inputs.parameters['n']}} {{$.inputs.parameters['x']}}", "3 0.5"),
        ("{{$.inputs.parameters['flag']}} {{$.inputs.parameters['list']}}", 'true [1,"é"]'),
        ("{{$.inputs.artifacts['model'].uri}}", "minio://b/m"),
        ("{{$.inputs.artifacts['model'].path}}", "/here/m"),
        ("{{$.inputs.artifacts['model'].metadata['id']}}", "9"),
        ("{{$.outputs.artifacts['out'].uri}} {{$.outputs.artifacts['out'].path}}", "gs://b/o /here/o"),
        ("{{$.outputs.parameters['p'].output_file}} {{$.outputs.output_file}}", "/o/p /o/o.json"),
        ("{{$.pipeline_root}} {{$.unknown}} {{ $ }} {{$", "minio://r {{$.unknown}} {{ $ }} {{$"),
    ],
)
def test_each_placeholder_has_its_value(text: str, filled: str) -> None:
    """The placeholders of Kubeflow's launcher are filled in as it does; what it does not know stays."""
    assert values().fill(text) == filled


@pytest.mark.parametrize(
    "placeholder",
    [
        "{{$.inputs.parameters['nope']}}",
        "{{$.inputs.artifacts['none'].uri}}",
        "{{$.inputs.artifacts['model'].size}}",
        "{{$.outputs.parameters['text'].output_file}}",
        "{{$.inputs.parameters['text'].output_file}}",
        "{{$.inputs}}",
    ],
)
def test_an_input_that_is_not_there_is_named(placeholder: str) -> None:
    """A placeholder of an input or output that the step does not have is told, with those that there are."""
    with pytest.raises(StepFailed) as caught:
        values().fill(placeholder)
    assert str(caught.value) == (
        f"{placeholder}: the step has no such input or output. It has input parameters flag, list, n, text, x; "
        "input artifacts model; output parameters p; output artifacts out."
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [(["who"], ["run", "--who", "ann", "x-y"]), ([], ["run", "x-y"])],
)
def test_the_structures_of_kfp_become_words(given: list[str], words: list[str]) -> None:
    """IfPresent adds words where its input has a value, Concat joins them."""
    command = [
        "run",
        '{"IfPresent": {"InputName": "who", "Then": ["--who", "ann"]}}',
        '{"Concat": ["x", "-", "y"]}',
    ]
    assert words_of(command, given) == words
