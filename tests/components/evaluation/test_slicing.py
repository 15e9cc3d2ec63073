"""Slices of many rows at once, beside those that TFMA finds for each row."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.slicer import slicer_lib as slicer

from components.evaluation.slicing import columns_of, slices
from tests.components.tables import REAL_TIME

SPECS = [
    config_pb2.SlicingSpec(),
    config_pb2.SlicingSpec(feature_keys=["city"]),
    config_pb2.SlicingSpec(feature_keys=["hour"]),
    config_pb2.SlicingSpec(feature_keys=["city", "hour"]),
    config_pb2.SlicingSpec(feature_values={"city": "Rome"}),
    config_pb2.SlicingSpec(feature_keys=["city"], feature_values={"hour": "2"}),
]
CITIES = st.lists(st.sampled_from([b"Rome", b"Oslo", b"Z\xc3\xbcrich"]), max_size=1) | st.none()
HOURS = st.lists(st.integers(0, 3), max_size=1) | st.none()
SEVERAL = st.lists(st.integers(0, 3), max_size=3) | st.none()
TABLES = st.lists(st.tuples(CITIES, HOURS), min_size=1, max_size=30)
TABLES_OF_LISTS = st.lists(st.tuples(CITIES, SEVERAL), min_size=1, max_size=30)
Row = tuple[list[bytes] | None, list[int] | None]


def found(rows: list[Row]) -> dict[Any, list[int]]:
    """Returns the rows of each slice."""
    cities, hours = zip(*rows, strict=True)
    columns = [pa.array(cities, pa.list_(pa.binary())), pa.array(hours, pa.list_(pa.int64()))]
    by_slice: dict[Any, list[int]] = defaultdict(list)
    for key, of_slice in slices(SPECS, pa.RecordBatch.from_arrays(columns, ["city", "hour"])):
        by_slice[key] += of_slice.tolist()
    return {key: sorted(of_slice) for key, of_slice in by_slice.items()}


def found_by_tfma(rows: list[Row]) -> dict[Any, list[int]]:
    """Returns the rows of each slice as TFMA finds them, one by one."""
    by_slice: dict[Any, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        features = {name: np.array(values) for name, values in zip(["city", "hour"], row, strict=True) if values}
        for spec in SPECS:
            one = slicer.SingleSliceSpec(spec=spec)
            for key in slicer.get_slices_for_features_dicts([features], None, [one]):
                by_slice[key].append(index)
    return dict(by_slice)


@given(rows=TABLES)
@REAL_TIME
def test_slices_are_those_that_tfma_finds_for_each_row(rows: list[Row]) -> None:
    """Texts, numbers, values that a slice names, two columns together, and rows in which one is missing."""
    assert found(rows) == found_by_tfma(rows)


@given(rows=TABLES_OF_LISTS)
@REAL_TIME
def test_a_row_of_several_values_is_in_the_slice_of_each(rows: list[Row]) -> None:
    """As TFMA has it."""
    assert found(rows) == found_by_tfma(rows)


def test_the_columns_are_those_of_all_slices() -> None:
    """By their keys and by the values that they name, each once."""
    assert columns_of(SPECS) == ("city", "hour")
