from __future__ import annotations

import pytest

from pipeline.packed import unpack
from pipeline.targets import parameters
from tests.targets.specs import two_steps


def test_a_lifted_constant_is_the_default_of_a_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run may give another value, and has the compiled one where it gives none."""
    monkeypatch.setattr(parameters, "LIFTED", {"place": (("Reader", "where"), ("Absent", "where"))})
    spec = two_steps()
    parameters.lift(spec)
    assert spec["root"]["inputDefinitions"]["parameters"] == {
        "place": {"parameterType": "STRING", "defaultValue": "here", "isOptional": True}
    }
    assert spec["root"]["dag"]["tasks"]["Reader"]["inputs"]["parameters"]["where"] == {
        "componentInputParameter": "place"
    }


def test_only_long_constants_are_packed() -> None:
    """What is short stays as it is, and so does what is no text."""
    spec = two_steps()
    given = spec["root"]["dag"]["tasks"]["Reader"]["inputs"]["parameters"]
    given |= {"long": {"runtimeValue": {"constant": "x" * 10_000}}, "number": {"runtimeValue": {"constant": 6.0}}}
    given["lifted"] = {"componentInputParameter": "place"}
    parameters.pack_long(spec)
    assert unpack(given["long"]["runtimeValue"].pop("constant")) == "x" * 10_000
    assert given == {
        "where": {"runtimeValue": {"constant": "here"}},
        "long": {"runtimeValue": {}},
        "number": {"runtimeValue": {"constant": 6.0}},
        "lifted": {"componentInputParameter": "place"},
    }


def test_what_no_step_has_is_no_parameter() -> None:
    """A pipeline without the steps of the table gets no parameters."""
    spec = two_steps()
    parameters.lift(spec)
    assert "inputDefinitions" not in spec["root"]
