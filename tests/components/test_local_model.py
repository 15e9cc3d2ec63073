from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from schema.errors import UsageError
from serving.local import BATCH, LocalModel
from tests.components.conftest import Exporter
from tests.components.graphs import Graph

CLASSES = {"Zürich", "Köln", "Łódź"}


@pytest.fixture(scope="module")
def model(exporter: Exporter) -> LocalModel:
    """A binary model with every role."""
    return LocalModel(exporter("binary"))


@pytest.fixture(scope="module")
def classes(exporter: Exporter) -> LocalModel:
    """A model of three classes with names that are not ASCII."""
    return LocalModel(exporter("multiclass"))


@pytest.fixture(scope="module")
def rows(graph: Graph) -> list[dict[str, Any]]:
    """The table's rows, as JSON Lines would have them."""
    return [dict(zip(graph.columns, values, strict=True)) for values in zip(*graph.columns.values(), strict=True)]


def probabilities(model: LocalModel, rows: Any) -> list[float]:
    """Returns each row's probability."""
    return [prediction["probability"] for prediction in model.predict(rows)]


def test_each_row_gets_one_prediction_in_its_order(model: LocalModel, rows: list[dict[str, Any]]) -> None:
    """Predictions are plain numbers, and turn around when the rows do."""
    forward = probabilities(model, rows)
    assert all(isinstance(probability, float) for probability in forward)
    assert forward == pytest.approx(probabilities(model, rows[::-1])[::-1])
    assert len(set(forward)) > 3


def test_it_answers_as_the_models_signature_does(
    model: LocalModel, exporter: Exporter, rows: list[dict[str, Any]], graph: Graph
) -> None:
    """The same rows as tf.Examples, through serving_default, get the same answers."""
    import tensorflow as tf

    signature = tf.saved_model.load(str(exporter("binary"))).signatures["serving_default"]
    expected = signature(examples=tf.constant(graph.examples))["probability"].numpy()
    np.testing.assert_allclose(probabilities(model, rows), expected, atol=1e-6)


def test_an_absent_column_counts_as_missing(model: LocalModel, rows: list[dict[str, Any]]) -> None:
    """A column that is absent, null, or empty as in a CSV, is the same to the model."""
    absent = {name: value for name, value in rows[7].items() if name not in ("distance", "city")}
    assert (
        probabilities(model, [absent])
        == probabilities(model, [absent | {"distance": None, "city": None}])
        == probabilities(model, [absent | {"distance": "", "city": ""}])
    )
    assert probabilities(model, [absent]) != probabilities(model, [rows[7]])


def test_columns_that_the_model_lacks_are_ignored(model: LocalModel, rows: list[dict[str, Any]]) -> None:
    """A row may carry more than the model reads, the label's columns too."""
    more = rows[7] | {"tips": 99, "note": "by hand", "nested": {"a": 1}}
    assert probabilities(model, [more]) == probabilities(model, [rows[7]])


def test_numbers_may_come_as_text(model: LocalModel, rows: list[dict[str, Any]]) -> None:
    """The values of a CSV are text, and are read as the model's columns need them."""
    as_text = {name: "" if value is None else str(value) for name, value in rows[7].items()}
    assert probabilities(model, [as_text]) == probabilities(model, [rows[7]])


@pytest.mark.parametrize("value", ["far", "1,5", [1.0], {"miles": 1}])
def test_a_value_that_is_no_number_names_row_and_column(model: LocalModel, value: Any) -> None:
    """Rows are counted from 1."""
    bad = [{"distance": 1.0}, {"distance": None}, {"distance": value}]
    with pytest.raises(UsageError) as refused:
        probabilities(model, bad)
    assert str(refused.value).startswith(f"Row 3: 'distance' is {value!r}, ")


def test_more_rows_than_one_batch_are_answered_one_by_one(model: LocalModel, rows: list[dict[str, Any]]) -> None:
    """Each of two batches and a half gets its answer, in order."""
    many = list(itertools.islice(itertools.cycle(rows), BATCH * 2 + 500))
    answers = probabilities(model, iter(many))
    once = probabilities(model, rows)
    assert answers == pytest.approx(list(itertools.islice(itertools.cycle(once), len(many))))


def test_rows_are_counted_on_from_batch_to_batch(model: LocalModel) -> None:
    """A bad row in the second batch has its number in the file, and the first batch is answered before it."""
    rows: list[dict[str, Any]] = [{"distance": 1.0}] * BATCH + [{"distance": 2.0}, {"distance": "far"}]
    predictions = model.predict(rows)
    assert len(list(itertools.islice(predictions, BATCH))) == BATCH
    with pytest.raises(UsageError, match=f"^Row {BATCH + 2}: 'distance' is 'far'"):
        next(predictions)


def test_rows_are_read_as_they_are_needed(model: LocalModel) -> None:
    """An endless stream of rows is answered as it comes."""
    endless = ({"distance": float(number)} for number in itertools.count())
    assert len(list(itertools.islice(model.predict(endless), 3))) == 3


def test_no_rows_get_no_predictions(model: LocalModel) -> None:
    """Nothing asked, nothing answered."""
    assert list(model.predict([])) == []


def test_a_class_is_answered_as_text(classes: LocalModel) -> None:
    """The likeliest class is a str, with its umlauts, beside the probabilities of all as a list."""
    (prediction,) = classes.predict([{"city": "Rome", "distance": 3}])
    assert prediction["label"] in CLASSES
    assert len(prediction["probabilities"]) == 3
    assert sum(prediction["probabilities"]) == pytest.approx(1.0, abs=1e-5)


def test_text_is_sent_as_utf_8(model: LocalModel, rows: list[dict[str, Any]]) -> None:
    """A value that is not ASCII is one more unseen category, and not an error."""
    (odd,) = probabilities(model, [rows[7] | {"brand": "Škoda"}])
    (unseen,) = probabilities(model, [rows[7] | {"brand": "Tata"}])
    assert odd == pytest.approx(unseen)
