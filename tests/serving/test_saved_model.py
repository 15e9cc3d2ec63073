"""SavedModels of a few operations, loaded and run by TensorFlow."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from grpc import StatusCode
from tensorflow.compat import v1

from serving.server import saved_model
from serving.server.inference import predict
from serving.server.saved_model import ROWS_FOR_POOL, SessionOptions
from serving.server.servable import Servable, TensorInfo
from tests.conformance import models
from tests.serving.lifecycle.worlds import refusal

FLOAT = 1
CODES = {"NOT_FOUND", "DATA_LOSS", "INVALID_ARGUMENT", "OUT_OF_RANGE", "INTERNAL", "FAILED_PRECONDITION"}


def loaded(path: Path, **options: Any) -> Servable:
    """Version 7 of m."""
    return saved_model.load("m", 7, path, SessionOptions(**options))


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servable]:
    """Half of x plus two, as TensorFlow 1 exports it."""
    path = tmp_path_factory.mktemp("half") / "7"
    models.half_plus_two(path)
    servable = loaded(path)
    yield servable
    servable.close()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, as TensorFlow 2 exports it; nobody changes it."""
    path = tmp_path_factory.mktemp("exported") / "7"
    models.tf2_half_plus_two(path)
    return path


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models of two inputs, of texts and of a counter."""
    folder = tmp_path_factory.mktemp("others")
    models.two_by_two(folder / "two")
    models.texts(folder / "texts")
    models.counter(folder / "counter")
    return folder


def y(servable: Servable, x: Any) -> Any:
    """What it answers to x."""
    return predict.run(servable, servable.signatures["serving_default"], {"x": np.array(x, np.float32)})["y"]


def test_what_a_version_is(half: Servable) -> None:
    """It has its name, number and folder, and the SavedModel's signatures with names, types and shapes of tensors."""
    assert (half.name, half.version, half.path.name) == ("m", 7, "7")
    signature = half.signatures["serving_default"]
    assert signature.key == "serving_default"
    assert signature.method_name == "tensorflow/serving/predict"
    assert signature.inputs == {"x": TensorInfo("x", "x:0", FLOAT, (-1, 1))}
    assert half.signatures["regress_x_to_y"].inputs["inputs"].shape is None
    assert half.signatures.keys() == half.signature_defs.keys()
    assert half.signature_defs["classify_x_to_y"].method_name == "tensorflow/serving/classify"
    assert half.signatures["regress_x_to_y"].inputs["inputs"].np_dtype == np.dtype(object)
    assert signature.inputs["x"].np_dtype == np.float32


def test_a_model_of_tensorflow_2(exported: Path) -> None:
    """Its variables are restored; how it is initialised is no signature of it."""
    servable = loaded(exported)
    assert y(servable, [[4.0]]).tolist() == [[4.0]]
    assert list(servable.signatures) == ["serving_default"]
    servable.close()


@pytest.mark.parametrize("x", [[[1.0]], [1.0, 2.0], 1.0, [[1.0, 2.0]], [], [[[1.0]]]])
def test_shapes_are_not_checked(half: Servable, x: Any) -> None:
    """What the signature does not declare is no error where the graph takes it, as upstream's first example has it."""
    answer = y(half, x)
    assert (answer.tolist(), answer.dtype) == ((np.array(x, np.float32) / 2 + 2).tolist(), np.float32)


def test_as_many_rows_as_need_the_pool(half: Servable) -> None:
    """Rows enough for TensorFlow's threads are answered as few are."""
    rows = np.arange(ROWS_FOR_POOL * 4, dtype=np.float32)[:, None]
    assert (y(half, rows) == rows / 2 + 2).all()


def test_texts_in_and_out(others: Path) -> None:
    """Texts are bytes of any kind, also with zeros, and come back as objects."""
    servable = loaded(others / "texts")
    sent = np.array([b"a", b"", b"\0\xff\0", "ä".encode()], object)
    outputs = predict.run(servable, servable.signatures["serving_default"], {"text": sent})
    assert outputs.keys() == {"echo", "echo_bytes"}
    assert all(each.dtype == object and each.tolist() == sent.tolist() for each in outputs.values())
    servable.close()


def test_defaults_of_inputs(others: Path) -> None:
    """Values that a signature has for inputs are read, and stand for those that a request leaves out."""
    servable = loaded(others / "two")
    signature = servable.signatures["b_is_ten"]
    assert {alias: array.tolist() for alias, array in signature.defaults.items()} == {"b": [10.0]}
    assert not servable.signatures["serving_default"].defaults
    assert predict.run(servable, signature, {"a": np.array([1], np.float32)}, ["sum"])["sum"].tolist() == [11]
    servable.close()


def test_inputs_are_in_the_order_of_tensors(others: Path) -> None:
    """So that a batching session has one queue for them."""
    servable = loaded(others / "two")
    assert servable.signatures["serving_default"].feeds == ("a:0", "b:0")
    assert list(servable.signatures["serving_default"].fetches) == sorted(
        servable.signatures["serving_default"].fetches
    )
    servable.close()


def test_a_signature_without_inputs_and_state(others: Path) -> None:
    """Versions of one model do not share their variables."""
    one, other = loaded(others / "counter"), loaded(others / "counter")
    for expected in (1, 2, 3):
        counted = predict.run(one, one.signatures["incr_counter"], {})
        assert counted["output"].tolist() == expected
    assert predict.run(other, other.signatures["get_counter"], {})["output"].tolist() == 0
    one.close()
    other.close()


def test_threads_get_their_own_answers(half: Servable) -> None:
    """Calls at the same time do not mix."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: y(half, [number])[0], range(500)))
    assert answers == [number / 2 + 2 for number in range(500)]


def test_a_deadline_that_is_over(half: Servable) -> None:
    """The graph is not run for nobody; before its deadline it is."""
    session, signature = half.session, half.signatures["serving_default"]
    values = [np.array([1], np.float32)]
    over = time.monotonic() - 1
    code, _ = refusal(lambda: session.run(signature.feeds, values, signature.fetches, over))
    assert code == "DEADLINE_EXCEEDED"
    assert session.run(signature.feeds, values, signature.fetches, time.monotonic() + 1000)[0].tolist() == [2.5]


@pytest.mark.parametrize(
    "value",
    [np.array([1], np.int64), np.array([b"a"], object), np.array([True]), np.array(["a"])],
    ids=["int64", "string", "bool", "str"],
)
def test_values_of_another_type(half: Servable, value: Any) -> None:
    """They are the request's error."""
    signature = half.signatures["serving_default"]
    code, message = refusal(lambda: half.session.run(signature.feeds, [value], signature.fetches, None))
    assert code == "INVALID_ARGUMENT"
    assert message


def test_what_the_graph_refuses(half: Servable) -> None:
    """An operation's error has its code and message: here texts that are no tf.Examples."""
    signature = half.signatures["regress_x_to_y"]
    code, message = refusal(
        lambda: half.session.run(signature.feeds, [np.array([b"no example"], object)], signature.fetches, None)
    )
    assert code == "INVALID_ARGUMENT"
    assert "Could not parse example" in message


def test_tensors_that_are_not_there(half: Servable) -> None:
    """A name that the graph has not is an error with a code, not one of Python's."""
    code, message = refusal(lambda: half.session.run(("x:0",), [np.array([1], np.float32)], ("none:0",), None))
    assert code in {"NOT_FOUND", "INVALID_ARGUMENT"}
    assert "none" in message


def test_after_close(exported: Path) -> None:
    """A session that is closed answers with an error, whether it has run before or not."""
    for has_run in (True, False):
        servable = loaded(exported)
        if has_run:
            y(servable, [[1.0]])
        servable.close()
        code, message = refusal(lambda: y(servable, [[1.0]]))  # noqa: B023  # called at once
        assert code in {"CANCELLED", "FAILED_PRECONDITION"}
        assert "closed" in message


@pytest.mark.parametrize("tags", [("serve",), ("serve", "gpu")])
def test_tags(tmp_path: Path, tags: tuple[str, ...]) -> None:
    """The graph that has exactly these tags is loaded."""
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, name="x")
        info = v1.saved_model.build_tensor_info
        builder = v1.saved_model.Builder(str(tmp_path / "m"))
        for number, each in enumerate([("serve",), ("serve", "gpu")]):
            form = v1.saved_model.build_signature_def({"x": info(x)}, {"y": info(x + float(number))}, "p")
            if number:
                builder.add_meta_graph(each, signature_def_map={"serving_default": form})
            else:
                builder.add_meta_graph_and_variables(session, each, signature_def_map={"serving_default": form})
        builder.save()
    servable = loaded(tmp_path / "m", saved_model_tags=tags)
    assert y(servable, [0.0]).tolist() == [float(len(tags) - 1)]
    servable.close()


def test_tags_that_it_has_not(exported: Path) -> None:
    """The error names them."""
    code, message = refusal(lambda: loaded(exported, saved_model_tags=("serve", "tpu")))
    assert code == "NOT_FOUND"
    assert message.startswith("Could not load a SavedModel with tags { serve tpu }: ")


def test_method_names_are_checked_if_that_is_asked_for(exported: Path) -> None:
    """The option reaches each signature."""
    for asked in (True, False):
        servable = loaded(exported, enable_signature_method_name_check=asked)
        assert servable.signatures["serving_default"].is_strict is asked
        servable.close()


def test_threads_of_a_session(exported: Path) -> None:
    """Numbers of threads and a part of a GPU are taken."""
    servable = loaded(
        exported,
        tensorflow_intra_op_parallelism=1,
        tensorflow_inter_op_parallelism=1,
        per_process_gpu_memory_fraction=0.5,
    )
    assert y(servable, [[4.0]]).tolist() == [[4.0]]
    servable.close()


def damaged(whole: Path, folder: Path, name: str, content: bytes | None) -> Path:
    """A copy of a SavedModel in which one file has another content, or is not there."""
    shutil.copytree(whole, folder)
    file = next(folder.rglob(name))
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    return folder


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("saved_model.pb", None),
        ("saved_model.pb", b""),
        ("saved_model.pb", b"this is no SavedModel"),
        ("saved_model.pb", b"\x08\x01\x12\x02\x0a\x00"),
        ("variables.index", None),
        ("variables.index", b""),
        ("variables.data-*", None),
        ("variables.data-*", b"x"),
    ],
)
def test_broken_files(exported: Path, tmp_path: Path, name: str, content: bytes | None) -> None:
    """Whatever is broken, the error is one of a code, which Core tries again and tells clients."""
    path = damaged(exported, tmp_path / "7", name, content)
    code, message = refusal(lambda: loaded(path))
    assert code in CODES | {"UNKNOWN"}  # which is TensorFlow's own for variables without their data
    assert message


@pytest.mark.parametrize("part", [0.25, 0.5, 0.9, 0.999])
def test_a_model_that_is_half_copied(exported: Path, tmp_path: Path, part: float) -> None:
    """So it is for a file that is cut off."""
    content = (exported / "saved_model.pb").read_bytes()
    path = damaged(exported, tmp_path / "7", "saved_model.pb", content[: int(len(content) * part)])
    code, _ = refusal(lambda: loaded(path))
    assert code in CODES


def test_no_folder(tmp_path: Path) -> None:
    """A version that has gone meanwhile is not found."""
    assert refusal(lambda: loaded(tmp_path / "none"))[0] == "NOT_FOUND"


def test_codes() -> None:
    """Each number of tensorflow/core/protobuf/error_codes.proto is the code of that name."""
    numbers = {number for _, number in vars(tf.errors).items() if isinstance(number, int)}
    assert numbers
    for name, number in vars(tf.errors).items():
        if isinstance(number, int):
            assert saved_model.CODES[number] is StatusCode[name]
