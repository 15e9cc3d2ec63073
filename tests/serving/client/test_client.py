from __future__ import annotations

import itertools
import math
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from google.protobuf import text_format
from tensorflow.train import Example
from tensorflow_metadata.proto.v0 import schema_pb2

from schema import contract
from schema.errors import PenstockError, UsageError
from serving.client import (
    Client,
    NotServed,
    RequestRefused,
    ServerError,
    Signature,
    Tensor,
    TimedOut,
    Unavailable,
    Unreachable,
    VersionStatus,
)
from serving.client.fakes import Failure, FakeModel, half_plus_two
from serving.client.transport import Array
from tests.serving.client.conftest import SOON, Connect

ROWS = [{"x": number / 3, "name": f"n{number}"} for number in range(50)]
LONG = 30  # seconds that nothing here takes, unless it hangs


def answer(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the model answers to a row."""
    return {"greeting": f"hello {row['name']}", "y": float(np.float32(row["x"]) * np.float32(0.5) + np.float32(2))}


def test_each_row_gets_its_answer_in_order(connect: Connect, model: FakeModel) -> None:
    """Rows of several batches are answered one by one, in their order, floats to the last bit."""
    client = connect(model, batch=7, in_flight=3)
    assert list(client.predict(ROWS)) == [answer(row) for row in ROWS]
    assert sorted(model.sizes) == [1] + [7] * 7


def test_answers_that_overtake_each_other_are_put_in_order(connect: Connect, model: FakeModel) -> None:
    """The first batch is answered after the second, and given first."""
    later = threading.Event()
    call = model.call

    def first_last(signature: str, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        if inputs["x"][0] != 0:
            later.set()
        assert later.wait(LONG)
        return call(signature, inputs)

    model.call = first_last
    assert list(connect(model, batch=25).predict(ROWS)) == [answer(row) for row in ROWS]


def test_several_batches_are_in_flight(connect: Connect, model: FakeModel) -> None:
    """Four requests wait for each other at the server, and are answered since all four are there."""
    all_there = threading.Barrier(4)
    call = model.call

    def together(signature: str, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        all_there.wait(LONG)
        return call(signature, inputs)

    model.call = together
    assert len(list(connect(model, batch=5, in_flight=4).predict(ROWS[:40]))) == 40
    assert model.most_at_once == 4


def test_rows_are_drawn_as_answers_are_taken(connect: Connect, model: FakeModel) -> None:
    """Whoever takes one answer of an endless stream has drawn the rows of the batches in flight, and no more."""
    drawn = itertools.count()
    endless = ({"x": float(next(drawn))} for _ in itertools.count())
    answers = connect(model, batch=2, in_flight=3).predict(endless)
    assert next(answers)["y"] == 2.0
    assert next(drawn) == 6


def test_a_row_that_does_not_fit_is_told_without_asking(connect: Connect, model: FakeModel) -> None:
    """Text for a number, a list, what is no row: each gets its reason and its number, the others their answers."""
    rows: list[Any] = [*ROWS[:2], {"x": "twelve"}, {"x": [1]}, 7, *ROWS[2:4]]
    answers = list(connect(model).predict(rows))
    assert [answers[place] for place in (0, 1, 5, 6)] == [answer(row) for row in ROWS[:4]]
    assert [one["error"] for one in answers[2:5]] == [
        "row 3: 'x' is 'twelve', and the model needs a number there",
        "row 4: 'x' is a list, and a row has one value for each column",
        "row 5: int, where a row is a mapping of column to value",
    ]
    assert model.sizes == [4]


@pytest.mark.parametrize("places", [(0,), (49,), (13, 14, 40), tuple(range(50))])
def test_a_row_that_the_graph_refuses_is_found(connect: Connect, model: FakeModel, places: tuple[int, ...]) -> None:
    """Of a batch that fails, the rows at fault get the server's reason, and all others their answers."""
    rows = [row | ({"name": "bad"} if place in places else {}) for place, row in enumerate(ROWS)]
    answers = list(connect(model, batch=32).predict(rows))
    for place, (row, given) in enumerate(zip(rows, answers, strict=True)):
        told = {"error": f"row {place + 1}: the graph takes no such name"}
        assert given == (told if place in places else answer(row))


def test_missing_values_are_nan_and_empty_text(connect: Connect, model: FakeModel) -> None:
    """None, NaN, "" and an absent column are the same to the model, beside values that are there."""
    missing: list[dict[str, Any]] = [{"x": None, "name": None}, {"x": math.nan, "name": math.nan}, {"x": ""}, {}]
    *answers, last = connect(model).predict([*missing, ROWS[1]])
    assert [one["greeting"] for one in answers] == ["hello "] * 4
    assert all(math.isnan(one["y"]) for one in answers)
    assert last == answer(ROWS[1])


def test_texts_of_any_alphabet_come_back(connect: Connect, model: FakeModel) -> None:
    """Quotes, line breaks, U+0000 and astral characters survive both ways; half a surrogate pair is refused."""
    names = ['"quoted"\\', "Žižkov\n", "nul\0", "🚕", "null", "NaN"]
    *answers, refused = connect(model).predict([{"x": 1, "name": name} for name in [*names, "\ud83d"]])
    assert [one["greeting"] for one in answers] == [f"hello {name}" for name in names]
    assert "not text that UTF-8 can hold" in refused["error"]


def test_frames_and_tables_are_rows(connect: Connect, model: FakeModel) -> None:
    """A pandas frame, an Arrow table and a record batch of the same rows get the same answers as dicts."""
    client = connect(model)
    expected = [answer(row) for row in ROWS]
    for rows in (pd.DataFrame(ROWS), pa.Table.from_pylist(ROWS), pa.RecordBatch.from_pylist(ROWS), iter(ROWS)):
        assert list(client.predict(rows)) == expected


@pytest.mark.parametrize("rows", [ROWS[0], "rows.csv", 7])
def test_what_is_no_rows_is_refused(connect: Connect, model: FakeModel, rows: Any) -> None:
    """A single dict, which would be its keys to a loop, gets an error that says what is legal."""
    with pytest.raises(UsageError, match="Legal: an iterable of dicts"):
        connect(model).predict(rows)


def test_a_contract_beside_the_version_that_answers_is_held(connect: Connect, model: FakeModel, tmp_path: Path) -> None:
    """Where the folder of versions has the one that answers, its schema refuses rows before they are sent."""
    schema = text_format.Parse(
        'feature { name: "x" type: FLOAT presence { min_fraction: 1 } } feature { name: "name" type: BYTES }',
        schema_pb2.Schema(),
    )
    (tmp_path / "3").mkdir()
    contract.write(tmp_path / "3", schema)
    fits, lacks = connect(model, contracts=tmp_path).predict([ROWS[1], {"name": "n"}])
    assert fits == answer(ROWS[1])
    assert lacks == {"error": "row 2: 'x' is missing, and the schema asks for it in every row"}
    model.version = 4
    assert "error" not in next(connect(model, contracts=tmp_path).predict([{"name": "n"}]))


def test_requests_are_sent_again_while_the_server_is_busy(connect: Connect, model: FakeModel) -> None:
    """UNAVAILABLE is asked again, and the rows are answered in the end."""
    client = connect(model)
    model.failures = deque([Failure("UNAVAILABLE", "queue full")] * 3)
    assert list(client.predict(ROWS)) == [answer(row) for row in ROWS]
    assert model.sizes == [50] * 4


def test_a_server_that_stays_busy_is_given_up(connect: Connect, model: FakeModel) -> None:
    """After its attempts the client says what the server said, and what to do."""
    client = connect(model)
    model.failures = deque([Failure("UNAVAILABLE", "queue full")] * 9)
    with pytest.raises(Unavailable, match=r"UNAVAILABLE: queue full\. Ask for less at once") as raised:
        list(client.predict(ROWS))
    assert (raised.value.code, raised.value.message) == ("UNAVAILABLE", "queue full")
    assert len(model.sizes) == SOON.attempts


@pytest.mark.parametrize("code", ["INTERNAL", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED"])
def test_what_may_have_been_done_is_not_done_again(connect: Connect, model: FakeModel, code: str) -> None:
    """Any failure but UNAVAILABLE is raised at once, with its code."""
    client = connect(model)
    model.failures = deque([Failure(code, "no")])
    with pytest.raises(ServerError) as raised:
        list(client.predict(ROWS))
    assert raised.value.code == code
    assert len(model.sizes) == 1


def test_batches_before_a_failure_are_answered(connect: Connect, model: FakeModel) -> None:
    """What was answered is given before the failure of the next batch is raised."""
    client = connect(model, batch=10, in_flight=1)
    answers = client.predict(ROWS)
    got = [next(answers) for _ in range(10)]
    model.failures = deque([Failure("INTERNAL", "no")])
    with pytest.raises(ServerError, match="INTERNAL: no"):
        next(answers)
    assert got == [answer(row) for row in ROWS[:10]]


def test_a_request_has_its_time(connect: Connect, model: FakeModel) -> None:
    """A server that does not answer in time gets a TimedOut, and is not asked again."""
    over = threading.Event()
    call = model.call

    def slow(signature: str, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        over.wait(LONG)
        return call(signature, inputs)

    client = connect(model)
    client.metadata()
    model.call = slow
    with pytest.raises(TimedOut, match="DEADLINE_EXCEEDED"):
        next(client.predict(ROWS, timeout=0.2))
    over.set()
    assert len(model.sizes) == 1


def test_nothing_that_listens_is_unreachable(way: str) -> None:
    """Where a connection is refused, the error says where, and what starts a server."""
    client = (Client.rest if way == "rest" else Client.grpc)("127.0.0.1:9", "fake", retry=SOON)
    with client, pytest.raises(Unreachable, match=r"127.0.0.1:9: UNAVAILABLE.*`penstock serve` starts one"):
        client.status()


@pytest.mark.parametrize(
    ("options", "target", "error"),
    [
        ({}, ("fake", "", ""), None),
        ({"version": 3}, ("fake", "3", ""), None),
        ({"label": "stable"}, ("fake", "", "stable"), None),
        ({"version": 4}, ("fake", "4", ""), NotServed),
        ({"label": "canary"}, ("fake", "", "canary"), RequestRefused),
        ({"model": "a/b:c d"}, ("a/b:c d", "", ""), NotServed),
    ],
)
def test_versions_and_labels_are_asked_for(
    connect: Connect,
    model: FakeModel,
    options: dict[str, Any],
    target: tuple[str, str, str],
    error: type[ServerError] | None,
) -> None:
    """The version or label that is given is in every request; one that is not there is an error of its kind."""
    client = connect(model, **options)
    if error is None:
        assert next(client.predict(ROWS)) == answer(ROWS[0])
    else:
        with pytest.raises(error):
            client.predict(ROWS)
    assert set(model.targets) == {target}


def test_status_tells_how_versions_fare(connect: Connect, model: FakeModel) -> None:
    """Each version's number, state and error."""
    assert connect(model).status() == (VersionStatus(3, "AVAILABLE", "OK", ""),)


def test_metadata_tells_the_signatures(connect: Connect, model: FakeModel) -> None:
    """The version that answers, and the signatures with the types and shapes of their tensors."""
    model.signatures = {
        "s": Signature("s", {"a": Tensor("a", "float64", None), "b": Tensor("b", "int64", (-1, 3))}, {}),
        "t": Signature("t", {"c": Tensor("c", "bool", ())}, {"d": Tensor("d", "string", (-1,))}),
    }
    metadata = connect(model).metadata()
    assert (metadata.model, metadata.version) == ("fake", 3)
    assert metadata.signatures == model.signatures


def test_a_new_version_is_seen_by_metadata(connect: Connect, model: FakeModel) -> None:
    """A client goes by the signatures that it has read, and reads them again when it is told to."""
    client = connect(model)
    assert list(client.columns) == ["name", "x"]
    columns = {"x": Tensor("x", "float32", (-1,))}
    model.signatures = {"predict_columns": Signature("predict_columns", columns, {"y": Tensor("y", "float32", (-1,))})}
    assert list(client.columns) == ["name", "x"]
    client.metadata()
    assert list(client.columns) == ["x"]


def test_call_gives_arrays(connect: Connect, model: FakeModel) -> None:
    """A signature is called with arrays or lists, and answers with arrays of its outputs' types."""
    outputs = connect(model).call({"x": [1.0, math.inf, math.nan], "name": np.array(["a", "b", b"c"], object)})
    np.testing.assert_array_equal(outputs["y"], np.array([2.5, math.inf, math.nan], np.float32))
    assert outputs["greeting"].tolist() == [b"hello a", b"hello b", b"hello c"]


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda client: client.call({"z": [1]}), "has no input 'z'. It has: name, x"),
        (lambda client: client.call({"x": [1]}, "classify"), "has no signature 'classify'. It has: predict_columns"),
    ],
)
def test_a_wrong_name_is_told_with_the_legal_ones(connect: Connect, model: FakeModel, ask: Any, says: str) -> None:
    """A signature or an input that the model lacks is refused before it is asked for."""
    with pytest.raises(UsageError) as raised:
        ask(connect(model))
    assert says in str(raised.value)


def test_several_threads_may_share_a_client(connect: Connect, model: FakeModel) -> None:
    """Eight threads ask at once, and each gets its own answers."""
    client = connect(model, batch=5)

    def ask(number: int) -> list[Any]:
        return list(client.predict(ROWS[number:]))

    with ThreadPoolExecutor(8) as threads:
        got = list(threads.map(ask, range(8)))
    assert got == [[answer(row) for row in ROWS[number:]] for number in range(8)]


def test_an_output_that_has_not_a_value_a_row_is_an_error(connect: Connect, model: FakeModel) -> None:
    """A signature that sums its batch up cannot answer rows, and says so."""
    model.call = lambda _, inputs: {"y": inputs["x"][:1], "greeting": inputs["name"]}
    with pytest.raises(ServerError, match=r"output 'y' has shape \[1\], for 50 rows"):
        list(connect(model).predict(ROWS))


def takes_examples(*, columns: Mapping[str, Tensor] | None = None) -> FakeModel:
    """A model whose serving_default answers with what each tf.Example says, as text."""

    def tell(signature: str, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        assert signature == "serving_default"
        texts = [text_format.MessageToString(Example.FromString(one), as_one_line=True) for one in inputs["examples"]]
        return {"said": np.array([*(text.encode() for text in texts), None], object)[:-1]}

    said = {"said": Tensor("said", "string", (-1,))}
    signatures = {
        "serving_default": Signature("serving_default", {"examples": Tensor("examples", "string", (-1,))}, said)
    }
    if columns:
        signatures["predict_columns"] = Signature("predict_columns", columns, said)
    return FakeModel(signatures, tell)


def said(**features: Any) -> dict[str, str]:
    """The answer to a row of these features."""
    example = Example()
    for name, value in features.items():
        values = {bytes: "bytes_list", int: "int64_list", float: "float_list"}[type(value)]
        getattr(example.features.feature[name], values).value.append(value)
    return {"said": text_format.MessageToString(example, as_one_line=True)}


def test_tf_examples_take_the_types_of_values(connect: Connect) -> None:
    """A model that has serving_default alone gets tf.Examples: a feature of the type of each value that is there."""
    row = {"whole": 7, "part": 0.5, "text": "Žižkov", "truth": True, "none": None, "nan": math.nan, "empty": ""}
    answers = connect(takes_examples()).predict([row | {"raw": b"\xff"}, {"list": [1]}, {}])
    assert next(answers) == said(whole=7, part=0.5, text="Žižkov".encode(), truth=1, raw=b"\xff")
    assert next(answers) == {"error": "row 2: 'list' is a list, and a row has one value for each column"}
    assert next(answers) == said()


def test_tf_examples_take_the_types_of_the_columns_where_they_are_known(connect: Connect) -> None:
    """Asked for serving_default by name, predict_columns tells the types; integers are float64 in it."""
    types = {"mean_radius": "float32", "hour": "float64", "city": "string"}
    model = takes_examples(columns={name: Tensor(name, dtype, (-1,)) for name, dtype in types.items()})
    rows = [{"mean radius": "3", "hour": 7.0, "city": 5, "other": 1}, {"hour": 7.5}]
    fits, wrong = connect(model, signature="serving_default").predict(rows)
    assert fits == said(**{"mean radius": 3.0, "hour": 7, "city": b"5"})
    assert wrong["error"] == "row 2: 'hour' is 7.5, and the model needs a whole number there"


def test_tensors_of_several_dimensions_are_rows_too(connect: Connect) -> None:
    """An image a row is stacked; one of another shape is refused by itself."""
    image = Tensor("image", "float32", (-1, 2, 3))
    total = {"total": Tensor("total", "float32", (-1,))}
    model = FakeModel({"s": Signature("s", {"image": image}, total)}, lambda _, i: {"total": i["image"].sum((1, 2))})
    rows = [{"image": [[1, 2, 3], [4, 5, 6]]}, {"image": np.ones((3, 2))}, {}, {"image": np.ones((2, 3))}]
    answers = list(connect(model).predict(rows))
    assert [answers[0], answers[3]] == [{"total": 21.0}, {"total": 6.0}]
    assert answers[1] == {"error": "row 2: 'image' has shape [3, 2], and the model takes [2, 3]"}
    assert answers[2]["error"].startswith("row 3: 'image' has shape [], and")


@pytest.mark.parametrize(
    ("dtype", "given", "sent"),
    [("int64", 2**53, 2**53), ("int32", "-7", -7), ("uint8", 255, 255), ("bool", True, True), ("bool", "false", False)],
)
def test_integers_and_booleans_are_sent_as_such(connect: Connect, dtype: str, given: Any, sent: Any) -> None:
    """Each type of a column arrives as it is declared."""
    seen: list[Array] = []

    def see(_: str, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        seen.append(inputs["n"])
        return {"ok": np.ones(1, np.float32)}

    signature = Signature("s", {"n": Tensor("n", dtype, (-1,))}, {"ok": Tensor("ok", "float32", (-1,))})
    assert list(connect(FakeModel({"s": signature}, see)).predict([{"n": given}])) == [{"ok": 1.0}]
    assert (seen[0].dtype, seen[0].tolist()) == (np.dtype(dtype), [sent])


@pytest.mark.parametrize(("dtype", "value"), [("uint8", 256), ("int32", 2**31), ("bool", 2), ("int64", None)])
def test_what_an_integer_cannot_hold_is_refused(connect: Connect, dtype: str, value: Any) -> None:
    """A number out of its type's range, or none where there is no NaN, is an error of its row."""
    columns = {"n": Tensor("n", dtype, (-1,))}
    model = FakeModel({"s": Signature("s", columns, {"ok": Tensor("ok", "float32", (-1,))})}, lambda *_: {})
    (told,) = connect(model).predict([{"n": value}])
    assert told["error"].startswith("row 1: 'n' is ")
    assert model.sizes == []


@pytest.mark.parametrize(
    "options", [{"timeout": 0}, {"batch": 0}, {"in_flight": -1}, {"model": ""}, {"version": 1, "label": "stable"}]
)
def test_wrong_options_are_refused_at_once(connect: Connect, options: dict[str, Any]) -> None:
    """No request is sent by a client that cannot be."""
    model = half_plus_two()
    with pytest.raises(UsageError):
        connect(model, **options)
    assert model.targets == []


@pytest.mark.parametrize("address", ["", "localhost", "ftp://host:1", "http://", "host:port", "a b:1"])
def test_an_address_that_is_none_is_refused(way: str, address: str) -> None:
    """It is shown with what is legal."""
    with pytest.raises(PenstockError, match="Give host:port"):
        (Client.rest if way == "rest" else Client.grpc)(address, "fake")


def test_closing_early_ends_the_asking(connect: Connect, model: FakeModel) -> None:
    """Answers that nobody takes any more are not asked for."""
    given: list[int] = []

    def rows() -> Iterator[dict[str, Any]]:
        for number in itertools.count():
            given.append(number)
            yield {"x": number}

    answers = connect(model, batch=1, in_flight=2).predict(rows())
    next(answers)
    del answers
    assert len(given) == 2
