from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.init.decisions import roles_of
from pipeline.init.forms import Form, form_of, whole
from pipeline.init.profile import Kind, profile, share, words_of

CELLS = (
    st.none() | st.text(max_size=8) | st.sampled_from(["1", "2.5", "?", "2024-01-31", "true", "inf", "nan", "00501"])
)
ROWS = 100


def form(*texts: str | None) -> Form:
    """The form of a column of text."""
    return form_of(pa.chunked_array([pa.array(texts, pa.string())]))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", "-2", " 3 "], Form("INT")),
        (["1", "2.5", "1e3"], Form("FLOAT")),
        (["1", None, ""], Form("INT")),
        (["True", "false", "TRUE"], Form("INT", is_boolean=True)),
        (["2024-01-31", "2024-02-01T10:00:00"], Form("INT", is_date=True)),
        (["a", "b"], Form("BYTES")),
        (["00501", "10001"], Form("BYTES")),
        (["99999999999999999999", "1"], Form("FLOAT")),
        (["1_000", "2"], Form("BYTES")),
        (["?", "?"], Form("BYTES")),
        ([None, ""], Form("BYTES")),
    ],
)
def test_texts_are_read_as_what_all_of_them_are(texts: list[str | None], expected: Form) -> None:
    """Whole numbers, numbers, booleans and ISO dates are told from text; codes with leading zeros stay text."""
    assert form(*texts).type == expected.type
    assert (form(*texts).is_date, form(*texts).is_boolean) == (expected.is_date, expected.is_boolean)


@pytest.mark.parametrize("word", ["?", "NA", " n/a", "null", "-", "NaN", "inf", "-Infinity"])
def test_words_for_missing_are_found_among_numbers(word: str) -> None:
    """A word that says that a value is missing leaves the column one of numbers, and is named as it stands."""
    assert form("1", "2", word) == Form("INT", missing=(word,))


def test_words_for_missing_are_values_among_texts() -> None:
    """In a column of text such a word is a value like others."""
    assert form("a", "b", "NA").missing == ()


def test_other_words_among_numbers_make_a_doubt() -> None:
    """A column of numbers with a word that means nothing known is text, and the doubt shows the word."""
    found = form(*map(str, range(20)), "12 kg")
    assert found.type == "BYTES"
    assert "'12 kg'" in found.doubt


@pytest.mark.parametrize(
    ("texts", "words"),
    [(["31.12.2024", "01.01.2025"], "look like dates"), (["1,5", "2,75"], "written with a point")],
)
def test_what_is_nearly_a_date_or_a_number_makes_a_doubt(texts: list[str], words: str) -> None:
    """Dates of another form and decimal commas are told, with what would make them dates and numbers."""
    assert words in form(*texts).doubt


def test_whole_numbers_with_a_point_are_a_label_of_integers() -> None:
    """A label written 1.0 and 2.0, as pandas does where a value is missing, is one of whole numbers."""
    column = pa.chunked_array([pa.array(["1.0", "2.0", None])])
    assert whole(form_of(column), column).type == "INT"
    assert whole(Form("FLOAT"), pa.chunked_array([pa.array([1.5, 2.0])])).type == "FLOAT"


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([True, None]), Form("INT", is_boolean=True)),
        (pa.array([1, 2], pa.timestamp("s")), Form("INT", is_date=True)),
        (pa.array([1.5]), Form("FLOAT")),
        (pa.array([[1, 2], [3]]), Form("INT", is_list=True)),
        (pa.array([None]), Form("BYTES")),
    ],
    ids=str,
)
def test_typed_columns_keep_their_types(column: pa.Array, expected: Form) -> None:
    """Columns of Parquet, Avro and the like are what they say they are."""
    assert form_of(pa.chunked_array([column])) == expected


def ints(*values: int | None) -> pa.Array:
    """A column of integers, as long as `ROWS`, with the values again and again."""
    return pa.array([values[row % len(values)] for row in range(ROWS)], pa.int64())


def texts(*values: str | None) -> pa.Array:
    """A column of text, likewise."""
    encoded = [None if value is None else value.encode() for value in values]
    return pa.array([encoded[row % len(values)] for row in range(ROWS)], pa.binary())


def many(template: str, count: int = ROWS) -> list[str]:
    """Different texts."""
    return [template.format(number) for number in range(count)]


@pytest.mark.parametrize(
    ("name", "column", "kind"),
    [
        ("c", ints(1, 2), Kind.FLAG),
        ("c", ints(1, 2, 3), Kind.NUMBER),
        ("zip_code", ints(10, 20, 30), Kind.CODE),
        ("id", ints(*[7919 * row % 10007 for row in range(ROWS)]), Kind.IDENTIFIER),
        ("c", ints(*range(ROWS)), Kind.IDENTIFIER),
        ("c", ints(*[7919 * row % 10007 for row in range(ROWS)]), Kind.NUMBER),
        ("start_time", ints(*range(1_700_000_000, 1_700_000_000 + 50)), Kind.DATE),
        ("c", ints(5), Kind.CONSTANT),
        ("c", ints(None), Kind.EMPTY),
        ("c", texts("a", "b", None), Kind.CATEGORY),
        ("c", texts(*many("v{}", 40)), Kind.MANY),
        ("c", texts(*many("v{}")), Kind.IDENTIFIER),
        ("c", texts(*many("v{}", 80)), Kind.UNREPEATED),
        ("user_id", texts(*many("v{}", 80)), Kind.IDENTIFIER),
        ("c", texts(*many("the {} quick brown foxes")), Kind.FREE_TEXT),
        ("c", pa.array([float(row) for row in range(ROWS)], pa.float32()), Kind.NUMBER),
    ],
)
def test_each_kind_is_told_from_values_and_name(name: str, column: pa.Array, kind: Kind) -> None:
    """Every kind of column is recognised; a name decides only where values leave it open."""
    type_ = "BYTES" if pa.types.is_binary(column.type) else "INT" if pa.types.is_integer(column.type) else "FLOAT"
    assert profile(name, column, Form(type_)).kind is kind


def test_a_column_that_nearly_no_row_has_is_told() -> None:
    """A value in one row of a thousand is no feature."""
    assert profile("c", pa.array([1] + [None] * 999, pa.int64()), Form("INT")).kind is Kind.RARE


def test_lists_are_told() -> None:
    """A column with several values in a row is one of lists."""
    assert profile("c", pa.array([[1, 2]]), Form("INT", is_list=True)).kind is Kind.LIST


@given(cells=st.lists(CELLS, min_size=1, max_size=30), name=st.text(max_size=10))
def test_any_column_of_strings_has_a_profile_and_roles(cells: list[str | None], name: str) -> None:
    """Whatever strings a column holds, it gets a form, a kind and its roles, and nothing is raised."""
    column = pa.array(cells, pa.string())
    found = form_of(pa.chunked_array([column]))
    kept = [cell.encode() if cell else None for cell in cells]
    if found.type == "BYTES":
        seen = profile(name, pa.array(kept, pa.binary()), found)
    else:
        seen = profile(name, pa.array([None if cell is None else len(cell) for cell in kept], pa.int64()), found)
    assert seen.present + seen.missing == len(cells)
    assert seen.looks.isprintable()
    assert roles_of(seen)[1]


@pytest.mark.parametrize(
    ("fraction", "text"), [(0.0, "0 %"), (1.0, "100 %"), (0.5, "50 %"), (0.0001, "0.01 %"), (0.99995, "99.99 %")]
)
def test_a_share_is_nought_or_whole_only_where_it_is(fraction: float, text: str) -> None:
    """A few rows of many are not rounded away."""
    assert share(fraction) == text


def test_names_are_parted_into_words() -> None:
    """Underscores, capitals and dashes part the words of a name."""
    assert words_of("pickupArea_id-CODE") == {"pickup", "area", "id", "code"}
