from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.init.source import delimiter_of, encoding_of, kind_of_file, source_of
from schema.errors import UsageError

WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rows.csv", "csv"),
        ("rows.TSV", "csv"),
        ("rows.csv.gz", "csv"),
        ("rows.parquet", "parquet"),
        ("rows.jsonl.bz2", "jsonl"),
        ("rows.ndjson", "jsonl"),
        ("rows.avro", "avro"),
        ("rows.tfrecord.gz", "tfrecord"),
    ],
)
def test_the_name_says_the_kind(name: str, kind: str) -> None:
    """A file's ending, compressed or not, in whatever case, says which reader reads it."""
    assert kind_of_file(f"/data/{name}") == kind


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"a,b\n1,2\n", "csv"),
        (b'{"a": 1}\n', "jsonl"),
        (b"PAR1\x15\x00", "parquet"),
        (b"Obj\x01\x04", "avro"),
        ((10).to_bytes(8, "little") + b"\xaa\xbb\xcc\xdd" + b"x" * 14, "tfrecord"),
        ("a,b\n1,2\n".encode("utf-16"), "csv"),
    ],
    ids=["csv", "jsonl", "parquet", "avro", "tfrecord", "utf-16"],
)
def test_a_name_that_says_nothing_is_made_up_for_by_the_content(tmp_path: Path, content: bytes, kind: str) -> None:
    """A file without a known ending is recognised by its first bytes, within gzip too."""
    (tmp_path / "rows").write_bytes(content)
    (tmp_path / "rows.gz").write_bytes(gzip.compress(content))
    assert kind_of_file(str(tmp_path / "rows")) == kind
    assert kind_of_file(str(tmp_path / "rows.gz")) == kind


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("rows.xlsx", b"", "is a spreadsheet. Save the sheet as CSV"),
        ("rows.json", b"", "one object a line"),
        ("rows.zip", b"", "is an archive"),
        ("rows", b"PK\x03\x04", "is a spreadsheet"),
        ("rows", b'[{"a": 1}]', "one object a line"),
        ("rows", b"\x89PNG\0\0\0\0\0\0\0\0\0\0", "is no table that can be read here"),
    ],
)
def test_what_no_reader_reads_is_refused_with_advice(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    """Spreadsheets, JSON arrays, archives and pictures are refused, and the message says what to give instead."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=words):
        kind_of_file(str(tmp_path / name))


@given(
    rows=st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=2, max_size=8),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
)
def test_the_delimiter_is_found(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str]], delimiter: str
) -> None:
    """Whichever of the four delimiters parts the values, it is the one that is found."""
    file = tmp_path_factory.mktemp("rows") / "rows.csv"
    file.write_text("".join(delimiter.join(row) + "\n" for row in rows))
    assert delimiter_of(str(file), "utf-8") == delimiter


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a;b\n1,5;2,5\n3,5;4,5\n", ";"),
        ('a,b\n"x;y;z",1\n"u;v;w",2\n', ","),
        ("alone\n1\n2\n", ","),
        ("", ","),
    ],
    ids=["decimal commas", "semicolons in quotes", "one column", "empty"],
)
def test_other_signs_in_values_do_not_mislead(tmp_path: Path, text: str, delimiter: str) -> None:
    """Decimal commas, and delimiters within quotes, are no delimiters; a file without any has a comma."""
    file = tmp_path / "rows.csv"
    file.write_text(text)
    assert delimiter_of(str(file), "utf-8") == delimiter


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252", "cp1251"])
def test_text_is_read_in_the_encoding_that_is_found(tmp_path: Path, encoding: str) -> None:
    """A file in any usual encoding decodes in the one that is said of it, to the words that were written."""
    word = "город" if encoding == "cp1251" else "café größe"
    file = tmp_path / "rows.csv"
    file.write_bytes(
        f"city,n\n{f'{word},1' if encoding != 'cp1251' else word + ' Москва улица река,1'}\n".encode(encoding) * 40
    )
    assert word in file.read_bytes().decode(encoding_of(str(file)))


@given(content=st.binary(max_size=300))
def test_any_bytes_have_an_encoding(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Whatever is in a file, an encoding is named that Python knows."""
    file = tmp_path_factory.mktemp("rows") / "rows.csv"
    file.write_bytes(content)
    assert "a".encode(encoding_of(str(file)))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file that does not exist is told by its path."""
    with pytest.raises(UsageError, match=r"none\.csv: there is no such data file"):
        source_of(str(tmp_path / "none.csv"))


def test_a_glob_is_told_by_its_first_file(tmp_path: Path) -> None:
    """Several files are one source: the first says how all are read."""
    for number in (1, 2):
        (tmp_path / f"rows-{number}.csv").write_text("a;b\n1;2\n")
    assert source_of(str(tmp_path / "rows-*.csv")).delimiter == ";"
