"""What is promised of any clean table, with no line of Python: as tests that a file runs over the tables it names."""

from __future__ import annotations

import pytest

from tests.e2e.datasets import Dataset
from tests.e2e.journey import Journey, Outcome
from tests.e2e.peer import Comparison, compare


class Promises:
    """Tests of one table each, `dataset`, which goes its way once: `init`, `run` and `predict`, nothing edited."""

    @pytest.fixture(scope="class")
    def outcome(self, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
        """What the three commands made of the table."""
        journey = Journey(tmp_path_factory.mktemp(dataset.name), dataset)
        problem = journey.init()["problem"]
        assert problem == dataset.problem, f"init took {dataset} for a problem of {problem}"
        return journey.run()

    @pytest.fixture(scope="class")
    def found(self, outcome: Outcome) -> Comparison:
        """How good that is."""
        return compare(outcome)

    def test_the_default_model_is_as_good_as_boosted_trees(self, found: Comparison) -> None:
        """On the same rows it comes as close to HistGradientBoosting as is promised: by AUC, accuracy or RMSE."""
        assert found.gap <= found.bar, found

    def test_predictions_are_what_the_run_measured(self, outcome: Outcome, found: Comparison) -> None:
        """The pushed model answers every row of the test split, with the metric that the Evaluator reported."""
        assert not [row for row in outcome.predictions if "error" in row]
        assert len(outcome.predictions) == len(outcome.tested_on) == outcome.summary["rows"]["test"]
        assert found.ours == pytest.approx(found.reported, rel=1e-3), found

    def test_every_row_is_in_a_split_or_in_quarantine(self, dataset: Dataset, outcome: Outcome) -> None:
        """Rows in are rows out and rows quarantined, by what is reported and by what lies in the splits."""
        rows = outcome.summary["rows"]
        assert sum(rows.values()) + outcome.summary["quarantined"] == dataset.rows
        assert len(outcome.fitted_on) == rows["train"] + rows["eval"]
