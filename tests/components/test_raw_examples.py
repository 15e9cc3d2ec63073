from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import schema_pb2

from components.raw_examples import raw_feature_spec, read_serialized, requests_for, to_columns
from components.signature_calls import load
from tests.components.conftest import Exporter
from tests.components.graphs import Graph
from tests.components.tables import REAL_TIME, to_examples, to_rows, write_records

DTYPES = {"city": tf.string, "miles": tf.float32, "zone": tf.float64}
CITIES = st.none() | st.text(min_size=1)
MILES = st.none() | st.floats(width=32, allow_nan=False)
ZONES = st.none() | st.integers(-(2**53), 2**53)
ROWS = st.lists(st.tuples(CITIES, MILES, ZONES), min_size=1, max_size=20)


@given(rows=ROWS)
@REAL_TIME
def test_examples_become_dense_columns(rows: list[tuple[Any, ...]]) -> None:
    """Each value stands in its row; a missing text is "", a missing number NaN, and integers are exact to 2^53."""
    cities, miles, zones = (list(column) for column in zip(*rows, strict=True))
    made = to_columns(to_examples({"city": cities, "miles": miles, "zone": zones}), DTYPES)
    assert made["city"].tolist() == [(city or "").encode() for city in cities]
    np.testing.assert_array_equal(made["miles"], np.array(miles, np.float32))
    np.testing.assert_array_equal(made["zone"], np.array(zones, np.float64))


def test_the_columns_have_the_types_that_were_asked() -> None:
    """Text is an array of objects; numbers have the signature's types."""
    made = to_columns(to_examples({"city": ["Rome"], "miles": [1.5], "zone": [7]}), DTYPES)
    assert {name: str(column.dtype) for name, column in made.items()} == {
        "city": "object",
        "miles": "float32",
        "zone": "float64",
    }


def test_a_column_that_no_example_has_is_missing_throughout() -> None:
    """A name that the examples lack is a column of missing values, as at serving."""
    made = to_columns(to_examples({"city": ["Rome", "Oslo"]}), {"miles": tf.float32, "street": tf.string})
    assert np.isnan(made["miles"]).tolist() == [True, True]
    assert made["street"].tolist() == [b"", b""]


def test_no_examples_become_columns_of_no_rows() -> None:
    """Zero rows are columns of the shape [0]."""
    assert {name: column.shape for name, column in to_columns([], DTYPES).items()} == dict.fromkeys(DTYPES, (0,))


@pytest.mark.parametrize(("rows", "read"), [(0, []), (3, [0, 1, 2]), (7, [0, 1, 2, 3, 4, 5, 6]), (99, list(range(10)))])
def test_the_first_rows_of_a_split_are_read(tmp_path: Path, rows: int, read: list[int]) -> None:
    """As many rows as asked, or all there are, from the files in the order of their names."""
    examples = to_examples({"n": list(range(10))})
    write_records(tmp_path / "data-1.gz", examples[5:])
    write_records(tmp_path / "data-0.gz", examples[:5])
    assert [row["n"] for row in to_rows(read_serialized(str(tmp_path), rows))] == read


def test_a_schema_says_how_its_features_are_parsed() -> None:
    """A feature that may be missing is sparse; one whose shape is fixed is dense."""
    schema = text_format.Parse(
        'feature { name: "city" type: BYTES value_count { max: 1 } }'
        'feature { name: "zone" type: INT presence { min_fraction: 1 min_count: 1 } shape {} }',
        schema_pb2.Schema(),
    )
    assert raw_feature_spec(schema) == {
        "city": tf.io.VarLenFeature(tf.string),
        "zone": tf.io.FixedLenFeature([], tf.int64),
    }


def test_real_rows_become_the_inputs_of_each_signature(exporter: Exporter, graph: Graph) -> None:
    """Two signatures take the rows as they are, the third as columns, with exactly the columns that it has."""
    loaded = load(str(exporter("multiclass")))
    requests = requests_for(loaded, graph.examples[:4])
    assert requests["serving_default"]["examples"].tolist() == graph.examples[:4]
    assert requests["transform_features"]["examples"].tolist() == graph.examples[:4]
    assert sorted(requests["predict_columns"]) == ["city", "distance"]
    assert requests["predict_columns"]["city"].tolist() == [b"Rome"] * 4
    assert np.isnan(requests["predict_columns"]["distance"]).tolist() == [True, False, False, False]
