from __future__ import annotations

import base64
import random
from pathlib import Path

import pytest
import tensorflow as tf

from components.readers import READERS
from components.rows import BadRow
from tests.components.readers.reading import EXAMPLES, options_of, refusal
from tests.components.readers.reading import read as read_source
from tests.components.tables import to_examples, write_records

PLAIN_AND_GZIPPED = pytest.mark.parametrize(
    ("name", "compression"), [("rows.tfrecord", ""), ("rows.tfrecord.gz", "GZIP")]
)


@PLAIN_AND_GZIPPED
def test_a_tfrecord_gives_its_examples_as_they_are(tmp_path: Path, name: str, compression: str) -> None:
    """Plain or gzipped, each record comes out unchanged, with a hash of its own."""
    path = write_records(tmp_path / name, EXAMPLES, compression)
    batches = list(READERS["tfrecord"].rows(str(path), options_of("tfrecord", path)))
    assert [example for batch in batches for example in batch.examples.to_pylist()] == EXAMPLES
    assert len({int(one) for batch in batches for one in batch.hashes}) == len(EXAMPLES)


def test_a_corrupt_tfrecord_is_refused_by_name(tmp_path: Path) -> None:
    """A record whose checksum is wrong stops the read."""
    path = write_records(tmp_path / "rows.tfrecord", EXAMPLES[:3], "")
    content = bytearray(path.read_bytes())
    content[14] ^= 0xFF
    path.write_bytes(bytes(content))
    assert refusal("tfrecord", path).startswith(f"{path}: is corrupt after record 0.")


@PLAIN_AND_GZIPPED
def test_a_tfrecord_that_was_cut_short_is_refused(tmp_path: Path, name: str, compression: str) -> None:
    """A file that ends within a record is not read as a shorter one."""
    path = write_records(tmp_path / name, random.Random(1).sample(EXAMPLES, 1000), compression)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert refusal("tfrecord", path).startswith(f"{path}: is corrupt after record ")


@pytest.mark.parametrize("whole", [1, 4])
def test_the_whole_records_above_a_corrupt_one_are_counted(tmp_path: Path, whole: int) -> None:
    """The message says after which record a TFRecord is corrupt, within its first batch too."""
    end = write_records(tmp_path / "above.tfrecord", EXAMPLES[: whole + 1], "").stat().st_size
    path = write_records(tmp_path / "rows.tfrecord", EXAMPLES[:5], "")
    content = bytearray(path.read_bytes())
    content[end - 8] ^= 0xFF
    path.write_bytes(bytes(content))
    assert refusal("tfrecord", path).startswith(f"{path}: is corrupt after record {whole}.")


@pytest.mark.parametrize("good", [0, 3, 4500])
def test_a_record_that_is_not_an_example_is_quarantined(tmp_path: Path, good: int) -> None:
    """It is told by its number, beyond the first batch too, and kept as base64."""
    path = write_records(tmp_path / "rows.tfrecord", [*EXAMPLES[:good], b"not an example", *EXAMPLES[:2]], "")
    out = read_source("tfrecord", path)
    assert out.bad == [BadRow(good + 1, "is no tf.Example", base64.b64encode(b"not an example").decode())]
    assert len(out.rows) == good + 2


def test_an_example_without_the_label_is_quarantined(tmp_path: Path) -> None:
    """A feature that is absent, has no kind, or a kind and no value, is no label."""
    absent = to_examples({"a": [1]})
    valueless = tf.train.Example()
    valueless.features.feature["tips"].float_list.SetInParent()
    records = [
        *to_examples({"tips": [1.0, None]}),
        *absent,
        valueless.SerializeToString(),
        *to_examples({"tips": [2.0]}),
    ]
    out = read_source("tfrecord", write_records(tmp_path / "rows.gz", records), required=("tips",))
    assert [row.number for row in out.bad] == [2, 3, 4]
    assert {row.reason for row in out.bad} == {"'tips' has no value, and the label needs one"}


def test_one_missing_label_in_a_batch_costs_no_other_row(tmp_path: Path) -> None:
    """A batch of which all rows are without the label, and one of which none is, are read alike."""
    records = to_examples({"tips": [None] * 3 + [1.0] * 5000})
    out = read_source("tfrecord", write_records(tmp_path / "rows.gz", records), required=("tips",))
    assert ([row.number for row in out.bad], len(out.rows)) == ([1, 2, 3], 5000)


def test_a_tfrecord_has_no_names(tmp_path: Path) -> None:
    """The columns are not known before the records are."""
    path = write_records(tmp_path / "rows.tfrecord", EXAMPLES[:1], "")
    assert READERS["tfrecord"].columns(str(path), options_of("tfrecord", path)) == []


def test_an_empty_tfrecord_has_no_rows(tmp_path: Path) -> None:
    """No record is no bad record."""
    assert read_source("tfrecord", write_records(tmp_path / "rows.tfrecord", [], "")).read == 0
