from __future__ import annotations

import csv
import io
import random
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from components.readers import COLUMNS, NUMBER, READERS, read_csv, read_parquet, read_tfrecord
from schema.errors import DataAnomaly
from tests.components.tables import REAL_TIME, Cell, to_examples, to_rows, write_records

Rows = list[dict[str, Cell]]
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('\n",;'), max_size=8)
LATE = 400_000  # rows, more than the first block that Arrow reads


def read(kind: str, path: Path, types: dict[str, str] | None = None) -> Rows:
    """Returns the rows of a file."""
    return [row for rows in READERS[kind](str(path), types or {}, 0) for row in to_rows(rows.examples)]


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    """Returns the path of a CSV with that text."""
    path = folder / "rows.csv"
    path.write_bytes(text.encode(encoding))
    return path


def refusal(kind: str, path: Path, types: dict[str, str] | None = None) -> str:
    """Returns the message with which a file is refused."""
    with pytest.raises(DataAnomaly) as refused:
        read(kind, path, types)
    return str(refused.value)


def test_a_csv_becomes_examples_with_inferred_types(tmp_path: Path) -> None:
    """Whole numbers are integers, others floats, booleans 0 and 1, dates seconds, and the rest text."""
    path = write(tmp_path, "i,f,b,d,t\n1,1.5,true,1970-01-02,x\n-2,3,false,2020-01-01,y y\n")
    assert read("csv", path) == [
        {"i": 1, "f": 1.5, "b": 1, "d": 86400, "t": b"x"},
        {"i": -2, "f": 3.0, "b": 0, "d": 1577836800, "t": b"y y"},
    ]


def test_an_empty_field_is_a_missing_value(tmp_path: Path) -> None:
    """An empty field, quoted or not, is missing, in a column of text too."""
    assert read("csv", write(tmp_path, 'a,b,c\n1,,""\n,x,\n')) == [
        {"a": 1, "b": None, "c": None},
        {"a": None, "b": b"x", "c": None},
    ]


def test_words_that_other_programs_write_for_missing_are_text(tmp_path: Path) -> None:
    """NA, null and None are values of a text column, not missing ones."""
    rows = read("csv", write(tmp_path, "a\nNA\nnull\nNone\n"), {"a": "BYTES"})
    assert [row["a"] for row in rows] == [b"NA", b"null", b"None"]


def test_quotes_hold_commas_quotes_and_newlines(tmp_path: Path) -> None:
    """A quoted field may hold the delimiter, a doubled quote and a line break."""
    rows = read("csv", write(tmp_path, 'a,b\n"x, y","say ""hi"""\n"two\nlines",z\n'))
    assert rows == [{"a": b"x, y", "b": b'say "hi"'}, {"a": b"two\nlines", "b": b"z"}]


@given(table=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=10))
@REAL_TIME
def test_what_python_writes_as_csv_is_read_back(
    table: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Texts survive a CSV, whatever they hold; empty ones come back as missing."""
    lines = io.StringIO()
    csv.writer(lines, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([("a", "b"), *table])
    path = write(tmp_path_factory.mktemp("csv"), lines.getvalue())
    expected = [{"a": a.encode() or None, "b": b.encode() or None} for a, b in table]
    assert read("csv", path, {"a": "BYTES", "b": "BYTES"}) == expected


@pytest.mark.parametrize("header", ["a,b", '"a",b'])
def test_a_byte_order_mark_is_not_part_of_the_first_name(tmp_path: Path, header: str) -> None:
    """A CSV saved by Excel reads as any other, and its first column has its curated type."""
    path = write(tmp_path, f"{header}\n007,2\n", encoding="utf-8-sig")
    assert read("csv", path, {"a": "BYTES"}) == [{"a": b"007", "b": 2}]


def test_lines_may_end_as_windows_ends_them(tmp_path: Path) -> None:
    """Carriage returns are no part of a value or a name."""
    assert read("csv", write(tmp_path, "a,b\r\n1,x\r\n")) == [{"a": 1, "b": b"x"}]


@pytest.mark.parametrize(
    ("kind", "value"), [("BYTES", b"007"), ("INT", 7), ("FLOAT", 7.0)], ids=["BYTES", "INT", "FLOAT"]
)
def test_the_curated_type_decides_how_a_field_is_read(tmp_path: Path, kind: str, value: Cell) -> None:
    """007 is a text, an integer or a float, as the schema says."""
    (row,) = read("csv", write(tmp_path, "a\n007\n"), {"a": kind})
    assert row["a"] == value
    assert type(row["a"]) is type(value)


@pytest.mark.parametrize(("last", "first", "final"), [("1.5", 1.0, 1.5), ("n/a", b"1", b"n/a")], ids=["float", "text"])
def test_a_column_has_one_type_inferred_from_all_its_rows(tmp_path: Path, last: str, first: Cell, final: Cell) -> None:
    """A column of integers that turns float or text far down the file is float or text from its first row."""
    read_rows = read_csv(str(write(tmp_path, "a\n" + "1\n" * LATE + f"{last}\n")), {}, 0)
    examples = [example for rows in read_rows for example in (rows.examples[0], rows.examples[-1])]
    assert to_rows([examples[0], examples[-1]]) == [{"a": first}, {"a": final}]


def test_a_column_without_any_value_is_missing_in_each_row(tmp_path: Path) -> None:
    """An all-empty column is kept, without values."""
    assert read("csv", write(tmp_path, "a,b\n,1\n,2\n")) == [{"a": None, "b": 1}, {"a": None, "b": 2}]


def test_equal_rows_of_a_csv_hash_equal_and_others_do_not(tmp_path: Path) -> None:
    """Each row comes with the hash that decides its split."""
    (rows,) = read_csv(str(write(tmp_path, "a,b\n1,x\n2,x\n1,x\n")), {}, 0)
    assert rows.hashes[0] == rows.hashes[2] != rows.hashes[1]


def test_an_empty_csv_is_refused(tmp_path: Path) -> None:
    """A file of no bytes has no header; the message says what a CSV needs."""
    path = write(tmp_path, "")
    assert refusal("csv", path).startswith(f"{path}: is empty. A CSV needs a header line")


@pytest.mark.parametrize("types", [{}, {"a": "INT", "b": "BYTES"}], ids=["inferred", "curated"])
def test_a_csv_with_nothing_but_a_header_has_no_rows(tmp_path: Path, types: dict[str, str]) -> None:
    """A header alone is a table of no rows."""
    assert read("csv", write(tmp_path, "a,b\n"), types) == []


@pytest.mark.parametrize(("ragged", "values"), [("1,2,3", 3), ("1", 1)])
@pytest.mark.parametrize("types", [{}, {"a": "BYTES", "b": "INT"}], ids=["inferred", "curated"])
def test_a_row_with_more_or_fewer_values_than_the_header_is_refused(
    tmp_path: Path, types: dict[str, str], ragged: str, values: int
) -> None:
    """No value of a ragged row is guessed: the message names the file and the row, and quotes it."""
    path = write(tmp_path, f'a,b\n"one\ntwo",2\n{ragged}\n3,4\n')
    assert refusal("csv", path, types).startswith(f"{path}: row 3 has {values} values and the header has 2: {ragged}. ")


def test_blank_lines_do_not_count_as_rows(tmp_path: Path) -> None:
    """A blank line is no row, neither in what is read nor in the number of a row that is refused."""
    assert read("csv", write(tmp_path, "a,b\n\n1,2\n\n\n3,4\n\n")) == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    assert ": row 3 has 3 values" in refusal("csv", write(tmp_path, "a,b\n1,2\n\n1,2,3\n"))
    assert ": row 3, column 'b'" in refusal("csv", write(tmp_path, "a,b\n1,2\n\n1,x\n"), {"b": "INT"})


def test_a_text_in_a_column_of_numbers_names_file_row_column_and_value(tmp_path: Path) -> None:
    """Row 1 is the header, so the second row of data is row 3."""
    path = write(tmp_path, "a,b\nx,1\ny,two\nz,3\n")
    message = refusal("csv", path, {"b": "FLOAT"})
    assert message.startswith(f"{path}: row 3, column 'b' holds 'two', ")


def test_a_row_counts_once_though_a_quoted_field_spans_lines(tmp_path: Path) -> None:
    """The row's number counts rows, not lines."""
    path = write(tmp_path, 'a,b\n"one\ntwo\nthree",1\n"x\ny",2\nz,many\n')
    assert f"{path}: row 4, column 'b' holds 'many'" in refusal("csv", path, {"b": "INT"})


@given(good=st.integers(0, 30), value=st.text("abcxyz'()% ", min_size=1).filter(lambda text: text == text.strip()))
@REAL_TIME
def test_the_named_row_is_the_row_that_holds_the_value(
    good: int, value: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """After any number of good rows, some with line breaks, the message points at the bad one."""
    above = "".join(f'"line {row}\n",{row}\n' if row % 3 else f"line,{row}\n" for row in range(good))
    path = write(tmp_path_factory.mktemp("csv"), f'a,b\n{above}last,"{value}"\nend,5\n')
    assert f"row {good + 2}, column 'b' holds {value!r}, " in refusal("csv", path, {"b": "INT"})


def test_a_bad_value_far_down_the_file_is_found(tmp_path: Path) -> None:
    """The row number is right beyond the first block that is read."""
    path = write(tmp_path, "a\n" + "1\n" * LATE + "one\n")
    assert f"row {LATE + 2}, column 'a' holds 'one'" in refusal("csv", path, {"a": "INT"})


def test_a_number_in_a_column_of_integers_must_be_whole(tmp_path: Path) -> None:
    """1.5 is not cut to 1: the row is named."""
    path = write(tmp_path, "a\n1\n1.5\n")
    assert f"{path}: row 3, column 'a' holds '1.5'" in refusal("csv", path, {"a": "INT"})


@pytest.mark.parametrize(("field", "value"), [("2", 2), ("2.5", 2.5), ("", None)])
def test_a_column_that_must_be_a_number_may_be_of_either_kind(tmp_path: Path, field: str, value: Cell) -> None:
    """Where a role wants a number and no schema says which kind, the data does."""
    assert read("csv", write(tmp_path, f"a,b\nx,{field}\n"), {"b": NUMBER}) == [{"a": b"x", "b": value}]


def test_a_text_in_a_column_that_must_be_a_number_is_named(tmp_path: Path) -> None:
    """Without a schema too, the row that is no number is named, not the whole column taken as text."""
    path = write(tmp_path, "a,b\nx,1\ny,two\n")
    assert refusal("csv", path, {"b": NUMBER}).startswith(f"{path}: row 3, column 'b' holds 'two', ")


def test_a_name_that_the_header_gives_twice_is_refused(tmp_path: Path) -> None:
    """Two columns of one name cannot both be features; the message names them."""
    path = write(tmp_path, "fare,tips,fare,city,tips\n1,2,3,4,5\n")
    assert refusal("csv", path).startswith(f"{path}: the header names fare, tips twice.")


def write_parquet(folder: Path, **columns: pa.Array) -> Path:
    """Returns the path of a Parquet file with those columns."""
    path = folder / "rows.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def test_a_parquet_file_keeps_its_own_types(tmp_path: Path) -> None:
    """Where no type is curated, the file's own decides: integers, floats, text, booleans, times, dictionaries."""
    path = write_parquet(
        tmp_path,
        i=pa.array([1, None], pa.int32()),
        f=pa.array([0.5, float("nan")]),
        t=pa.array(["x", None]),
        b=pa.array([True, None]),
        s=pa.array([datetime(2020, 1, 1), None], pa.timestamp("us")),  # noqa: DTZ001  # Parquet's are naive
        d=pa.array([date(1970, 1, 2), None]),
        k=pa.array(["y", None]).dictionary_encode(),
    )
    first, second = read("parquet", path)
    assert first == {"i": 1, "f": 0.5, "t": b"x", "b": 1, "s": 1577836800, "d": 86400, "k": b"y"}
    assert second == dict.fromkeys(first)


def test_a_parquet_column_is_cast_to_its_curated_type(tmp_path: Path) -> None:
    """Integers can be read as floats or as text, whole floats as integers."""
    path = write_parquet(tmp_path, a=pa.array([1]), b=pa.array([2]), c=pa.array([3.0]))
    assert read("parquet", path, {"a": "FLOAT", "b": "BYTES", "c": "INT"}) == [{"a": 1.0, "b": b"2", "c": 3}]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pa.array(["x"]), "column 'bad' is text"),
        (pa.array([1.5]), "column 'bad', where the schema says INT"),
        (pa.array([[1, 2]]), "column 'bad' is list<element: int64>"),
    ],
    ids=["text", "fraction", "list"],
)
def test_a_parquet_column_of_another_type_is_named(tmp_path: Path, column: pa.Array, words: str) -> None:
    """A column that cannot be cast is named, with what it is."""
    path = write_parquet(tmp_path, good=pa.array([1]), bad=column)
    message = refusal("parquet", path, {"good": "INT", "bad": "INT"})
    assert message.startswith(f"{path}: {words}")


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n" * 10])
def test_a_file_that_is_not_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    """An empty file and a CSV are not Parquet, and the message says so."""
    path = tmp_path / "rows.parquet"
    path.write_bytes(content)
    assert refusal("parquet", path).startswith(f"{path}: cannot be read as Parquet: ")


def test_a_parquet_file_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    """Half a copy is not read as half of the rows."""
    path = write_parquet(tmp_path, a=pa.array(range(1000)))
    path.write_bytes(path.read_bytes()[:-500])
    assert refusal("parquet", path).startswith(f"{path}: cannot be read as Parquet: ")


def test_csv_and_parquet_give_the_same_rows_the_same_hashes(tmp_path: Path) -> None:
    """A table falls into the same splits from either format."""
    (from_csv,) = read_csv(str(write(tmp_path, "a,b\n1,x\n,y\n")), {}, 5)
    (from_parquet,) = read_parquet(str(write_parquet(tmp_path, a=pa.array([1, None]), b=pa.array(["x", "y"]))), {}, 5)
    assert from_csv.hashes.tolist() == from_parquet.hashes.tolist()
    assert to_rows(from_csv.examples) == to_rows(from_parquet.examples)


def test_the_columns_of_a_file_are_known_before_it_is_read(tmp_path: Path) -> None:
    """A CSV's header and a Parquet file's schema name the columns in their order; a TFRecord has no names."""
    assert COLUMNS["csv"](str(write(tmp_path, "\ufeffb,a\n1,2\n"))) == ["b", "a"]
    assert COLUMNS["parquet"](str(write_parquet(tmp_path, y=pa.array([1]), x=pa.array([2])))) == ["y", "x"]
    assert COLUMNS["tfrecord"](str(write_records(tmp_path / "rows.tfrecord", EXAMPLES[:1], ""))) == []


EXAMPLES = to_examples({"a": list(range(5000)), "t": [f"text {row % 7}" for row in range(5000)]})


@pytest.mark.parametrize(("name", "compression"), [("rows.tfrecord", ""), ("rows.tfrecord.gz", "GZIP")])
def test_a_tfrecord_gives_its_examples_as_they_are(tmp_path: Path, name: str, compression: str) -> None:
    """Plain or gzipped, each record comes out unchanged, with a hash of its own."""
    path = write_records(tmp_path / name, EXAMPLES, compression)
    rows = list(read_tfrecord(str(path), {}, 0))
    assert [example for part in rows for example in part.examples] == EXAMPLES
    assert len(set(np.concatenate([part.hashes for part in rows]).tolist())) == len(EXAMPLES)


def test_a_corrupt_tfrecord_is_refused_by_name(tmp_path: Path) -> None:
    """A record whose checksum is wrong stops the read."""
    path = write_records(tmp_path / "rows.tfrecord", EXAMPLES[:3], "")
    content = bytearray(path.read_bytes())
    content[14] ^= 0xFF
    path.write_bytes(bytes(content))
    assert refusal("tfrecord", path).startswith(f"{path}: is corrupt after record 0.")


@pytest.mark.parametrize(("name", "compression"), [("rows.tfrecord", ""), ("rows.tfrecord.gz", "GZIP")])
def test_a_tfrecord_that_was_cut_short_is_refused(tmp_path: Path, name: str, compression: str) -> None:
    """A file that ends within a record is not read as a shorter one."""
    path = write_records(tmp_path / name, random.Random(1).sample(EXAMPLES, 1000), compression)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert refusal("tfrecord", path).startswith(f"{path}: is corrupt after record ")


@pytest.mark.parametrize("good", [0, 3, 4500])
def test_a_record_that_is_not_an_example_is_counted(tmp_path: Path, good: int) -> None:
    """The message has its number, beyond the first batch too."""
    path = write_records(tmp_path / "rows.tfrecord", [*EXAMPLES[:good], b"not an example", *EXAMPLES[:2]], "")
    assert refusal("tfrecord", path).startswith(f"{path}: record {good + 1} is no tf.Example.")


@pytest.mark.parametrize("kind", sorted(READERS))
def test_a_file_that_is_not_there_is_named(tmp_path: Path, kind: str) -> None:
    """Each reader's error names the file that is missing."""
    missing = tmp_path / "nowhere"
    with pytest.raises((FileNotFoundError, tf.errors.NotFoundError, DataAnomaly), match=str(missing)):
        read(kind, missing)
