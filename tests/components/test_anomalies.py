from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.anomalies import Anomaly, allowed, describe

SCHEMA = text_format.Parse(
    """
    feature { name: "pay" type: BYTES domain: "payments" presence { min_fraction: 1.0 min_count: 1 } }
    feature { name: "fare" type: FLOAT float_domain { min: 0 max: 100.5 } }
    feature { name: "hour" type: INT int_domain { min: 0 max: 23 } }
    string_domain { name: "payments" value: "Cash" value: "Card" }
    """,
    schema_pb2.Schema(),
)
GOOD: dict[str, list[Any]] = {"pay": ["Cash", "Card"] * 4, "fare": [1.5] * 8, "hour": [5] * 8}


def found_in(columns: Mapping[str, Any]) -> anomalies_pb2.Anomalies:
    """Returns what TFDV finds in a table."""
    statistics = tfdv.generate_statistics_from_dataframe(pd.DataFrame(columns), n_jobs=1)
    return tfdv.validate_statistics(statistics, SCHEMA)


def anomalies_of(columns: Mapping[str, Any], split: str = "train", **severities: str) -> list[Anomaly]:
    """Returns the anomalies of a table that is one split."""
    return list(describe({split: found_in(columns)}, SCHEMA, "fail", severities))


def test_data_that_fits_its_schema_has_no_anomaly() -> None:
    """Nothing is said of a good table."""
    assert anomalies_of(GOOD) == []


@pytest.mark.parametrize(
    ("feature", "values", "found", "allowed_words"),
    [
        ("fare", [1.5] * 7 + [250.0], "250", "numbers, from 0 to 100.5"),
        ("fare", [1.5] * 7 + [-3.0], "-3", "numbers, from 0 to 100.5"),
        ("hour", [5] * 7 + [24], "24", "integers, from 0 to 23"),
        ("pay", ["Cash"] * 7 + ["Gold"], "Gold", "text, one of Cash, Card, present in at least 100% of the rows"),
        ("pay", ["Cash"] * 7 + [None], "0.875", "text, one of Cash, Card, present in at least 100% of the rows"),
        ("fare", ["cheap"] * 8, "STRING", "numbers, from 0 to 100.5"),
        ("hour", [5.5] * 8, "FLOAT", "integers, from 0 to 23"),
    ],
    ids=["too high", "too low", "integer too high", "new category", "too few", "text for number", "float for integer"],
)
def test_an_anomaly_says_what_was_found_and_what_is_allowed(
    feature: str, values: list[Any], found: str, allowed_words: str
) -> None:
    """The sentence names the split and the feature, quotes what was found, and says what the schema allows."""
    (anomaly,) = anomalies_of(GOOD | {feature: values}, split="eval")
    sentence = str(anomaly)
    assert sentence.startswith(f"eval split, feature {feature!r}: ")
    assert found.lower() in anomaly.found.lower()
    assert sentence.endswith(f". The schema allows: {allowed_words}.")


def test_a_column_that_is_gone_is_an_anomaly() -> None:
    """A column of the schema that the data lacks is named."""
    (anomaly,) = anomalies_of({name: values for name, values in GOOD.items() if name != "pay"})
    assert (anomaly.feature, anomaly.allowed.split(",")[0]) == ("pay", "text")
    assert "missing" in anomaly.found


def test_a_column_that_nobody_expected_is_an_anomaly() -> None:
    """A column of the data that the schema lacks is named."""
    (anomaly,) = anomalies_of(GOOD | {"mood": [1] * 8})
    assert (anomaly.feature, anomaly.allowed) == ("mood", "no such feature")
    assert "New column" in anomaly.found


def test_each_split_is_told_by_itself() -> None:
    """The same fault in two splits is two anomalies, and a good split has none."""
    bad, good = found_in(GOOD | {"hour": [99] * 8}), found_in(GOOD)
    told = list(describe({"train": bad, "eval": good, "test": bad}, SCHEMA, "fail", {}))
    assert [(anomaly.split, anomaly.feature) for anomaly in told] == [("train", "hour"), ("test", "hour")]


def test_the_severity_of_a_feature_overrides_the_default() -> None:
    """`hour` is let pass, everything else stops the run."""
    told = anomalies_of(GOOD | {"hour": [99] * 8, "fare": [999.0] * 8}, hour="warn")
    assert {anomaly.feature: anomaly.severity for anomaly in told} == {"hour": "warn", "fare": "fail"}


def test_too_few_rows_are_an_anomaly_of_the_whole_split() -> None:
    """What the schema says of the dataset, not of a feature, is told with the default severity."""
    schema = schema_pb2.Schema()
    schema.CopyFrom(SCHEMA)
    schema.dataset_constraints.min_examples_count = 1000
    statistics = tfdv.generate_statistics_from_dataframe(pd.DataFrame(GOOD), n_jobs=1)
    (anomaly,) = describe({"train": tfdv.validate_statistics(statistics, schema)}, schema, "warn", {})
    assert str(anomaly).startswith("train split, feature '(the whole split)': ")
    assert anomaly.severity == "warn"


@pytest.mark.parametrize(
    ("feature", "words"),
    [
        ('name: "x" type: INT', "integers"),
        ('name: "x" type: FLOAT float_domain { min: 0.5 }', "numbers, from 0.5"),
        ('name: "x" type: INT int_domain { max: 77 }', "integers, to 77"),
        ('name: "x" type: INT int_domain { is_categorical: true }', "integers, of any size"),
        ('name: "x" type: BYTES string_domain { value: "a" value: "b" }', "text, one of a, b"),
        ('name: "x" type: BYTES presence { min_fraction: 0.5 }', "text, present in at least 50% of the rows"),
        ('name: "x" type: BYTES value_count { min: 1 max: 1 }', "text, at most 1 value a row"),
        ('name: "x"', "any"),
    ],
)
def test_what_a_schema_allows_is_said_in_words(feature: str, words: str) -> None:
    """Type, domain, presence and number of values, as far as the schema says them."""
    assert allowed(text_format.Parse(feature, schema_pb2.Feature()), {}) == words
