from __future__ import annotations

import itertools
import shutil
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema import contract
from serving.local import BATCH, LocalModel
from serving.rows import NoRow, Row
from tests.components import fleet
from tests.components.conftest import Exporter
from tests.components.graphs import Graph
from tests.components.tables import REAL_TIME

CLASSES = {"Zürich", "Köln", "Łódź"}
COLUMNS = st.sampled_from([*fleet.TYPES, "other"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["Rome", "3.0"])
JSON = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.text(), SCALARS, max_size=2)


@pytest.fixture(scope="module")
def model(exporter: Exporter) -> LocalModel:
    """A binary model with every role."""
    return LocalModel(exporter("binary"))


@pytest.fixture(scope="module")
def classes(exporter: Exporter) -> LocalModel:
    """A model of three classes with names that are not ASCII."""
    return LocalModel(exporter("multiclass"))


@pytest.fixture(scope="module")
def strict(exporter: Exporter, tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    """The binary model as a version whose contract asks for a city, one of three, and no long distance."""
    version = tmp_path_factory.mktemp("strict") / "1"
    shutil.copytree(exporter("binary"), version)
    schema = fleet.schema()
    features = {feature.name: feature for feature in schema.feature}
    features["city"].presence.min_fraction = 1.0
    features["city"].string_domain.value.extend(["Rome", "Oslo", "Bern"])
    features["distance"].float_domain.max = 100
    contract.write(version, contract.served_part(schema, fleet.TYPES, ()))
    return LocalModel(version)


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


@pytest.mark.parametrize("value", ["far", "1,5", "1_0"])
def test_a_value_that_is_no_number_is_an_error_of_its_row(model: LocalModel, value: str) -> None:
    """Rows are counted from 1; the rows around it get what they get without it."""
    one, bad, other = model.predict([{"distance": 1.0}, {"distance": value}, {"distance": None}])
    assert bad == {"error": f"row 2: 'distance' is {value!r}, and the model needs a number there"}
    assert [one, other] == list(model.predict([{"distance": 1.0}, {"distance": None}]))


def test_a_piece_that_is_no_row_is_an_error_in_its_place(model: LocalModel) -> None:
    """What a file's reader could not read is counted as a row, with the reason."""
    given: list[Row | NoRow] = [NoRow("line 2: not JSON"), {"distance": 1.0}, NoRow("line 4: not JSON")]
    answers = list(model.predict(given))
    assert answers[0] == {"error": "row 1: line 2: not JSON"}
    assert answers[1].keys() == {"probability"}
    assert answers[2] == {"error": "row 3: line 4: not JSON"}


def test_a_version_is_held_to_its_contract(strict: LocalModel, rows: list[dict[str, Any]]) -> None:
    """A missing, an illegal and an outlying value are each refused by name, and a legal row is answered as ever."""
    given: list[Row] = [{"city": None}, {"city": "Paris"}, {"city": "Rome", "distance": 101}, rows[7]]
    *refused, answered = strict.predict(given)
    assert [answer["error"] for answer in refused] == [
        "row 1: 'city' is missing, and the schema asks for it in every row",
        "row 2: 'city' is 'Paris', and the schema allows only 'Rome', 'Oslo', 'Bern'",
        "row 3: 'distance' is 101, and the schema allows at most 100",
    ]
    assert answered.keys() == {"probability"}


@given(asked=st.lists(st.dictionaries(COLUMNS, JSON, max_size=6), max_size=6))
@REAL_TIME
def test_any_json_rows_get_one_answer_each(strict: LocalModel, asked: list[dict[str, Any]]) -> None:
    """Each row of a batch gets its prediction or an error that names a column, the same as it gets alone."""
    answers = list(strict.predict(asked))
    assert len(answers) == len(asked)
    for number, (row, answer) in enumerate(zip(asked, answers, strict=True), start=1):
        (alone,) = strict.predict([row])
        if "error" in answer:
            assert answer["error"] == alone["error"].replace("row 1:", f"row {number}:", 1)
            assert answer["error"].split()[2] in map(repr, fleet.TYPES)
        else:
            assert answer == pytest.approx(alone)


def test_integers_beyond_single_precision_are_exact(model: LocalModel) -> None:
    """Without a contract too, a timestamp keeps its seconds: 23:59:59 is of another hour than midnight."""
    before, after = probabilities(model, [{"begin": 1_404_172_799}, {"begin": 1_404_172_800}])
    assert before != after


def test_more_rows_than_one_batch_are_answered_one_by_one(model: LocalModel, rows: list[dict[str, Any]]) -> None:
    """Each of two batches and a half gets its answer, in order."""
    many = list(itertools.islice(itertools.cycle(rows), BATCH * 2 + 500))
    answers = probabilities(model, iter(many))
    once = probabilities(model, rows)
    assert answers == pytest.approx(list(itertools.islice(itertools.cycle(once), len(many))))


def test_rows_are_counted_on_from_batch_to_batch(model: LocalModel) -> None:
    """A bad row in the second batch has its number in the file."""
    rows: list[dict[str, Any]] = [{"distance": 1.0}] * BATCH + [{"distance": 2.0}, {"distance": "far"}]
    answers = list(model.predict(rows))
    assert [place for place, answer in enumerate(answers, start=1) if "error" in answer] == [BATCH + 2]
    assert answers[-1]["error"].startswith(f"row {BATCH + 2}: 'distance' is 'far'")


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
