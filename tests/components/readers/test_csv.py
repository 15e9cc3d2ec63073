from __future__ import annotations

import bz2
import csv
import gzip
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.readers import delimited
from components.rows import BadRow
from components.source_options import NUMBER
from schema.errors import DataAnomaly
from tests.components.readers.reading import TEXT, options_of, read, refusal, write
from tests.components.tables import REAL_TIME, Cell

LATE = 100_000  # rows
FAR = 50_000  # rows of 400 bytes, which are more than one of Arrow's blocks
LONG = 5000  # bytes: some thousand such values are more than one of Arrow's blocks
LONGEST_OF_PYTHON = 131_072  # characters of a field, unless Python's csv is told to take more
SMALL_BLOCK = 512  # bytes, and more than the longest row below
RAGGED = st.lists(st.text("xyz", max_size=3), min_size=3, max_size=4) | st.just(["x"])
PAIRS = st.tuples(TEXT, TEXT).map(list)


def as_csv(rows: list[list[str]], end: str = "\n", delimiter: str = ",") -> str:
    """Returns rows as a CSV in which each value is quoted; a row without values is a blank line."""
    lines = io.StringIO()
    writer = csv.writer(lines, quoting=csv.QUOTE_ALL, lineterminator=end, delimiter=delimiter)
    for row in rows:
        writer.writerow(row)
    return lines.getvalue()


def test_a_csv_becomes_examples_with_inferred_types(tmp_path: Path) -> None:
    """Whole numbers are integers, others floats, booleans 0 and 1, dates seconds, and the rest text."""
    path = write(tmp_path, "i,f,b,d,t\n1,1.5,true,1970-01-02,x\n-2,3,false,2020-01-01,y y\n")
    assert read("csv", path).rows == [
        {"i": 1, "f": 1.5, "b": 1, "d": 86400, "t": b"x"},
        {"i": -2, "f": 3.0, "b": 0, "d": 1577836800, "t": b"y y"},
    ]


def test_an_empty_field_is_a_missing_value(tmp_path: Path) -> None:
    """An empty field, quoted or not, is missing, in a column of text too."""
    assert read("csv", write(tmp_path, 'a,b,c\n1,,""\n,x,\n')).rows == [
        {"a": 1, "b": None, "c": None},
        {"a": None, "b": b"x", "c": None},
    ]


def test_words_that_other_programs_write_for_missing_are_text(tmp_path: Path) -> None:
    """NA, null and None are values of a text column, unless data.missing says otherwise."""
    path = write(tmp_path, "a\nNA\nnull\nNone\n")
    assert [row["a"] for row in read("csv", path, types={"a": "BYTES"}).rows] == [b"NA", b"null", b"None"]


def test_words_can_be_named_that_say_that_a_value_is_missing(tmp_path: Path) -> None:
    """With data.missing a column of numbers with NA in it is one of numbers, and text is missing where it says so."""
    path = write(tmp_path, "n,t\n1,x\nNA,-\n3,NA\n")
    assert read("csv", path, missing=("NA", "-")).rows == [
        {"n": 1, "t": b"x"},
        {"n": None, "t": None},
        {"n": 3, "t": None},
    ]


def test_quotes_hold_commas_quotes_and_newlines(tmp_path: Path) -> None:
    """A quoted field may hold the delimiter, a doubled quote and a line break."""
    rows = read("csv", write(tmp_path, 'a,b\n"x, y","say ""hi"""\n"two\nlines",z\n')).rows
    assert rows == [{"a": b"x, y", "b": b'say "hi"'}, {"a": b"two\nlines", "b": b"z"}]


@pytest.mark.parametrize("delimiter", [";", "\t", "|", " "])
def test_values_may_be_parted_by_another_delimiter(tmp_path: Path, delimiter: str) -> None:
    """With data.delimiter the comma is a character as others, in the header, the rows and the quarantine."""
    path = write(tmp_path, as_csv([["a,b", "c"], ["1,5", "2"], ["only one"], ["x", "3"]], delimiter=delimiter))
    out = read("csv", path, delimiter=delimiter)
    assert out.rows == [{"a,b": b"1,5", "c": 2}, {"a,b": b"x", "c": 3}]
    assert out.bad == [BadRow(3, "has 1 values and the header has 2", '"only one"')]


@given(table=st.lists(PAIRS, min_size=1, max_size=10), end=st.sampled_from(["\n", "\r\n", "\r"]))
@REAL_TIME
def test_what_python_writes_as_csv_is_read_back(
    table: list[list[str]], end: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Texts survive a CSV, whatever they hold and however its lines end; empty ones come back as missing."""
    path = write(tmp_path_factory.mktemp("csv"), as_csv([["a", "b"], *table], end))
    expected = [{"a": a.encode() or None, "b": b.encode() or None} for a, b in table]
    assert read("csv", path, types={"a": "BYTES", "b": "BYTES"}).rows == expected


@given(
    table=st.lists(PAIRS | RAGGED | st.just([]), max_size=60),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
@REAL_TIME
def test_each_row_is_a_row_or_in_quarantine_with_its_line_in_whatever_block_it_lies(
    table: list[list[str]], end: str, encoding: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Rows, ragged rows and blank lines, values over several lines: Arrow's blocks change neither rows nor numbers."""
    rows = [["a", "b"], *table]
    path = write(tmp_path_factory.mktemp("csv"), as_csv(rows, end), encoding)
    options = options_of("csv", path, encoding=encoding)
    batches = list(delimited.read(str(path), options, block_size=SMALL_BLOCK))
    good = [tuple(row.values()) for batch in batches for row in batch.columns.to_pylist()]
    assert good == [(a or None, b or None) for a, b in (row for row in table if len(row) == 2)]
    numbered = list(enumerate((row for row in rows if row), start=1))
    assert [int(number) for batch in batches for number in batch.numbers] == [
        number for number, row in numbered[1:] if len(row) == 2
    ]
    assert [bad.number for batch in batches for bad in batch.broken] == [
        number for number, row in numbered if len(row) != 2
    ]
    places = [(text, line) for _, line, text in delimited.locate(str(path), options)]
    texts = [as_csv([row], end) for row in rows]
    lines = [1 + _line_breaks("".join(texts[:index])) for index in range(len(rows))]
    assert places == [(text.rstrip("\r\n"), line) for text, line, row in zip(texts, lines, rows, strict=True) if row]


def _line_breaks(text: str) -> int:
    return len(io.StringIO(text, newline=None).read().split("\n")) - 1


@pytest.mark.parametrize("header", ["a,b", '"a",b'])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_not_part_of_the_first_name(tmp_path: Path, header: str, encoding: str) -> None:
    """A CSV saved by Excel reads as any other, and its first column has its curated type."""
    path = write(tmp_path, f"{header}\n007,2\n", encoding)
    given_encoding = "utf-8" if encoding == "utf-8-sig" else encoding
    assert read("csv", path, types={"a": "BYTES"}, encoding=given_encoding).rows == [{"a": b"007", "b": 2}]


def test_a_mark_of_utf8_and_another_encoding_are_refused(tmp_path: Path) -> None:
    """A file that says that it is UTF-8 is not read as latin-1: its first column would get another name."""
    path = write(tmp_path, "a,b\n1,é\n", "utf-8-sig")
    message = refusal("csv", path, encoding="latin-1")
    assert message.startswith(f"{path}: begins with the byte order mark of UTF-8, and data.encoding says latin-1.")


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le"])
def test_another_encoding_can_be_named(tmp_path: Path, encoding: str) -> None:
    """With data.encoding the names and the values are what they say, and tf.Examples hold them as UTF-8."""
    path = write(tmp_path, "größe,b\n1,café\n2,\n", encoding)
    out = read("csv", path, encoding=encoding)
    assert out.rows == [{"b": "café".encode(), "größe": 1}, {"b": None, "größe": 2}]


def test_a_row_that_is_not_in_the_encoding_is_quarantined(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 spoil their own row only, ragged or not; they are shown by their digits."""
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,b\n1,x\n2,caf\xe9\n\xff\n3,\xc3\xa9\n" + b"4,y\n" * 10_000 + b"5,\xe9\n")
    out = read("csv", path, types={"a": "INT"})
    assert len(out.rows) == 10_002
    assert out.bad == [
        BadRow(3, "'b' holds bytes that are not utf-8", r"2,caf\xe9"),
        BadRow(4, "has 1 values and the header has 2", r"\xff"),
        BadRow(10_006, "'b' holds bytes that are not utf-8", r"5,\xe9"),
    ]


def test_bytes_that_another_encoding_lacks_are_quarantined_too(tmp_path: Path) -> None:
    """What is true of UTF-8 is true of any encoding."""
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,b\n1,x\n2,\x81\n")  # a byte that cp1252 has not
    assert read("csv", path, encoding="cp1252").places == [(3, r"2,\x81")]


def test_a_replacement_character_is_text(tmp_path: Path) -> None:
    """What another program wrote for a character that it could not read is a character of valid UTF-8."""
    assert read("csv", write(tmp_path, "a,b\n1,caf\ufffd\n")).rows == [{"a": 1, "b": "caf\ufffd".encode()}]


@pytest.mark.parametrize("types", [{}, {"b": "INT"}], ids=["inferred", "curated"])
def test_a_header_that_is_not_in_the_encoding_is_refused(tmp_path: Path, types: dict[str, str]) -> None:
    """Without names there is no table: the message names the file and the key to set."""
    path = write(tmp_path, "é,b\n1,2\n", "latin-1")
    message = refusal("csv", path, types=types)
    assert message.startswith(f"{path}: its header is not utf-8.")
    assert "data.encoding" in message


@pytest.mark.parametrize(("name", "compress"), [("rows.csv.gz", gzip.compress), ("rows.csv.bz2", bz2.compress)])
def test_a_compressed_csv_is_read_and_its_bad_rows_are_found(tmp_path: Path, name: str, compress: Any) -> None:
    """A file is decompressed by its ending; lines are those of the text."""
    path = tmp_path / name
    path.write_bytes(compress(b'a,b\n"x\ny",1\nz\n'))
    out = read("csv", path)
    assert out.rows == [{"a": b"x\ny", "b": 1}]
    assert out.places == [(4, "z")]


@pytest.mark.parametrize("spoil", [lambda data: data[: len(data) // 2], lambda _: b"a,b\n1,2\n"], ids=["cut", "plain"])
def test_a_gzip_that_cannot_be_decompressed_is_refused(tmp_path: Path, spoil: Any) -> None:
    """Half a copy, or a CSV that only ends in .gz, is told by its name."""
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(spoil(gzip.compress(b"a,b\n" + "".join(f"{row},{row**3}\n" for row in range(LATE)).encode())))
    assert refusal("csv", path).startswith(f"{path}: cannot be decompressed: ")


@pytest.mark.parametrize(
    ("kind", "value"), [("BYTES", b"007"), ("INT", 7), ("FLOAT", 7.0)], ids=["BYTES", "INT", "FLOAT"]
)
def test_the_curated_type_decides_how_a_field_is_read(tmp_path: Path, kind: str, value: Cell) -> None:
    """007 is a text, an integer or a float, as the schema says."""
    (row,) = read("csv", write(tmp_path, "a\n007\n"), types={"a": kind}).rows
    assert row["a"] == value
    assert type(row["a"]) is type(value)


@pytest.mark.parametrize(("last", "first", "final"), [("1.5", 1.0, 1.5), ("n/a", b"1", b"n/a")], ids=["float", "text"])
def test_a_column_has_one_type_inferred_from_all_its_rows(tmp_path: Path, last: str, first: Cell, final: Cell) -> None:
    """A column of integers that turns float or text far down the file is float or text from its first row."""
    rows = read("csv", write(tmp_path, "a\n" + "1\n" * LATE + f"{last}\n")).rows
    assert (rows[0], rows[-1]) == ({"a": first}, {"a": final})


def test_a_column_has_one_type_inferred_from_all_files(tmp_path: Path) -> None:
    """A column of integers in one file and of floats in the next is of floats in both."""
    write(tmp_path, "a,b\n1,2\n", name="1.csv")
    write(tmp_path, "b,a\nx,1.5\n", name="2.csv")
    assert read("csv", tmp_path / "*.csv").rows == [{"a": 1.0, "b": b"2"}, {"a": 1.5, "b": b"x"}]


def test_a_column_without_any_value_is_missing_in_each_row(tmp_path: Path) -> None:
    """An all-empty column is kept, without values."""
    assert read("csv", write(tmp_path, "a,b\n,1\n,2\n")).rows == [{"a": None, "b": 1}, {"a": None, "b": 2}]


def test_equal_rows_of_a_csv_hash_equal_and_others_do_not(tmp_path: Path) -> None:
    """Each row comes with the hash that decides its split."""
    first, second, third = read("csv", write(tmp_path, "a,b\n1,x\n2,x\n1,x\n")).hashes
    assert first == third != second


@pytest.mark.parametrize("content", ["", "\n\n"], ids=["no bytes", "blank lines"])
def test_an_empty_csv_is_refused(tmp_path: Path, content: str) -> None:
    """A file of no bytes has no header; the message says what a CSV needs."""
    path = write(tmp_path, content)
    assert refusal("csv", path).startswith(f"{path}: is empty. A CSV needs a header line")


def test_an_empty_file_beside_others_is_refused_by_its_name(tmp_path: Path) -> None:
    """A file of a glob that has not even a header was not written whole."""
    write(tmp_path, "a\n1\n", name="1.csv")
    empty = write(tmp_path, "", name="2.csv")
    assert refusal("csv", tmp_path / "*.csv").startswith(f"{empty}: is empty.")


@pytest.mark.parametrize("types", [{}, {"a": "INT", "b": "BYTES"}], ids=["inferred", "curated"])
@pytest.mark.parametrize("text", ["a,b\n", "a,b", "a,b\r\n\r\n"])
def test_a_csv_with_nothing_but_a_header_has_no_rows(tmp_path: Path, text: str, types: dict[str, str]) -> None:
    """A header alone, with or without the end of its line, is a table of no rows."""
    out = read("csv", write(tmp_path, text), types=types)
    assert (out.rows, out.bad) == ([], [])


@pytest.mark.parametrize(("ragged", "values"), [("1,2,3", 3), ("1", 1)])
@pytest.mark.parametrize("types", [{}, {"a": "BYTES", "b": "INT"}], ids=["inferred", "curated"])
def test_a_row_with_more_or_fewer_values_than_the_header_is_quarantined(
    tmp_path: Path, types: dict[str, str], ragged: str, values: int
) -> None:
    """No value of a ragged row is guessed; its line counts the line breaks in the values above it."""
    out = read("csv", write(tmp_path, f'a,b\n"one\ntwo",2\n{ragged}\n3,4\n'), types=types)
    assert out.rows == [{"a": b"one\ntwo", "b": 2}, {"a": b"3", "b": 4}]
    assert out.bad == [BadRow(4, f"has {values} values and the header has 2", ragged)]


def test_only_ragged_rows_are_all_quarantined(tmp_path: Path) -> None:
    """A file without one whole row gives no row, and loses none."""
    assert read("csv", write(tmp_path, "a,b\n1\n2\n3,4,5\n")).places == [(2, "1"), (3, "2"), (4, "3,4,5")]


def test_blank_lines_are_no_rows_and_count_as_lines(tmp_path: Path) -> None:
    """A blank line is neither a row nor a bad one."""
    out = read("csv", write(tmp_path, "a,b\n\n1,2\n\n\n1,2,3\n\n3,4\n\n"))
    assert out.rows == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    assert out.places == [(6, "1,2,3")]


def test_a_bad_row_of_several_lines_is_kept_as_it_stands(tmp_path: Path) -> None:
    """The line is the one on which the row begins, and the row is whole, with its quotes and line breaks."""
    out = read("csv", write(tmp_path, 'a,b\n1,2\n"x\r\n""y""",many\n5,6\n'), types={"b": "INT"})
    assert out.places == [(3, '"x\r\n""y""",many')]
    assert [row["b"] for row in out.rows] == [2, 6]


def test_bad_rows_of_each_kind_come_in_the_order_of_their_lines(tmp_path: Path) -> None:
    """Ragged rows, wrong values and missing labels are told in one order."""
    path = write(tmp_path, "a,tips\n1,1\n1\nx,2\n3,\n4,inf\n5,5\n")
    out = read("csv", path, types={"a": "INT", "tips": "FLOAT"}, required=("tips",))
    assert [(row.number, row.reason) for row in out.bad] == [
        (3, "has 1 values and the header has 2"),
        (4, "'a' holds 'x', where the schema or the column's role wants an integer"),
        (5, "'tips' has no value, and the label needs one"),
        (6, "'tips' holds 'inf', where the schema or the column's role wants a number"),
    ]


@given(good=st.integers(0, 30), value=st.text("abcxyz'()% ", min_size=1).filter(lambda text: text.strip() != ""))
@REAL_TIME
def test_the_named_line_is_the_line_that_holds_the_value(
    good: int, value: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """After any number of good rows, some with line breaks, the quarantine points at the bad one."""
    above = "".join(f'"line {row}\n",{row}\n' if row % 3 else f"line,{row}\n" for row in range(good))
    path = write(tmp_path_factory.mktemp("csv"), f'a,b\n{above}last,"{value}"\nend,5\n')
    (bad,) = read("csv", path, types={"b": "INT"}).bad
    assert (bad.number, bad.row) == (2 + above.count("\n"), f'last,"{value}"')
    assert bad.reason.startswith(f"'b' holds {value!r}, ")


def test_a_bad_value_far_down_the_file_is_found(tmp_path: Path) -> None:
    """The line is right beyond the first block that is read."""
    path = write(tmp_path, "a\n" + f"0.{'1' * 400}\n" * FAR + "one\n1\nzwei\n")
    out = read("csv", path, types={"a": "FLOAT"})
    assert out.places == [(FAR + 2, "one"), (FAR + 4, "zwei")]
    assert len(out.rows) == FAR + 1


def test_a_number_in_a_column_of_integers_must_be_whole(tmp_path: Path) -> None:
    """1.5 is not cut to 1."""
    out = read("csv", write(tmp_path, "a\n1\n1.5\n"), types={"a": "INT"})
    assert out.places == [(3, "1.5")]


@pytest.mark.parametrize(("field", "value"), [("2", 2), ("2.5", 2.5), ("", None)])
def test_a_column_that_must_be_a_number_may_be_of_either_kind(tmp_path: Path, field: str, value: Cell) -> None:
    """Where a role wants a number and no schema says which kind, the data does."""
    (row,) = read("csv", write(tmp_path, f"a,b\nx,{field}\n"), types={"b": NUMBER}).rows
    assert row == {"a": b"x", "b": value}
    assert type(row["b"]) is type(value)


def test_a_text_in_a_column_that_must_be_a_number_is_quarantined(tmp_path: Path) -> None:
    """Without a schema too, the row that is no number is named, not the whole column taken as text."""
    out = read("csv", write(tmp_path, "a,b\nx,1\ny,two\n"), types={"b": NUMBER})
    assert out.rows == [{"a": b"x", "b": 1}]
    assert out.places == [(3, "y,two")]


def test_a_column_that_must_be_a_number_and_holds_none_is_quarantined(tmp_path: Path) -> None:
    """No row of a column of texts passes for a number, or for a missing one."""
    assert len(read("csv", write(tmp_path, "a\nx\ny\n"), types={"a": NUMBER}).bad) == 2


@pytest.mark.parametrize(
    ("header", "words"),
    [("fare,tips,fare,city,tips", "the header names fare, tips twice."), ("a,,c", "column 2 has no name")],
)
def test_names_must_be_there_and_differ(tmp_path: Path, header: str, words: str) -> None:
    """Two columns of one name, or one without, cannot be features; the message says which."""
    path = write(tmp_path, f"{header}\n1,2,3\n")
    assert refusal("csv", path).startswith(f"{path}: {words}")


def test_line_breaks_in_values_may_lie_anywhere_in_a_long_file(tmp_path: Path) -> None:
    """A line break within quotes parts no row, in whichever of Arrow's blocks it lies."""
    values = [f"{'x' * LONG}\nline {row}" for row in range(6000)]
    path = write(tmp_path, "a,b\n" + "".join(f'"{value}",{row}\n' for row, value in enumerate(values)))
    expected = [{"a": value.encode(), "b": row} for row, value in enumerate(values)]
    assert read("csv", path, types={"a": "BYTES", "b": "INT"}).rows == expected


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ('a,b\n1,"x\n2,y\n3,z\n', 2),
        ('a,b\n1,x\n2,"y\n3,z\n', 3),
        ('a,b\n1,x\n"2,y\n3,z\n', 3),
        ('a,b\n5" pipe,2\n1,"x\n2,y\n', 3),
        ('a,b\n5" pipe,2\n"1,x\n2,y\n', 3),
        ('a,b\n"x"y,2\n1,"x\n2,y\n', 3),
        ('a,b\n1,x\n\n2,"y', 3),
    ],
)
def test_a_quote_that_is_never_closed_is_refused(tmp_path: Path, text: str, row: int) -> None:
    """Rows below an open quote are not taken for one value, whatever else is quoted: its row is named."""
    path = write(tmp_path, text)
    assert refusal("csv", path).startswith(f"{path}: a quote that opens in row {row} is never closed.")


@pytest.mark.parametrize("text", ['a,b\n5" pipe,2\n', 'a,b\n1,"x\n"\n', 'a,b\n1,2\n"x\ny"\n', 'a,b\n1,x"'])
def test_other_quotes_are_read_as_they_stand(tmp_path: Path, text: str) -> None:
    """A quote that opens nothing is a character like others, and a value may end in a line break."""
    assert read("csv", write(tmp_path, text)).read >= 1


def test_a_literal_quote_within_a_field_is_kept(tmp_path: Path) -> None:
    """Five inches stay five inches."""
    assert read("csv", write(tmp_path, 'a,b\n5" pipe,2\n')).rows == [{"a": b'5" pipe', "b": 2}]


def test_a_row_that_is_too_long_for_a_block_is_refused(tmp_path: Path) -> None:
    """An open quote high in a long file makes one row of the rest: the message asks for the quote."""
    path = write(tmp_path, 'a,b\n"' + "x,y\n" * SMALL_BLOCK)
    with pytest.raises(DataAnomaly, match=f"{path}: a row is longer than 16 MiB. Is a quote missing"):
        list(delimited.read(str(path), options_of("csv", path), block_size=SMALL_BLOCK))


def test_spaces_round_numbers_are_no_part_of_them(tmp_path: Path) -> None:
    """Numbers may be padded; a word that is none is told as it stands."""
    out = read("csv", write(tmp_path, "a,b\n 1 , 2\n3, foo \n"), types={"a": "INT", "b": "INT"})
    assert out.rows == [{"a": 1, "b": 2}]
    assert out.places == [(3, "3, foo ")]


def test_a_huge_value_above_a_bad_number_does_not_hide_its_row(tmp_path: Path) -> None:
    """A field longer than Python's csv reads by itself does not stop the search for the row."""
    path = write(tmp_path, f"a,b\n{'x' * (LONGEST_OF_PYTHON + 1)},2\n1,foo\n")
    assert read("csv", path, types={"b": "INT"}).places == [(3, "1,foo")]


def test_a_time_of_day_in_a_csv_is_text(tmp_path: Path) -> None:
    """What looks like a time of day stays as it was written, and an empty one is missing."""
    rows = read("csv", write(tmp_path, "a,b\n12:30:00,1\n,2\n")).rows
    assert rows == [{"a": b"12:30:00", "b": 1}, {"a": None, "b": 2}]


def test_the_columns_of_a_csv_are_its_header(tmp_path: Path) -> None:
    """The names are known, in their order, before any row is read."""
    path = write(tmp_path, "\ufeffb,a\n1,2\n")
    assert delimited.columns(str(path), options_of("csv", path)) == ["b", "a"]
