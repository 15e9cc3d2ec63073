from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import schema_pb2

from components.preprocessing import (
    DATE_FORMULAS,
    LABEL_VOCABULARY,
    cardinalities,
    encode_crossed,
    encode_date,
    encode_hashed,
    label,
    matrix,
    month_and_day,
    to_column,
)
from schema.expression import Expression
from schema.roles import LABEL, Crossed, Dates, Hashed, parse_roles
from tests.components import fleet
from tests.components.graphs import Arrays, Graph, analyze, load_graph, present
from tests.components.tables import REAL_TIME, Columns, read_records, to_row

YEAR_1, YEAR_9999 = -62_135_596_800, 253_402_300_799
SECONDS = st.integers(YEAR_1, YEAR_9999)
NOTHING: dict[str, list[None]] = {name: [None] for name in fleet.TYPES}


@pytest.fixture(scope="module")
def features(graph: Graph) -> Arrays:
    """The transformed features of the table itself."""
    return graph.apply(graph.examples)


@pytest.fixture(scope="module")
def missing(graph: Graph) -> Arrays:
    """The transformed features of a row in which everything is missing."""
    return graph.apply_columns(NOTHING)


def of_one(graph: Graph, **values: Any) -> Arrays:
    """Returns the transformed features of a row that has nothing but the values given."""
    return graph.apply_columns(NOTHING | {name: [value] for name, value in values.items()})


def ids_by_value(graph: Graph, features: Arrays, column: str, name: str) -> dict[Any, set[int]]:
    """Returns the ids that each value of a column was given."""
    pairs = list(zip(graph.columns[column], features[name].tolist(), strict=True))
    return {value: {found for other, found in pairs if other == value} for value, _ in pairs}


def test_a_number_becomes_its_z_score_over_the_present_values(graph: Graph, features: Arrays) -> None:
    """Mean and deviation are those of the values that are there; a missing one becomes the mean, 0."""
    values = graph.columns["distance"]
    there = present(values)
    expected = [0.0 if value is None else (value - there.mean()) / there.std() for value in values]
    assert features["distance_numeric"] == pytest.approx(expected, abs=1e-5)


def test_an_indicator_says_where_a_number_is_missing(graph: Graph, features: Arrays) -> None:
    """The indicator is 1 for a missing value and 0 for a present one, zero itself included."""
    expected = [float(value is None) for value in graph.columns["distance"]]
    assert features["distance_missing"].tolist() == expected
    assert not features["seconds_missing"].any()


def test_integers_are_scaled_as_floats_are(features: Arrays) -> None:
    """The z-score of evenly spaced integers has the mean 0 and the deviation 1."""
    scaled = features["seconds_numeric"]
    assert (scaled.mean(), scaled.std()) == pytest.approx((0.0, 1.0), abs=1e-5)


def test_a_nan_in_a_file_counts_as_missing(graph: Graph) -> None:
    """A tf.Example that carries NaN gives what one without the value gives."""
    example = tf.train.Example()
    example.features.feature["distance"].float_list.value.append(float("nan"))
    with_nan, without = graph.apply([example.SerializeToString()]), of_one(graph)
    assert {name: value.tolist() for name, value in with_nan.items() if name != LABEL} == {
        name: value.tolist() for name, value in without.items() if name != LABEL
    }


@pytest.mark.parametrize("column", ["constant", "blank"])
def test_a_number_that_does_not_vary_or_never_comes_scales_to_zero(features: Arrays, column: str) -> None:
    """Neither a constant nor an empty column divides by zero."""
    assert features[f"{column}_numeric"].tolist() == [0.0] * fleet.ROWS


def test_quantiles_count_from_one_and_hold_equal_shares(graph: Graph, features: Arrays) -> None:
    """Thirty-two different values in four buckets are four times eight, in the order of the values."""
    ids = features["distance_bucketized4"]
    there = [bucket for bucket, value in zip(ids, graph.columns["distance"], strict=True) if value is not None]
    assert there == sorted(there)
    assert set(there) == {1, 2, 3, 4}
    assert max(abs(count - 8) for count in Counter(there).values()) <= 1


def test_numbers_beyond_those_of_training_fall_into_the_outer_quantiles(graph: Graph) -> None:
    """However small or large a number is, it has a bucket."""
    low, high = (of_one(graph, distance=value)["distance_bucketized4"].item() for value in (-1e9, 1e9))
    assert (low, high) == (1, 4)


def test_a_vocabulary_counts_from_one_the_most_frequent_first(graph: Graph, features: Arrays) -> None:
    """Rome comes 16 times, Oslo 9 and Bern 5; a missing city is 0."""
    ids = ids_by_value(graph, features, "city", "city_categorical")
    assert ids == {"Rome": {1}, "Oslo": {2}, "Bern": {3}, None: {0}}


def test_an_integer_can_be_a_category(graph: Graph, features: Arrays) -> None:
    """Zone 3 comes more often than zone 7, so its id comes first."""
    assert ids_by_value(graph, features, "zone", "zone_categorical") == {3: {1}, 7: {2}}


def test_an_unseen_value_is_neither_missing_nor_any_known_one(graph: Graph) -> None:
    """The id after the vocabulary's last stands for all that training never saw."""
    assert of_one(graph, city="Atlantis")["city_categorical"].item() == 4


def test_a_value_rarer_than_min_count_is_treated_as_unseen(graph: Graph, features: Arrays) -> None:
    """With min_count 3, what came three times has an id of its own, and what came twice has not."""
    ids = ids_by_value(graph, features, "brand", "brand_categorical")
    assert ids == {"Audi": {1}, "Fiat": {2}, "Lada": {3}, None: {0}}
    assert of_one(graph, brand="Tata")["brand_categorical"].item() == 3


def test_top_k_cuts_the_vocabulary(graph: Graph, features: Arrays) -> None:
    """With top_k 2 the third street has no id of its own but one of the three for unseen values."""
    ids = ids_by_value(graph, features, "street", "street_categorical")
    assert (ids["Elm"], ids["Oak"], ids[None]) == ({1}, {2}, {0})
    assert ids["Ash"] < {3, 4, 5}


def test_unseen_values_share_the_out_of_vocabulary_buckets(graph: Graph) -> None:
    """With three buckets, thirty unseen streets fall into all three and nowhere else."""
    streets = [f"street {number}" for number in range(30)]
    columns = {name: [None] * 30 for name in fleet.TYPES} | {"street": streets}
    assert set(graph.apply_columns(columns)["street_categorical"].tolist()) == {3, 4, 5}


def test_a_hashed_value_has_the_same_bucket_each_time(graph: Graph, features: Arrays) -> None:
    """Buckets count from 1 to their number; the same value has the same one, seen in training or not."""
    ids = [found for user, found in zip(graph.columns["user"], features["user_hashed"], strict=True) if user]
    assert set(ids) == {1, 2, 3, 4, 5}
    assert of_one(graph, user="user 7")["user_hashed"].item() == features["user_hashed"][7]
    assert 1 <= of_one(graph, user="nobody")["user_hashed"].item() <= 5


@pytest.mark.parametrize(
    "name",
    [
        *("distance_bucketized4", "city_categorical", "brand_categorical", "zone_categorical", "void_categorical"),
        *("user_hashed", "begin_month", "begin_day", "begin_weekday", "begin_hour"),
    ],
)
def test_a_missing_value_is_the_id_zero(missing: Arrays, name: str) -> None:
    """Zero is kept for missing values, in every role of ids."""
    assert missing[name].tolist() == [0]


def test_a_column_that_never_comes_has_only_missing_values(features: Arrays) -> None:
    """Analysis of a column without any value works, and gives 0."""
    assert features["void_categorical"].tolist() == features["blank_bucketized3"].tolist() == [0] * fleet.ROWS


def pairs_by_id(graph: Graph, features: Arrays) -> dict[int, set[Any]]:
    """Returns the pairs of city and zone that share an id."""
    rows = zip(graph.columns["city"], graph.columns["zone"], features["city_x_zone"].tolist(), strict=True)
    found: dict[int, set[Any]] = {}
    for city, zone, crossed in rows:
        found.setdefault(crossed, set()).add((city, zone))
    return found


def test_each_pair_of_values_has_an_id_of_its_own(graph: Graph, features: Arrays) -> None:
    """Crossed columns tell apart pairs that share either part, a missing part being one more value."""
    pairs = pairs_by_id(graph, features)
    assert all(len(shared) == 1 for shared in pairs.values())
    assert {("Rome", 7), ("Rome", 3), ("Oslo", 3), (None, 3)} == {
        pair for shared in pairs.values() for pair in shared
    } - {("Bern", 3)}


def test_crossed_numbers_are_cut_into_quantiles_first(graph: Graph) -> None:
    """Distances of one half share their id with the same city, and those of the other half do not."""
    one, near, far = (
        of_one(graph, distance=value, city="Rome")["distance_x_city"].item() for value in (2.0, 3.0, 38.0)
    )
    assert one == near != far


def text(*values: bytes) -> tf.Tensor:
    """Returns a dense column of text."""
    return tf.constant(values, tf.string)


def test_the_parts_of_a_cross_keep_their_places_and_borders() -> None:
    """("a", "b") is not ("b", "a"), and ("ab", "c") is not ("a", "bc")."""
    cross = Crossed(columns=("x", "y"), buckets=10_000)
    inputs = {"x": text(b"a", b"b", b"ab", b"a"), "y": text(b"b", b"a", b"c", b"bc")}
    assert len(set(encode_crossed(cross, inputs)["x_x_y"].numpy())) == 4


@given(values=st.lists(st.binary(min_size=1), min_size=1, max_size=20), buckets=st.integers(2, 50))
@REAL_TIME
def test_a_hash_stays_within_its_buckets(values: list[bytes], buckets: int) -> None:
    """Whatever the text is, its id is at least 1 and at most the number of buckets."""
    ids = encode_hashed(Hashed(column="x", buckets=buckets), {"x": text(*values)})["x_hashed"].numpy()
    assert (ids >= 1).all()
    assert (ids <= buckets).all()


def test_a_date_becomes_its_parts_from_one(graph: Graph, features: Arrays) -> None:
    """Month 1 is January, weekday 1 Monday, hour 1 the first after midnight, all in UTC; missing is 0."""
    stamps = [None if seconds is None else datetime.fromtimestamp(seconds, UTC) for seconds in graph.columns["begin"]]
    parts = {"month": "month", "day": "day", "weekday": "isoweekday", "hour": "hour"}
    for part in parts:
        expected = [0 if stamp is None else part_of(stamp, part) for stamp in stamps]
        assert features[f"begin_{part}"].tolist() == expected


def part_of(stamp: datetime, part: str) -> int:
    """Returns the part of a date as Python's datetime has it, from 1."""
    parts = {"month": stamp.month, "day": stamp.day, "weekday": stamp.isoweekday(), "hour": stamp.hour + 1}
    return parts[part]


def moment(seconds: int) -> datetime:
    """Returns the UTC time, before 1970 too."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


@given(stamps=st.lists(SECONDS, min_size=1, max_size=100))
@REAL_TIME
def test_month_and_day_are_those_of_pythons_calendar(stamps: list[int]) -> None:
    """From the year 1 to 9999, leap years and centuries included."""
    month, day = month_and_day(tf.constant(stamps, tf.int64))
    expected = [(moment(seconds).month - 1, moment(seconds).day - 1) for seconds in stamps]
    assert list(zip(month.numpy(), day.numpy(), strict=True)) == expected


@given(seconds=SECONDS, part=st.sampled_from(sorted(DATE_FORMULAS)))
@REAL_TIME
def test_each_date_formula_agrees_with_python(seconds: int, part: str) -> None:
    """Month, day, weekday and hour count from 0 in the formulas."""
    assert int(DATE_FORMULAS[part](tf.constant(seconds, tf.int64))) + 1 == part_of(moment(seconds), part)


@pytest.mark.parametrize("year", [1900, 2000, 2023, 2024, 2100])
def test_the_end_of_february_is_right_in_leap_years_and_others(year: int) -> None:
    """The day before the first of March is the last of February: the 29th only in a leap year."""
    eve = datetime(year, 3, 1, tzinfo=UTC) - timedelta(seconds=1)
    parts = encode_date(Dates(column="t", parts=("month", "day")), {"t": tf.constant([int(eve.timestamp())], tf.int64)})
    assert (int(parts["t_month"][0]), int(parts["t_day"][0])) == (2, eve.day)


@pytest.mark.parametrize(
    ("tensor", "rows"),
    [
        (tf.constant([1.0, float("nan"), 3.0]), [0, 2]),
        (tf.constant([[1], [2]], tf.int64), [0, 1]),
        (text(b"a", b"", b"c"), [0, 2]),
        (tf.sparse.from_dense([[0.0], [2.0]]), [1]),
        (tf.SparseTensor([[0, 0], [1, 0]], [float("nan"), 1.0], [2, 1]), [1]),
    ],
    ids=["floats", "integers", "text", "sparse", "sparse with NaN"],
)
def test_a_raw_input_becomes_a_sparse_column_without_its_missing_values(tensor: Any, rows: list[int]) -> None:
    """NaN and empty texts are left out; whatever the input's form, the column has the shape [batch, 1]."""
    column = to_column(tensor)
    assert column.indices[:, 0].numpy().tolist() == rows
    assert column.dense_shape.numpy().tolist() == [tensor.shape[0], 1]


@given(st.lists(st.lists(st.none() | st.integers(-(2**24), 2**24), min_size=3, max_size=3), min_size=1, max_size=6))
def test_raw_inputs_become_one_matrix(rows: list[list[int | None]]) -> None:
    """Sparse floats and integers, with values missing anywhere, and a dense column, each in its place."""
    columns = [[row[place] for row in rows] for place in range(3)]
    middle = [float("nan") if value is None else float(value) for value in columns[1]]
    inputs = {"a": sparse(columns[0], tf.int64), "b": tf.constant(middle), "c": sparse(columns[2], tf.float32)}
    found = matrix(["a", "b", "c"], inputs, tf.float32).numpy()
    np.testing.assert_array_equal(found, np.array(rows, np.float32))


def sparse(values: list[int | None], dtype: tf.DType) -> tf.SparseTensor:
    """Returns a column as a tf.Example's are parsed: as wide as its widest row."""
    present = [[row, 0] for row, value in enumerate(values) if value is not None]
    kept = tf.constant([value for value in values if value is not None], dtype)
    return tf.SparseTensor(np.array(present, np.int64).reshape(-1, 2), kept, (len(values), min(len(present), 1)))


def test_a_second_value_in_a_row_is_an_error() -> None:
    """A feature has one value at most, and which of two it is cannot be guessed."""
    two = tf.SparseTensor([[0, 0], [0, 1]], [1.0, 2.0], (1, 2))
    with pytest.raises(tf.errors.InvalidArgumentError, match="out of bounds"):
        matrix(["a", "b"], {"a": two, "b": two}, tf.float32)


def floats(*values: float) -> tf.Tensor:
    """Returns a dense column of floats; NaN is a missing value."""
    return tf.constant(values, tf.float32)


NAN = float("nan")


def label_of(expression: str, problem: str, **inputs: tf.Tensor) -> npt.NDArray[Any]:
    """Returns the label of each row."""
    labels: npt.NDArray[Any] = label(Expression(expression), problem, inputs).numpy()
    return labels


def test_a_binary_label_is_one_where_the_expression_holds() -> None:
    """The label of a row is 1.0 or 0.0, and NaN where any column that it needs is absent."""
    labels = label_of("tips > 0.2 * fare", "binary", tips=floats(3, 1, NAN, 1), fare=floats(10, 10, 10, NAN))
    np.testing.assert_array_equal(labels, np.array([1, 0, NAN, NAN], np.float32))


def test_a_binary_label_may_compare_texts_and_integers() -> None:
    """Texts are compared as they are, integers as numbers."""
    inputs = {"pay": text(b"Cash", b"Card", b"Cash", b""), "zone": tf.constant([1, 1, 2, 1], tf.int64)}
    labels = label_of("pay == 'Cash' and zone < 2", "binary", **inputs)
    np.testing.assert_array_equal(labels, np.array([1, 0, 0, NAN], np.float32))


def test_a_regression_label_is_the_value_of_the_expression() -> None:
    """The label is a float32, and NaN where a column is absent."""
    labels = label_of("fare - tips / 2", "regression", fare=floats(10, NAN), tips=floats(4, 4))
    np.testing.assert_array_equal(labels, np.array([8, NAN], np.float32))


def test_the_label_of_the_table_is_what_its_columns_say(graph: Graph, features: Arrays) -> None:
    """The graph computes the label of each training row, NaN where tips or fare is missing."""
    rows = zip(graph.columns["tips"], graph.columns["fare"], strict=True)
    expected = [NAN if tips is None or fare is None else float(tips > 0.2 * fare) for tips, fare in rows]
    np.testing.assert_array_equal(features[LABEL], np.array(expected, np.float32))


def test_a_class_is_its_index_the_most_frequent_first(class_graph: Graph) -> None:
    """Classes count from 0; a missing class and one that training never saw are -1."""
    labels = class_graph.apply(class_graph.examples)[LABEL].tolist()
    assert labels == [0] * 20 + [1] * 12 + [2] * 7 + [-1]
    assert of_one(class_graph, kind="Basel")[LABEL].tolist() == [-1]


def test_the_classes_vocabulary_holds_their_texts(class_graph: Graph) -> None:
    """What the model's answer is named by is the class's own text, in the order of the labels."""
    classes = [name.decode() for name in class_graph.output.vocabulary_by_name(LABEL_VOCABULARY)]
    assert classes == ["Zürich", "Köln", "Łódź"]


@pytest.fixture(scope="module")
def remainders(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """A table of one dense column, whose label's classes are an expression's values."""
    schema = schema_pb2.Schema()
    text_format.Parse(
        'feature { name: "n" type: INT presence { min_fraction: 1 min_count: 1 } shape {} }'
        'feature { name: "m" type: INT value_count { max: 1 } }',
        schema,
    )
    columns: Columns = {"n": [0, 3, 6, 9, 1, 4, 2, 5], "m": [3] * 7 + [None]}
    config = {"features": [{"role": "numeric", "column": "n"}], "label": "n % m", "problem": "multiclass"}
    folder = tmp_path_factory.mktemp("remainders")
    analyze(columns, schema, config, folder)
    return load_graph(folder, columns)


def test_the_classes_may_be_the_values_of_an_expression(remainders: Graph) -> None:
    """Four rows leave 0, two leave 1, one leaves 2; where a column is missing there is no class."""
    assert remainders.apply(remainders.examples)[LABEL].tolist() == [0, 0, 0, 0, 1, 1, 2, -1]
    assert remainders.output.vocabulary_by_name(LABEL_VOCABULARY) == [b"0", b"1", b"2"]


def test_a_dense_column_is_scaled_as_a_sparse_one_is(remainders: Graph) -> None:
    """A column of which the schema fixes the shape works in a role."""
    features = remainders.apply(remainders.examples)
    values = np.array(remainders.columns["n"], np.float64)
    assert features["n_numeric"] == pytest.approx((values - values.mean()) / values.std(), abs=1e-5)
    assert features["n_missing"].tolist() == [0.0] * 8


def test_no_id_reaches_its_features_cardinality(graph: Graph, features: Arrays, missing: Arrays) -> None:
    """The model's tables, sized by cardinalities(), have a row for every id that training or serving can make."""
    strange = of_one(graph, **dict.fromkeys(("city", "brand", "street", "void", "user"), "?"), zone=99, distance=1e30)
    for role in fleet.ROLES:
        for name, size in zip(role.ids, cardinalities(role, graph.output), strict=True):
            seen = np.concatenate([features[name], missing[name], strange[name]])
            assert 0 <= seen.min() <= seen.max() < size, name


def test_cardinalities_have_no_more_rows_than_the_ids_need(graph: Graph) -> None:
    """A vocabulary of three, one out-of-vocabulary bucket and missing are five; hours are 24 and missing."""
    categorical, date = parse_roles([{"role": "categorical", "column": "city"}, {"role": "date", "column": "begin"}])
    assert cardinalities(categorical, graph.output) == (5,)
    assert cardinalities(date, graph.output) == (13, 8, 25)


def test_the_rows_that_train_the_model_are_those_that_serving_computes(graph: Graph, features: Arrays) -> None:
    """The transformed examples that Beam wrote hold just what the exported graph gives for the raw ones."""
    written = [to_row(example) for example in read_records(Path(graph.transformed))]
    served = [{name: values[row].item() for name, values in features.items()} for row in range(fleet.ROWS)]
    assert Counter(map(rounded, written)) == Counter(map(rounded, served))


def rounded(row: dict[str, Any]) -> str:
    """Returns a row as text that does not tell apart floats of almost the same value."""
    return str({name: f"{value:.4f}".replace("-0.0000", "0.0000") for name, value in sorted(row.items())})
