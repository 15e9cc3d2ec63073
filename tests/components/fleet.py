"""A table of forty rows with a column for each feature role, and one whose label has classes."""

from __future__ import annotations

from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.settings import ModelSettings, TrainingOptions
from schema.roles import AnyRole, parse_roles
from tests.components.tables import Columns

ROWS = 40
LABEL = "tips > 0.2 * fare"
CLASSES = "kind"
ROLES = parse_roles(
    [
        {"role": "numeric", "column": "distance"},
        {"role": "numeric", "column": "seconds"},
        {"role": "numeric", "column": "constant"},
        {"role": "numeric", "column": "blank"},
        {"role": "bucketized", "column": "distance", "buckets": 4},
        {"role": "bucketized", "column": "blank", "buckets": 3},
        {"role": "categorical", "column": "city"},
        {"role": "categorical", "column": "brand", "min_count": 3},
        {"role": "categorical", "column": "street", "top_k": 2, "oov_buckets": 3},
        {"role": "categorical", "column": "zone"},
        {"role": "categorical", "column": "void"},
        {"role": "hashed", "column": "user", "buckets": 5},
        {"role": "crossed", "columns": ["city", "zone"], "buckets": 500},
        {"role": "crossed", "columns": ["distance", "city"], "buckets": 500, "quantiles": 2},
        {"role": "date", "column": "begin", "parts": ["month", "day", "weekday", "hour"]},
    ]
)
FEW_ROLES = parse_roles([{"role": "numeric", "column": "distance"}, {"role": "categorical", "column": "city"}])
TYPES = {
    **dict.fromkeys(("distance", "constant", "blank", "fare", "tips"), "FLOAT"),
    **dict.fromkeys(("seconds", "zone", "begin"), "INT"),
    **dict.fromkeys(("city", "brand", "street", "void", "user", "kind"), "BYTES"),
}


def columns() -> Columns:
    """Returns the table; None is a missing value."""
    return {
        "distance": [None if row % 5 == 0 else float(row) for row in range(ROWS)],
        "seconds": [row * 10 for row in range(ROWS)],
        "constant": [3.5] * ROWS,
        "blank": [None] * ROWS,
        "city": ["Rome"] * 16 + ["Oslo"] * 9 + ["Bern"] * 5 + [None] * 10,
        "brand": ["Audi"] * 20 + ["Fiat"] * 3 + ["Lada"] * 2 + [None] * 15,
        "street": ["Elm"] * 10 + ["Oak"] * 8 + ["Ash"] * 6 + [None] * 16,
        "zone": [7] * 15 + [3] * 25,
        "void": [None] * ROWS,
        "user": [None if row % 10 == 9 else f"user {row}" for row in range(ROWS)],
        "begin": [None if row == 3 else 1_400_000_000 + row * 1_234_567 for row in range(ROWS)],
        "fare": [None if row == 1 else 10.0 for row in range(ROWS)],
        "tips": [None if row == 0 else float(row % 4) for row in range(ROWS)],
        "kind": ["Zürich"] * 20 + ["Köln"] * 12 + ["Łódź"] * 7 + [None],
    }


def schema() -> schema_pb2.Schema:
    """Returns the table's schema."""
    features = [f'feature {{ name: "{name}" type: {kind} value_count {{ max: 1 }} }}' for name, kind in TYPES.items()]
    return text_format.Parse("\n".join(features), schema_pb2.Schema())


def options(problem: str, label: str, roles: tuple[AnyRole, ...], **model: Any) -> TrainingOptions:
    """Returns options for a tiny model."""
    tiny = {"hidden": (4,), "embedding": 2, "batch_size": 8, "dropout": 0.0} | model
    return TrainingOptions(
        problem=problem,
        label=label,
        features=roles,
        model=ModelSettings.model_validate(tiny),
        build_model="components.model.build_model",
        checkpoints="checkpoints",
        code="",
    )
