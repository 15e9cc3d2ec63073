from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import schema_pb2

from components.values import convert
from schema import contract
from schema.column import Column, text_of
from schema.contract import Contract, columns_of, served_part
from schema.errors import RowRefused, UsageError
from tests.unit.samples import REPOSITORY

SCHEMA = text_format.Parse(
    """
    feature { name: "fare" type: FLOAT presence { min_fraction: 1.0 } float_domain { min: 0.1 max: 100 } }
    feature { name: "miles" type: FLOAT presence { min_fraction: 0.9 } }
    feature { name: "hour" type: INT int_domain { min: 0 max: 23 } }
    feature { name: "since" type: INT int_domain { min: 1 } }
    feature { name: "shaped" type: INT shape { dim { size: 1 } } }
    feature { name: "company" type: BYTES }
    feature { name: "payment" type: BYTES domain: "payments" }
    feature { name: "colour" type: BYTES string_domain { value: "red" value: "blue" } }
    feature { name: "open" type: BYTES domain: "payments" distribution_constraints { min_domain_mass: 0.9 } }
    feature { name: "tips" type: FLOAT presence { min_fraction: 1.0 } }
    string_domain { name: "payments" value: "Cash" value: "Card" }
    string_domain { name: "unused" value: "x" }
    """,
    schema_pb2.Schema(),
)
WHOLE = {"fare": 12.5, "shaped": 1}
NAMES = tuple(feature.name for feature in SCHEMA.feature if feature.name != "tips")
KINDS = {name: schema_pb2.FeatureType.Name(feature.type) for name, feature in zip(NAMES, SCHEMA.feature, strict=False)}
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["Cash", "3.0", "nan"])
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=4)
ROWS = st.dictionaries(st.sampled_from(NAMES) | st.text(), JSON, max_size=12)


@pytest.fixture
def served() -> Contract:
    """The contract of a model that reads all columns but the tips."""
    return Contract(tuple(columns_of(served_part(SCHEMA, NAMES, ()))))


def refusal(served: Contract, **row: Any) -> str:
    """Returns why a row is refused that is right but for what is given."""
    with pytest.raises(RowRefused) as refused:
        served.check(WHOLE | row)
    return str(refused.value)


def test_a_row_comes_out_as_the_model_takes_it(served: Contract) -> None:
    """Each column of the model has a number or a text; what is not given is NaN or empty, what is too much is gone."""
    row = served.check(WHOLE | {"hour": "7", "payment": "Cash", "note": {"a": [1]}})
    assert set(row) == set(NAMES)
    assert (row["fare"], row["hour"], row["payment"], row["company"]) == (12.5, 7.0, "Cash", "")
    assert math.isnan(float(row["miles"]))


@given(row=ROWS)
def test_any_json_gets_values_or_an_error_that_names_a_column(row: dict[str, Any]) -> None:
    """Whatever a row of JSON holds, it is answered by numbers and texts, or by a sentence about one of its columns."""
    served = Contract(tuple(columns_of(served_part(SCHEMA, NAMES, ()))))
    try:
        values = served.check(json.loads(json.dumps(row)))
    except RowRefused as refused:
        told = str(refused)
        assert told.partition(" ")[0] in map(repr, NAMES)
    else:
        assert set(values) == set(NAMES)
        assert all(isinstance(values[name], str if KINDS[name] == "BYTES" else float) for name in NAMES)


@pytest.mark.parametrize("value", [None, "", math.nan, "NaN"])
@pytest.mark.parametrize("column", ["fare", "shaped"])
def test_a_value_that_every_row_must_have_is_asked_for(served: Contract, column: str, value: Any) -> None:
    """A column with a presence of 1.0, or with a shape, may not be absent, null, empty or NaN."""
    assert refusal(served, **{column: value}) == f"{column!r} is missing, and the schema asks for it in every row"


@pytest.mark.parametrize("value", [None, "", math.nan])
@pytest.mark.parametrize("column", ["miles", "hour", "company", "payment", "open"])
def test_any_other_value_may_be_missing(served: Contract, column: str, value: Any) -> None:
    """A presence below 1.0, or none, lets a row through without a value, whatever the column's domain."""
    answered = served.check(WHOLE | {column: value})[column]
    assert answered == "" or math.isnan(float(answered))


@pytest.mark.parametrize(
    ("value", "number"),
    [(7, 7.0), (7.0, 7.0), ("7", 7.0), (" 7.0 ", 7.0), ("7e0", 7.0), (True, 1.0), (False, 0.0), ("true", 1.0)],
)
@pytest.mark.parametrize("column", ["miles", "hour"])
def test_numbers_come_in_several_forms(served: Contract, column: str, value: Any, number: float) -> None:
    """A number may be a text, as in a CSV; a whole number may have a point; booleans are 0 and 1."""
    assert served.check(WHOLE | {column: value})[column] == number


@pytest.mark.parametrize("column", ["miles", "since"])
def test_a_date_is_the_seconds_since_1970(served: Contract, column: str) -> None:
    """An ISO 8601 date or time becomes the number that it became in training."""
    assert served.check(WHOLE | {column: "1970-01-02"})[column] == 86400.0
    assert served.check(WHOLE | {column: "1970-01-02T00:00:08Z"})[column] == 86408.0


@pytest.mark.parametrize("value", ["twelve", "1,5", " ", "1_000", "0x"])
def test_a_text_that_is_no_number_is_refused(served: Contract, value: str) -> None:
    """The sentence has the column, the value, and what is needed."""
    assert refusal(served, miles=value) == f"'miles' is {value!r}, and the model needs a number there"


@pytest.mark.parametrize(("value", "shown"), [(3.5, "3.5"), ("3.5", "'3.5'")])
def test_half_of_an_integer_is_refused(served: Contract, value: Any, shown: str) -> None:
    """A column of integers takes whole numbers only."""
    assert refusal(served, hour=value) == f"'hour' is {shown}, and the model needs a whole number there"


@pytest.mark.parametrize(
    "value",
    [math.inf, -math.inf, "inf", "-Infinity", 10**400, -(10**400)],
    ids=["inf", "-inf", "text", "word", "large", "small"],
)
@pytest.mark.parametrize("column", ["miles", "hour"])
def test_infinity_is_refused(served: Contract, column: str, value: Any) -> None:
    """No weight survives an infinite number, nor one that is beyond what a float holds."""
    assert refusal(served, **{column: value}).endswith("and the model needs a finite number there")


def test_numbers_that_the_columns_type_cannot_hold_are_refused(served: Contract) -> None:
    """A column of numbers is float32 in training, one of integers int64."""
    assert refusal(served, miles=1e39).endswith("which is more than 32 bits hold")
    assert refusal(served, since=1e19).endswith("which is more than 64 bits hold")


@pytest.mark.parametrize(
    ("value", "kind"), [([], "a list"), ([1.0], "a list"), ({}, "an object"), ({"a": 1}, "an object")]
)
@pytest.mark.parametrize("column", ["miles", "hour", "company"])
def test_lists_and_objects_are_refused(served: Contract, column: str, value: Any, kind: str) -> None:
    """A row has one value for each column."""
    assert refusal(served, **{column: value}) == f"{column!r} is {kind}, and a row has one value for each column"


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("fare", 0.05, "'fare' is 0.05, and the schema allows 0.1 to 100"),
        ("fare", "100.5", "'fare' is 100.5, and the schema allows 0.1 to 100"),
        ("hour", 24, "'hour' is 24, and the schema allows 0 to 23"),
        ("since", 0, "'since' is 0, and the schema allows at least 1"),
    ],
)
def test_numbers_outside_their_domain_are_refused(served: Contract, column: str, value: Any, sentence: str) -> None:
    """The sentence names the bounds."""
    assert refusal(served, **{column: value}) == sentence


def test_bounds_belong_to_their_domain(served: Contract) -> None:
    """0.1 is legal where the least is 0.1, though the schema's float32 of it is a little more."""
    assert served.check(WHOLE | {"fare": 0.1, "hour": 23})["hour"] == 23.0


def test_a_value_outside_a_closed_domain_is_refused_with_the_legal_ones(served: Contract) -> None:
    """Named by the schema or written into the feature, a domain is closed unless it says otherwise."""
    assert refusal(served, payment="Barter") == "'payment' is 'Barter', and the schema allows only 'Cash', 'Card'"
    assert refusal(served, colour=7) == "'colour' is 7, and the schema allows only 'red', 'blue'"


def test_a_long_list_of_legal_values_is_shortened() -> None:
    """Eight of many legal values are named, and the others counted; a long value is cut."""
    column = Column("city", "BYTES", legal=tuple(f"city {number}" for number in range(100)))
    with pytest.raises(RowRefused) as refused:
        column.check("x" * 1000)
    assert str(refused.value).endswith("'city 7' and 92 more")
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize("column", ["company", "open"])
def test_an_unseen_value_of_an_open_domain_is_legal(served: Contract, column: str) -> None:
    """Without a domain, or with one that need not hold all values, a new category gets a prediction."""
    assert served.check(WHOLE | {column: "Škoda"})[column] == "Škoda"


@given(values=st.lists(st.booleans(), min_size=1) | st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1)
       | st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))  # fmt: skip
def test_a_number_becomes_the_text_that_training_saw(values: list[Any]) -> None:
    """A column of numbers that the schema calls text is written by ExampleGen as the contract writes it."""
    trained, _ = convert(pa.RecordBatch.from_pydict({"zip": values}), {"zip": "BYTES"})
    expected = pa.array(values).cast(pa.string()) if isinstance(values[0], bool) else trained.column(0)
    assert [text_of(value) for value in values] == expected.to_pylist()


def test_half_of_a_surrogate_pair_is_refused(served: Contract) -> None:
    """JSON can write what UTF-8 cannot; the model would fail on it."""
    assert "not text that UTF-8 can hold" in refusal(served, company=json.loads('"\\ud800"'))


def test_every_wrong_column_of_a_row_is_named(served: Contract) -> None:
    """A row that is wrong twice is told so at once."""
    told = refusal(served, fare=None, hour="noon")
    assert [part.split()[0] for part in told.split("; ")] == ["'fare'", "'hour'"]


def test_the_served_part_has_what_the_model_reads_and_no_more() -> None:
    """Columns of the label, and domains that nothing names, are left out."""
    part = served_part(SCHEMA, ("fare", "payment"), ())
    assert [feature.name for feature in part.feature] == ["fare", "payment"]
    assert [domain.name for domain in part.string_domain] == ["payments"]
    assert part.feature[0] == SCHEMA.feature[0]


def test_a_column_that_was_only_warned_of_keeps_its_type_alone() -> None:
    """What training let pass, serving lets pass: neither presence nor domain is asked; the schema stays as it was."""
    before = SCHEMA.SerializeToString()
    served = Contract(tuple(columns_of(served_part(SCHEMA, NAMES, ("fare", "hour", "payment", "colour")))))
    row = served.check({"shaped": 1, "hour": 99, "payment": "Barter", "colour": "mauve"})
    assert math.isnan(float(row["fare"]))
    assert (row["hour"], row["payment"], row["colour"]) == (99.0, "Barter", "mauve")
    assert "'hour'" in refusal(served, hour="noon")
    assert SCHEMA.SerializeToString() == before


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """A version's contract comes back from its folder, for the columns that its model reads, umlauts and all."""
    schema = schema_pb2.Schema()
    schema.CopyFrom(SCHEMA)
    schema.string_domain[0].value.append("Überweisung")
    contract.write(tmp_path, served_part(schema, NAMES, ()))
    read = contract.read(tmp_path, {"payment": "BYTES", "fare": "FLOAT"})
    assert read.columns == (
        Column("payment", "BYTES", legal=("Cash", "Card", "Überweisung")),
        next(column for column in columns_of(SCHEMA) if column.name == "fare"),
    )


def test_a_version_without_a_contract_asks_for_types_only(tmp_path: Path) -> None:
    """An older version, or a model of others, is held to what its signature says; no integer can say it is missing."""
    read = contract.read(tmp_path, {"fare": "FLOAT", "since": "NUMBER", "count": "INT", "city": "BYTES"})
    assert read.check({"fare": -1, "since": 16_777_217, "count": 3, "city": "x"}) == {
        "fare": -1.0, "since": 16_777_217.0, "count": 3.0, "city": "x",
    }  # fmt: skip
    assert "'fare' is 'twelve'" in refusal(read, fare="twelve", count=3)
    assert refusal(read, fare=1).startswith("'count' is missing")


def test_a_contract_that_is_none_is_told(tmp_path: Path) -> None:
    """A file that is no schema is named."""
    (tmp_path / "assets.extra").mkdir()
    (tmp_path / contract.FILE).write_text("feature { nmae: 'x' }")
    with pytest.raises(UsageError, match=r"schema\.pbtxt: is not a schema"):
        contract.read(tmp_path, {})


def test_the_taxi_schema_lets_a_real_trip_through() -> None:
    """The curated schema of the example, whole, is a contract that a trip keeps and a wrong one does not."""
    schema = text_format.Parse((REPOSITORY / "schema" / "taxi.pbtxt").read_text(), schema_pb2.Schema())
    served = Contract(tuple(columns_of(served_part(schema, ("fare", "trip_start_hour", "payment_type"), ()))))
    trip = {"fare": "12.45", "trip_start_hour": "19", "payment_type": "Credit Card", "tips": "3"}
    assert served.check(trip)["payment_type"] == "Credit Card"
    with pytest.raises(RowRefused, match="'payment_type' is 'Credit card', and the schema allows only 'Cash', "):
        served.check(trip | {"payment_type": "Credit card"})
