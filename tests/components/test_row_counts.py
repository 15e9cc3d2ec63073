from __future__ import annotations

import json

import pytest
from tfx.types.standard_artifacts import Examples

from components.row_counts import ROWS_PROPERTY, check_rows
from schema.errors import StepFailed


def examples(**rows: int) -> Examples:
    """Returns an artifact of which ExampleGen said how many rows it wrote."""
    artifact = Examples()
    artifact.set_string_custom_property(ROWS_PROPERTY, json.dumps(rows))
    return artifact


def test_as_many_rows_as_were_written_pass() -> None:
    """The rows of several artifacts and several splits are taken together."""
    check_rows("Step", [examples(train=5, test=2)], ["train"], 5)
    check_rows("Step", [examples(train=5, test=2), examples(train=1)], ["train", "test"], 8)


@pytest.mark.parametrize("found", [9_999, 10_001, 0])
def test_a_lost_or_doubled_row_is_told_with_both_counts(found: int) -> None:
    """One row too few or too many fails the step; the message names step, split, and both counts."""
    with pytest.raises(StepFailed) as caught:
        check_rows("Step", [examples(train=10_000)], ["train"], found)
    assert str(caught.value).startswith(
        f"Step: the train split has 10,000 rows, as ExampleGen wrote it, and {found:,} are in what this step made."
    )


def test_examples_of_which_nothing_was_said_pass() -> None:
    """Another ExampleGen, such as TFX's for BigQuery, does not say how many rows it wrote."""
    check_rows("Step", [Examples()], ["train"], 5)
    check_rows("Step", [examples(train=5), Examples()], ["train"], 9)
