from __future__ import annotations

import pytest

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


def test_what_no_step_has_is_no_parameter() -> None:
    """A pipeline without the steps of the table gets no parameters."""
    spec = two_steps()
    parameters.lift(spec)
    assert "inputDefinitions" not in spec["root"]
