from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_gate import check_label
from schema.errors import DataAnomaly
from schema.expression import Expression
from tests.components.tables import Columns, to_examples, write_records

PAYMENTS = text_format.Parse('feature { name: "pay" type: BYTES value_count { max: 1 } }', schema_pb2.Schema())


def check_payments(rows: Columns, folder: Path) -> None:
    """Checks a label that compares a column with a text."""
    file = write_records(folder / "rows.gz", to_examples(rows))
    check_label("trips.csv", [str(file)], Expression("pay == 'Cash'"), PAYMENTS)


def test_a_label_may_compare_a_text(tmp_path: Path) -> None:
    """A label that says whether a column holds some text varies where the column does."""
    check_payments({"pay": ["Cash", None, "Card"]}, tmp_path)


@pytest.mark.parametrize(("pay", "label"), [("Cash", "True"), ("Card", "False")])
def test_a_label_that_compares_a_text_must_vary(tmp_path: Path, pay: str, label: str) -> None:
    """Where each row's column compares alike, the run stops and the message says what the label is."""
    with pytest.raises(DataAnomaly, match=f"every row has the same label, {label}"):
        check_payments({"pay": [pay, pay]}, tmp_path)
