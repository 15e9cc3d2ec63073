from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.submission.compiled import Parameter
from pipeline.submission.parameters import parameter_values
from schema.errors import UsageError

TYPES = {
    "text": "STRING",
    "count": "NUMBER_INTEGER",
    "rate": "NUMBER_DOUBLE",
    "flag": "BOOLEAN",
    "list": "LIST",
    "table": "STRUCT",
    "old": "INT",
}
DECLARED = {name: Parameter(name, type_, is_required=False) for name, type_ in TYPES.items()}
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5)


def test_each_value_has_the_type_of_its_parameter() -> None:
    """Words become what the pipeline declares; text keeps its blanks and its equals signs."""
    words = ("text= a=b ", "count=4", "rate=1e-3", "flag=True", "list=[1]", 'table={"a": 1}', "old=7")
    values = parameter_values(words, DECLARED)
    expected = {"text": " a=b ", "count": 4, "rate": 0.001, "flag": True, "list": [1], "table": {"a": 1}, "old": 7}
    assert values == expected
    assert type(values["count"]) is int


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("count", "no NAME=VALUE"),
        ("=4", "no NAME=VALUE"),
        ("cuont=4", "Did you mean 'count'"),
        ("count=4.5", "'count' is '4.5'. Legal is a whole number"),
        ("count=", "'count' is ''. Legal is a whole number"),
        ("rate=fast", "Legal is a number"),
        ("flag=1", "Legal is true or false"),
        ("list={}", "Legal is a list as JSON"),
        ("table=[", "Legal is an object as JSON"),
    ],
)
def test_a_wrong_value_is_told(word: str, told: str) -> None:
    """What the pipeline would refuse is refused before it is sent, with what is legal."""
    with pytest.raises(UsageError, match=told):
        parameter_values([word], DECLARED)


def test_names_are_told_once_and_all() -> None:
    """A name that is given twice is refused; those without default are named together; a pipeline may have none."""
    with pytest.raises(UsageError, match="count is given twice"):
        parameter_values(["count=1", "count=2"], DECLARED)
    required = {name: Parameter(name, "STRING", is_required=True) for name in ("a", "b")}
    with pytest.raises(UsageError, match=r"no default for a, b.*--parameter a=… --parameter b=…"):
        parameter_values([], required)
    with pytest.raises(UsageError, match=r"no parameter 'a'\. It has none"):
        parameter_values(["a=1"], {})


@settings(max_examples=30)
@given(st.lists(JSON), st.dictionaries(st.text(), JSON))
def test_json_comes_through(given_list: list[Any], given_table: dict[str, Any]) -> None:
    """Lists and objects come through as their JSON was written."""
    words = [f"list={json.dumps(given_list)}", f"table={json.dumps(given_table)}"]
    assert parameter_values(words, DECLARED) == {"list": given_list, "table": given_table}
