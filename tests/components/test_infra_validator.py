from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, InfraBlessing, Model

from components.infra_validator import InfraValidator, differences
from components.model_server import over_grpc, over_rest, serving
from components.signature_calls import Arrays, call, load
from schema.errors import InfraNotBlessed
from tests.components.conftest import Exporter
from tests.components.graphs import Graph
from tests.components.tables import REAL_TIME, to_examples, write_records

PROBABILITIES = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=5)


def answer(*values: Any, kind: Any = np.float32) -> Arrays:
    """Returns what a model with one signature and one output answers."""
    return {"serving_default": {"probability": np.array(values, kind)}}


@given(values=PROBABILITIES, off=st.floats(0, 0.0009))
@REAL_TIME
def test_answers_within_the_tolerance_do_not_differ(values: list[float], off: float) -> None:
    """The last bits of a float are another machine's business."""
    assert list(differences(answer(*values), answer(*(value + off for value in values)), 0.001, "there")) == []


@given(values=PROBABILITIES, off=st.floats(0.0011, 1))
@REAL_TIME
def test_an_answer_beyond_the_tolerance_differs(values: list[float], off: float) -> None:
    """One value that is off, whichever it is, is told with the signature and the output."""
    (sentence,) = differences(answer(*values), answer(*values[:-1], values[-1] + off), 0.001, "there")
    assert sentence.startswith("serving_default answered another 'probability': ")


def test_a_difference_names_both_values_and_the_row() -> None:
    """The sentence says what was answered in process, what there, and where."""
    (sentence,) = differences(answer(0.5, 0.25), answer(0.5, 0.75), 0.001, "there")
    assert sentence == "serving_default answered another 'probability': 0.25 in process, 0.75 there, at row 1"


def test_texts_must_be_the_same() -> None:
    """A class has no tolerance."""
    one, other = answer(b"Rome", b"Oslo", kind=object), answer(b"Rome", b"Bern", kind=object)
    assert list(differences(one, one, 1.0, "there")) == []
    assert [sentence.endswith("at row 1") for sentence in differences(one, other, 1.0, "there")] == [True]


def test_an_answer_of_another_shape_differs() -> None:
    """An answer to fewer rows is another answer."""
    (sentence,) = differences(answer(0.5, 0.5), answer(0.5), 1.0, "there")
    assert "shape (2,) in process, (1,) there" in sentence


@pytest.mark.parametrize("answered", [{}, {"serving_default": {}}, {"serving_default": {"score": np.array([0.5])}}])
def test_a_missing_answer_differs(answered: Arrays) -> None:
    """A signature or an output that is not there is named."""
    assert list(differences(answer(0.5), answered, 1.0, "there")) == ["serving_default gave no 'probability' there"]


def test_nan_is_the_same_as_nan_only() -> None:
    """A label that is unknown is unknown there too; a number instead of it is a difference."""
    assert list(differences(answer(np.nan), answer(np.nan), 0.001, "there")) == []
    assert len(list(differences(answer(np.nan), answer(0.5), 0.001, "there"))) == 1


class TwoAnswers(tf.Module):
    """A model that answers otherwise to columns than to rows."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def rows(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answers rows."""
        return {"probability": tf.fill(tf.shape(examples), 0.25)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "miles")])
    def columns(self, miles: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answers columns."""
        return {"probability": tf.fill(tf.shape(miles), 0.75)}


@pytest.fixture(scope="module")
def two_answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Model artifact of a model whose signatures disagree."""
    folder = tmp_path_factory.mktemp("two_answers")
    module = TwoAnswers()
    signatures = {
        "serving_default": module.rows,
        "predict_columns": module.columns,
        "transform_features": module.rows,
    }
    tf.saved_model.save(module, str(folder / "Format-Serving"), signatures=signatures)
    return folder


ROWS: Arrays = {"serving_default": {"examples": np.array([b"", b"a\0"], object)}}


def test_a_model_that_is_too_slow_is_refused(two_answers: Path) -> None:
    """No server loads TensorFlow in ten milliseconds: the message says the limit and how to change it."""
    with (
        pytest.raises(InfraNotBlessed, match=r"within 0\.01 s\. .*infra_validation\.timeout_seconds"),
        serving(str(two_answers / "Format-Serving"), 0.01) as server,
    ):
        server.loaded()


def test_a_model_that_does_not_load_is_refused(tmp_path: Path) -> None:
    """What the server said last is told."""
    (tmp_path / "saved_model.pb").write_bytes(b"not a SavedModel")
    with (
        pytest.raises(InfraNotBlessed, match=r"could not load the model: .*did not become available"),
        serving(str(tmp_path), 120) as server,
    ):
        server.loaded()


def test_both_ways_carry_any_bytes(two_answers: Path) -> None:
    """A tf.Example is no text: zeros at its end and bytes that are not UTF-8 arrive, over REST and over gRPC."""
    model = str(two_answers / "Format-Serving")
    here = call(load(model), ROWS)
    with serving(model, 120) as server:
        address = server.loaded()
        for answers in (over_grpc(address, ROWS), over_rest(address, ROWS, like=here)):
            assert list(differences(here, answers, 0.0, "there")) == []
        with pytest.raises(InfraNotBlessed, match=r"nothing over gRPC: FAILED_PRECONDITION: .*not found"):
            over_grpc(address, {"nothing": {}})
        with pytest.raises(InfraNotBlessed, match=r"nothing over REST: 400: .*not found"):
            over_rest(address, {"nothing": {}}, like=here)


def validate(model_folder: Path, examples: list[bytes], folder: Path) -> InfraBlessing:
    """Runs the component on a model and the rows of a test split; returns its blessing."""
    model, rows, blessing = Model(), Examples(), InfraBlessing()
    model.uri, rows.uri, blessing.uri = str(model_folder), str(folder / "examples"), str(folder / "blessing")
    rows.split_names = artifact_utils.encode_split_names(["train", "test"])
    write_records(folder / "examples" / "Split-test" / "rows.gz", examples)
    (folder / "blessing").mkdir()
    InfraValidator.test_call(
        model=model, examples=rows, blessing=blessing, rows=5, timeout_seconds=120.0, tolerance=1e-5
    )
    return blessing


def test_a_model_that_answers_alike_everywhere_is_blessed(
    exporter: Exporter, class_graph: Graph, tmp_path: Path
) -> None:
    """A real model, asked real rows over REST and gRPC, through each signature, gets the blessing and its file."""
    blessing = validate(exporter("multiclass").parent, class_graph.examples, tmp_path)
    assert blessing.get_int_custom_property("blessed") == 1
    assert [path.name for path in Path(blessing.uri).iterdir()] == ["INFRA_BLESSED"]


def test_a_model_whose_signatures_disagree_is_refused(two_answers: Path, tmp_path: Path) -> None:
    """Rows and columns must get the same answer; a model that is not blessed leaves no blessing."""
    with pytest.raises(InfraNotBlessed, match=r"0\.25 in process, 0\.75 from columns"):
        validate(two_answers, to_examples({"miles": [1.0, 2.0]}), tmp_path)
    assert list((tmp_path / "blessing").iterdir()) == []
