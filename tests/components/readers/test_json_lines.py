from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.readers import json_lines
from components.readers.records import RECORDS_A_BATCH
from components.rows import BadRow
from components.source_options import NUMBER
from tests.components.readers.reading import TEXT, options_of, read, refusal, write
from tests.components.tables import REAL_TIME

INT64 = st.integers(-(2**63), 2**63 - 1)
FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
OBJECTS = st.fixed_dictionaries({"i": INT64 | st.none(), "f": FLOAT32 | st.none(), "t": TEXT | st.none()})
TYPES = {"i": "INT", "f": "FLOAT", "t": "BYTES"}


def write_lines(folder: Path, *lines: str, name: str = "rows.jsonl") -> Path:
    """Returns the path of a file of lines."""
    return write(folder, "".join(f"{line}\n" for line in lines), name=name)


def test_objects_become_examples_with_the_types_that_json_has(tmp_path: Path) -> None:
    """Integers, floats, booleans and texts are what they are; null and an absent name are missing values."""
    path = write_lines(tmp_path, '{"i": 1, "f": 1.5, "b": true, "t": "007"}', '{"i": null, "f": 2, "t": "é"}')
    assert read("jsonl", path).rows == [
        {"i": 1, "f": 1.5, "b": 1, "t": b"007"},
        {"i": None, "f": 2.0, "b": None, "t": "é".encode()},
    ]


@given(objects=st.lists(OBJECTS, min_size=1, max_size=10), texts=st.sampled_from(["escaped", "as they are"]))
@REAL_TIME
def test_what_python_writes_as_json_lines_is_read_back(
    objects: list[dict[str, object]], texts: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Numbers and texts survive JSON Lines, escaped or not, integers beyond 2^53 too; an empty text is missing."""
    lines = [json.dumps(one, ensure_ascii=texts == "escaped") for one in objects]
    path = write_lines(tmp_path_factory.mktemp("jsonl"), *lines)
    expected = [one | {"t": str(one["t"]).encode() if one["t"] else None} for one in objects]
    assert read("jsonl", path, types=TYPES).rows == expected


def test_what_is_no_object_is_quarantined_with_its_line(tmp_path: Path) -> None:
    """Broken JSON, other JSON, an empty object and half a character are told; blank lines are no rows."""
    path = write_lines(tmp_path, '{"a": 1}', "broken", "", "[1]", '{"a": 2}', "{}", '{"a": 3, "t": "\\ud800"}', "3")
    out = read("jsonl", path)
    assert out.rows == [{"a": 1}, {"a": 2}]
    assert out.places == [
        (2, "broken"),
        (4, "[1]"),
        (6, "{}"),
        (7, '{"a": 3, "t": "\\ud800"}'),
        (8, "3"),
    ]
    assert [row.reason.split(":")[0] for row in out.bad] == [
        "is not JSON",
        "is not a JSON object with a value",
        "is not a JSON object with a value",
        "holds half of a surrogate pair, which is no text",
        "is not a JSON object with a value",
    ]


def test_a_line_that_is_not_utf8_is_quarantined(tmp_path: Path) -> None:
    """Bytes of another encoding spoil their own line only."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": "x"}\n{"a": "caf\xe9"}\n')
    assert read("jsonl", path).bad == [BadRow(2, "is not utf-8", r'{"a": "caf\xe9"}')]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8-sig", "utf-16"])
def test_another_encoding_can_be_named(tmp_path: Path, encoding: str) -> None:
    """The first line has no byte order mark, and each line its characters."""
    path = write(tmp_path, '{"a": "é"}\n{"a": "ü"}\n', encoding, "rows.jsonl")
    given_encoding = "utf-8" if encoding == "utf-8-sig" else encoding
    assert read("jsonl", path, encoding=given_encoding).rows == [{"a": "é".encode()}, {"a": "ü".encode()}]


def test_a_wrong_value_is_quarantined_as_it_stands(tmp_path: Path) -> None:
    """A text, a nested value or an infinite number where a number is wanted spoils its row."""
    lines = ['{"a": 1}', '{"a":   "x"}', '{"a": [1]}', '{"a": Infinity}', '{"a": "2"}', '{"a": 1e39}', '{"a": 2.5}']
    out = read("jsonl", write_lines(tmp_path, *lines), types={"a": "FLOAT"})
    assert out.rows == [{"a": 1.0}, {"a": 2.0}, {"a": 2.5}]
    assert out.places == [(2, lines[1]), (3, lines[2]), (4, lines[3]), (6, lines[5])]


@pytest.mark.parametrize("value", [str(2**63), str(-(2**63) - 1), "1e19", "1e400"])
def test_a_number_that_no_int64_holds_is_quarantined(tmp_path: Path, value: str) -> None:
    """A tf.Example has no integer so large, and it is not made another one."""
    out = read("jsonl", write_lines(tmp_path, '{"a": 1}', f'{{"a": {value}}}'), types={"a": "INT"})
    assert (out.rows, len(out.bad)) == ([{"a": 1}], 1)


def test_a_column_of_nested_values_is_refused(tmp_path: Path) -> None:
    """A list is neither number nor text: the message names the column."""
    path = write_lines(tmp_path, '{"a": 1, "tags": ["x"]}')
    assert refusal("jsonl", path).startswith(f"{path}: column 'tags' is list<")


def test_a_column_that_appears_far_down_is_a_column(tmp_path: Path) -> None:
    """What only later objects have is read, with one type, though the schema knows all names of the first."""
    lines = ['{"a": 1}'] * RECORDS_A_BATCH + ['{"a": 2, "b": 1}'] * RECORDS_A_BATCH + ['{"b": 2.5, "a": 3}']
    rows = read("jsonl", write_lines(tmp_path, *lines), types={"a": "INT"}).rows
    assert (rows[0], rows[RECORDS_A_BATCH], rows[-1]) == ({"a": 1}, {"a": 2, "b": 1.0}, {"a": 3, "b": 2.5})


@pytest.mark.parametrize("other", ["2.5", "true"])
def test_a_type_does_not_depend_on_where_a_batch_ends(tmp_path: Path, other: str) -> None:
    """Integers with floats or booleans among them are the same columns within a batch and over two."""
    within = read("jsonl", write_lines(tmp_path, '{"a": 1}', f'{{"a": {other}}}', name="short.jsonl")).rows
    apart = ['{"a": 1}'] * RECORDS_A_BATCH + [f'{{"a": {other}}}']
    assert read("jsonl", write_lines(tmp_path, *apart)).rows[-2:] == within


def test_rows_without_a_column_hash_as_rows_without_its_value(tmp_path: Path) -> None:
    """A row's split does not depend on whether other rows of its batch have a column, or in which order it stands."""
    alone = read("jsonl", write_lines(tmp_path, '{"a": 1, "t": "x"}', name="alone.jsonl")).hashes
    among = read(
        "jsonl", write_lines(tmp_path, '{"b": 3}', '{"t": "x", "a": 1}', '{"a": 1, "b": null, "t": "x"}')
    ).hashes
    assert among[1:] == alone * 2


def test_a_label_that_no_row_of_a_batch_has_is_missing(tmp_path: Path) -> None:
    """A row without the label's column is no row with a label."""
    out = read("jsonl", write_lines(tmp_path, '{"a": 1}', '{"a": 2}'), types={"tips": "FLOAT"}, required=("tips",))
    assert [row.reason for row in out.bad] == ["'tips' has no value, and the label needs one"] * 2


def test_missing_words_and_numbers_as_text(tmp_path: Path) -> None:
    """data.missing says of texts that they are no value; a text in a numeric role is read as a number."""
    path = write_lines(tmp_path, '{"a": "1.5", "t": "NA"}', '{"a": "NA", "t": "x"}')
    assert read("jsonl", path, types={"a": NUMBER}, missing=("NA",)).rows == [
        {"a": 1.5, "t": None},
        {"a": None, "t": b"x"},
    ]


def test_a_gzipped_file_is_read(tmp_path: Path) -> None:
    """A file is decompressed by its ending, also when its bad rows are looked up."""
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\nbroken\n'))
    out = read("jsonl", path)
    assert (out.rows, out.places) == ([{"a": 1}], [(2, "broken")])


def test_a_gzip_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    """Half a copy is not read as half of the rows."""
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps({"a": list(range(10_000))}).encode())[:-20])
    assert refusal("jsonl", path).startswith(f"{path}: cannot be decompressed: ")


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_a_file_without_an_object_has_no_rows(tmp_path: Path, text: str) -> None:
    """An empty part of an export is a table of no rows and no names."""
    path = write(tmp_path, text, name="rows.jsonl")
    assert read("jsonl", path).read == 0
    assert json_lines.columns(str(path), options_of("jsonl", path)) == []
