from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from components.raw_examples import requests_for
from components.signature_calls import call
from schema.roles import LABEL
from serving.server.saved_model import load
from tests.components import fleet
from tests.components.conftest import Exporter
from tests.components.graphs import Graph
from tests.components.tables import Columns, to_examples

OUTPUTS = {"binary": {"probability"}, "multiclass": {"probabilities", "classes", "label"}, "regression": {"value"}}
NUMBERS = {"binary": "probability", "multiclass": "probabilities", "regression": "value"}
PROBLEMS = sorted(OUTPUTS)
LABEL_COLUMNS = {"binary": {"tips", "fare"}, "multiclass": {"kind"}, "regression": {"tips", "fare"}}
Arrays = dict[str, npt.NDArray[Any]]
Models = Mapping[str, Any]


@pytest.fixture(scope="module")
def models(exporter: Exporter) -> Models:
    """The exported model of each problem, reloaded from its folder."""
    return {problem: tf.saved_model.load(str(exporter(problem))) for problem in OUTPUTS}


def answers(models: Models, problem: str, examples: list[bytes]) -> dict[str, Arrays]:
    """Returns what each signature of a reloaded model answers to the same rows."""
    return call(models[problem], requests_for(models[problem], examples))


def ask(models: Models, problem: str, signature: str, examples: list[bytes]) -> Arrays:
    """Returns what one signature of a reloaded model answers."""
    return answers(models, problem, examples)[signature]


def alike(one: Arrays, other: Arrays) -> bool:
    """Returns whether two answers are the same, but for the last bits of a float."""
    exact = {name for name, values in one.items() if values.dtype == object}
    return one.keys() == other.keys() and all(
        np.array_equal(values, other[name])
        if name in exact
        else np.allclose(values, other[name], atol=1e-6, equal_nan=True)
        for name, values in one.items()
    )


@pytest.mark.parametrize("problem", PROBLEMS)
def test_rows_and_columns_get_the_same_answers(models: Models, graph: Graph, problem: str) -> None:
    """serving_default and predict_columns answer alike, missing values included, and not the same to every row."""
    both = answers(models, problem, graph.examples)
    assert alike(both["serving_default"], both["predict_columns"])
    numbers = both["serving_default"][NUMBERS[problem]]
    assert len(np.unique(numbers, axis=0)) > 3


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("signature", ["serving_default", "predict_columns"])
@pytest.mark.parametrize("rows", [0, 1, 5])
def test_the_outputs_have_the_names_and_shapes_that_were_promised(
    models: Models, graph: Graph, problem: str, signature: str, rows: int
) -> None:
    """Each problem's outputs, one for each row: of no rows too, and of three classes for three classes."""
    outputs = ask(models, problem, signature, graph.examples[:rows])
    widths = dict.fromkeys(("probabilities", "classes"), (3,))
    assert {name: values.shape for name, values in outputs.items()} == {
        name: (rows, *widths.get(name, ())) for name in OUTPUTS[problem]
    }


def test_a_probability_is_between_none_and_one(models: Models, graph: Graph) -> None:
    """A binary answer is a probability, not a raw score."""
    probability = ask(models, "binary", "serving_default", graph.examples)["probability"]
    assert ((probability > 0) & (probability < 1)).all()


def test_the_probabilities_of_the_classes_add_up_to_one(models: Models, graph: Graph) -> None:
    """A multi-class answer is a distribution over the classes."""
    probabilities = ask(models, "multiclass", "serving_default", graph.examples)["probabilities"]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-5)


def test_the_label_is_the_text_of_the_likeliest_class(models: Models, class_graph: Graph) -> None:
    """The answer names the class as the data does, in UTF-8."""
    outputs = ask(models, "multiclass", "serving_default", class_graph.examples)
    classes = np.array(["Zürich".encode(), "Köln".encode(), "Łódź".encode()], object)
    assert outputs["label"].tolist() == classes[outputs["probabilities"].argmax(axis=1)].tolist()


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_row_of_nothing_but_missing_values_is_answered(models: Models, problem: str) -> None:
    """An empty tf.Example, and columns of "" and NaN, get one finite answer, the same from both."""
    both = answers(models, problem, [tf.train.Example().SerializeToString()])
    assert alike(both["serving_default"], both["predict_columns"])
    assert all(np.isfinite(values).all() for values in both["serving_default"].values() if values.dtype != object)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_values_that_training_never_saw_are_answered(models: Models, problem: str) -> None:
    """New categories and numbers far away get a finite answer, the same from both signatures."""
    strange: Columns = {"city": ["Atlantis"], "brand": ["?"], "zone": [12345], "distance": [1e20], "begin": [-1]}
    both = answers(models, problem, to_examples(strange))
    assert alike(both["serving_default"], both["predict_columns"])
    assert all(np.isfinite(values).all() for values in both["serving_default"].values() if values.dtype != object)


def test_a_large_integer_is_exact_in_both_signatures(models: Models) -> None:
    """Seconds since 1970 arrive as they are, though predict_columns takes integers as floats: the last one counts."""
    midnight = 1_893_456_000
    both = answers(models, "binary", to_examples({"begin": [midnight - 1, midnight]}))
    assert alike(both["serving_default"], both["predict_columns"])
    before, after = both["predict_columns"]["probability"]
    assert before != after


def test_columns_that_only_the_label_reads_are_not_asked_for(models: Models) -> None:
    """predict_columns takes each column that a feature reads, and no other; integers as float64, so that NaN fits."""
    inputs = models["binary"].signatures["predict_columns"].structured_input_signature[1]
    kinds = {"FLOAT": tf.float32, "INT": tf.float64, "BYTES": tf.string}
    served = {column for role in fleet.ROLES for column in role.columns}
    assert {name: spec.dtype for name, spec in inputs.items()} == {name: kinds[fleet.TYPES[name]] for name in served}
    assert not served & LABEL_COLUMNS["binary"]


@pytest.mark.parametrize("problem", ["binary", "multiclass"])
def test_transform_features_gives_what_the_model_trained_on(
    models: Models, graph: Graph, class_graph: Graph, problem: str
) -> None:
    """The exported model carries the transform graph: the same features and the same label."""
    expected = class_graph if problem == "multiclass" else graph
    transformed = ask(models, problem, "transform_features", expected.examples)
    trained = expected.apply(expected.examples)
    assert transformed.keys() == trained.keys()
    for name, values in trained.items():
        np.testing.assert_allclose(transformed[name], values, rtol=1e-6, atol=1e-6, err_msg=name)


def without_label(graph: Graph, problem: str) -> list[bytes]:
    """Returns the rows as they are served: without the columns of the label."""
    absent = LABEL_COLUMNS[problem]
    return to_examples({name: values for name, values in graph.columns.items() if name not in absent})


@pytest.mark.parametrize(("problem", "unknown"), [("binary", np.nan), ("multiclass", -1)])
def test_the_label_is_unknown_where_its_columns_are_absent(
    models: Models, graph: Graph, problem: str, unknown: float
) -> None:
    """At serving nobody knows the label: transform_features says NaN, or class -1, and still gives the features."""
    transformed = ask(models, problem, "transform_features", without_label(graph, problem))
    np.testing.assert_array_equal(transformed[LABEL], np.full(fleet.ROWS, unknown))
    assert transformed["city_categorical"].tolist()[:2] == [1, 1]


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_answer_does_not_depend_on_the_labels_columns(models: Models, graph: Graph, problem: str) -> None:
    """A row with its label's columns, as evaluation sends it, gets the answer that it gets at serving."""
    with_label = ask(models, problem, "serving_default", graph.examples)
    at_serving = ask(models, problem, "serving_default", without_label(graph, problem))
    assert alike(with_label, at_serving)


def test_a_row_gets_the_same_answer_in_any_batch(models: Models, graph: Graph) -> None:
    """Rows do not see each other: alone or among others, the answer is the same."""
    together = ask(models, "binary", "serving_default", graph.examples[:3])["probability"]
    alone = [ask(models, "binary", "serving_default", [row])["probability"].item() for row in graph.examples[:3]]
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_model_server_gets_the_same_answers(exporter: Exporter, models: Models, graph: Graph, problem: str) -> None:
    """A loader that restores variables as TensorFlow Serving does finds each one that the signatures read."""
    servable = load("fleet", 1, exporter(problem))
    for key, inputs in requests_for(models[problem], graph.examples).items():
        signature = servable.signatures[key]
        feeds = tuple(signature.inputs[alias].name for alias in inputs)
        fetches = tuple(info.name for info in signature.outputs.values())
        served = servable.session.run(feeds, list(inputs.values()), fetches, None)
        assert alike(dict(zip(signature.outputs, served, strict=True)), call(models[problem], {key: inputs})[key])
    servable.close()
