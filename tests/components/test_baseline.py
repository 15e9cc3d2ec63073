from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tfx.types.standard_artifacts import Model, ModelBlessing

from components.baseline import LatestBlessedBefore
from tests.components.tables import REAL_TIME

Artifacts = dict[str, list[Any]]


def model(number: int) -> Model:
    """Returns a model with that id."""
    artifact = Model()
    artifact.id = number
    return artifact


def blessing(number: int, *, blessed: bool = True) -> ModelBlessing:
    """Returns the Evaluator's verdict on the model with that id."""
    artifact = ModelBlessing()
    artifact.set_int_custom_property("blessed", int(blessed))
    artifact.set_int_custom_property("current_model_id", number)
    return artifact


def resolve(models: list[int], blessings: list[ModelBlessing], candidate: int = 99) -> Artifacts:
    """Returns what the resolver chooses from."""
    inputs = {
        "model": [model(number) for number in models],
        "model_blessing": blessings,
        "candidate": [model(candidate)],
    }
    resolved: Artifacts = LatestBlessedBefore().resolve_artifacts(None, inputs)
    return resolved


def chosen(resolved: Artifacts) -> list[int]:
    """Returns the ids of the chosen models."""
    return [artifact.id for artifact in resolved["model"]]


def test_without_a_blessed_model_there_is_no_baseline() -> None:
    """The first run has nothing to compare with: no model, no blessing, and the candidate as it came."""
    resolved = resolve([1, 2], [])
    assert (resolved["model"], resolved["model_blessing"]) == ([], [])
    assert [artifact.id for artifact in resolved["candidate"]] == [99]


def test_the_latest_blessed_model_is_the_baseline() -> None:
    """Of several blessed models the last one made counts, whatever the order they come in, with its own blessing."""
    resolved = resolve([5, 9, 7], [blessing(9), blessing(5), blessing(7)])
    assert chosen(resolved) == [9]
    (verdict,) = resolved["model_blessing"]
    assert verdict.get_int_custom_property("current_model_id") == 9


def test_a_model_that_was_not_blessed_is_passed_over() -> None:
    """A later model that missed a bar, or was never evaluated, is no baseline."""
    assert chosen(resolve([5, 7, 9], [blessing(5), blessing(7, blessed=False)])) == [5]


def test_the_candidate_is_not_compared_with_itself() -> None:
    """A re-run whose model came from the cache, and is blessed, is compared with the one before it."""
    assert chosen(resolve([5, 7], [blessing(5), blessing(7)], candidate=7)) == [5]
    assert chosen(resolve([7], [blessing(7)], candidate=7)) == []


def test_a_blessing_whose_model_is_gone_is_passed_over() -> None:
    """A verdict alone, its model removed from the store, is no baseline."""
    assert chosen(resolve([5], [blessing(5), blessing(8)])) == [5]


@given(
    verdicts=st.dictionaries(st.integers(1, 30), st.booleans(), max_size=10),
    candidate=st.integers(1, 30),
)
@REAL_TIME
def test_the_baseline_is_the_greatest_blessed_id_but_the_candidates(verdicts: dict[int, bool], candidate: int) -> None:
    """Whatever has been made and blessed, one rule decides."""
    verdict_artifacts = [blessing(number, blessed=blessed) for number, blessed in verdicts.items()]
    expected = max((number for number, blessed in verdicts.items() if blessed and number != candidate), default=None)
    assert chosen(resolve(list(verdicts), verdict_artifacts, candidate)) == ([] if expected is None else [expected])
