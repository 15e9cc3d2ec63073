from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.pieces import Piece
from components.pieces import resolve as resolve_pieces
from components.source_options import SourceOptions
from components.spans import Span, check_pattern, has_spans, resolve
from schema.errors import UsageError
from tests.components.tables import REAL_TIME


def make(folder: Path, *files: str) -> Path:
    """Writes files with a byte each."""
    for file in files:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return folder


def options_of(path: Path | str, **options: int) -> SourceOptions:
    """Returns the options of a path."""
    return SourceOptions.model_validate({"source": "csv", "path": str(path), "splits": {"train": 1}} | options)


def found(path: Path, **options: int) -> list[tuple[int | None, int | None, list[str]]]:
    """Returns number, version and names of the files of each span that is to be read."""
    return [(span.number, span.version, _names(span)) for span in resolve(options_of(path, **options))]


def refusal(path: Path, **options: int) -> str:
    """Returns the message with which spans are refused."""
    with pytest.raises(UsageError) as refused:
        resolve(options_of(path, **options))
    return str(refused.value)


def _names(span: Span) -> list[str]:
    return [Path(file.path).name for file in span.files]


def days(day: date) -> int:
    """Returns a date as the number of its span."""
    return (day - date(1970, 1, 1)).days


def test_a_path_without_a_placeholder_is_one_span_without_a_number(tmp_path: Path) -> None:
    """All files of a glob, in the order of their names."""
    make(tmp_path, "b.csv", "a.csv", "c.txt", "d.csv/e.csv")
    assert found(tmp_path / "*.csv") == [(None, None, ["a.csv", "b.csv"])]
    assert not has_spans(str(tmp_path / "*.csv"))


def test_the_latest_span_is_read_by_default(tmp_path: Path) -> None:
    """Spans are numbers, not texts: the tenth is later than the ninth."""
    make(tmp_path, "span-9/a.csv", "span-10/b.csv", "span-10/a.csv", "span-x/a.csv", "span-11/notes.txt")
    assert found(tmp_path / "span-{SPAN}" / "*.csv") == [(10, None, ["a.csv", "b.csv"])]


def test_a_window_reads_the_spans_before_too(tmp_path: Path) -> None:
    """A window ends at the latest span, or at the one that is named, the oldest first."""
    make(tmp_path, *(f"{number}/a.csv" for number in (1, 2, 4, 5)))
    path = tmp_path / "{SPAN}" / "a.csv"
    assert [number for number, _, _ in found(path, window=3)] == [2, 4, 5]
    assert [number for number, _, _ in found(path, window=2, span=4)] == [2, 4]
    assert [number for number, _, _ in found(path, window=9)] == [1, 2, 4, 5]


@given(numbers=st.sets(st.integers(0, 99), min_size=1, max_size=6), window=st.integers(1, 7), pick=st.data())
@REAL_TIME
def test_a_window_is_the_latest_spans_up_to_the_one_named(
    numbers: set[int], window: int, pick: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever spans there are, no later one is read, and no earlier one in the place of a later."""
    folder = make(tmp_path_factory.mktemp("spans"), *(f"{number}.csv" for number in numbers))
    span = pick.draw(st.sampled_from(sorted(numbers)))
    read = [number for number, _, _ in found(folder / "{SPAN}.csv", window=window, span=span)]
    assert read == sorted(number for number in numbers if number <= span)[-window:]


def test_the_latest_version_of_each_span_is_read(tmp_path: Path) -> None:
    """An older version is left alone unless it is named, and then of the latest span only."""
    make(tmp_path, "1/v1/a.csv", "1/v2/a.csv", "2/v9/a.csv", "2/v10/a.csv")
    path = tmp_path / "{SPAN}" / "v{VERSION}" / "a.csv"
    assert [span[:2] for span in found(path, window=2)] == [(1, 2), (2, 10)]
    assert [span[:2] for span in found(path, window=2, version=9)] == [(1, 2), (2, 9)]
    assert [span[:2] for span in found(path, span=1, version=1)] == [(1, 1)]


def test_dates_are_spans_by_their_days_since_1970(tmp_path: Path) -> None:
    """A folder that is no date of the calendar is no span."""
    make(tmp_path, "2015/12/31/a.csv", "2016/01/01/a.csv", "2016/02/31/a.csv", "2016/13/01/a.csv")
    path = tmp_path / "{YYYY}" / "{MM}" / "{DD}" / "a.csv"
    assert [number for number, _, _ in found(path, window=5)] == [days(date(2015, 12, 31)), days(date(2016, 1, 1))]


def test_a_placeholder_may_have_a_width(tmp_path: Path) -> None:
    """Names of another width are no spans, as in TFX."""
    make(tmp_path, "trips-0042.csv", "trips-43.csv")
    assert found(tmp_path / "trips-{SPAN:4}.csv") == [(42, None, ["trips-0042.csv"])]


def test_globs_beside_placeholders_match_as_they_do_alone(tmp_path: Path) -> None:
    """A character of a regular expression in a path is itself."""
    make(tmp_path, "a+b (1)/7/part-1.csv", "a+b (1)/7/part-2.csv", "a+b (1)/7/other.csv")
    assert found(tmp_path / "a+b (1)" / "{SPAN}" / "part-?.csv") == [(7, None, ["part-1.csv", "part-2.csv"])]


def test_the_latest_spans_may_be_the_test_split(tmp_path: Path) -> None:
    """Pieces know their span, and whether all their rows are the test split's."""
    make(tmp_path, "1/a.csv", "2/a.csv", "3/a.csv", "3/b.csv")
    source = resolve_pieces(options_of(tmp_path / "{SPAN}" / "*.csv", window=3, test_spans=1))
    assert source.pieces == (
        Piece(str(tmp_path / "1" / "a.csv"), 1),
        Piece(str(tmp_path / "2" / "a.csv"), 2),
        Piece(str(tmp_path / "3" / "a.csv"), 3, is_test=True),
        Piece(str(tmp_path / "3" / "b.csv"), 3, is_test=True),
    )
    assert (source.span, source.version, source.spans) == (3, None, [1, 2, 3])


def test_some_span_must_be_left_to_train_on(tmp_path: Path) -> None:
    """Where fewer spans are there than the window has, all of them may not be the test split."""
    path = make(tmp_path, "1/a.csv") / "{SPAN}" / "a.csv"
    message = refusal(path, window=4, test_spans=1)
    assert message.startswith(f"{path}: There are the spans 1. data.test_spans is 1, so none is left to train on.")


def test_a_span_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The message says which spans there are, the latest of them."""
    path = make(tmp_path, *(f"{number}/a.csv" for number in range(1, 13))) / "{SPAN}" / "a.csv"
    assert (
        refusal(path, span=99) == f"{path}: there is no span 99. There are the spans … 3, 4, 5, 6, 7, 8, 9, 10, 11, 12."
    )


def test_a_version_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The message says of which span, and which versions there are."""
    path = make(tmp_path, "1/1/a.csv", "1/3/a.csv") / "{SPAN}" / "{VERSION}" / "a.csv"
    assert refusal(path, version=2) == f"{path}: span 1 has no version 2. There are the versions 1, 3."


@pytest.mark.parametrize("files", [[], ["x/a.csv"]], ids=["no file", "no number"])
def test_a_path_without_any_span_is_refused(tmp_path: Path, files: list[str]) -> None:
    """Neither nothing nor files without a number are an empty table."""
    path = make(tmp_path, *files) / "{SPAN}" / "a.csv"
    assert refusal(path).startswith(
        f"{path}: {'no file there has a number' if files else 'there is no such data file'}"
    )


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("{YYYY}/{MM}/a.csv", "a date needs {YYYY}, {MM} and {DD}"),
        ("{SPAN}/{YYYY}/{MM}/{DD}", "takes the place of {SPAN}"),
        ("{VERSION}/a.csv", "{VERSION} needs {SPAN}"),
        ("{SPAN}/{SPAN}.csv", "names a placeholder twice"),
    ],
)
def test_placeholders_that_make_no_sense_are_refused(path: str, words: str) -> None:
    """Half a date, a date beside a span, a version of nothing, and a placeholder that is named twice."""
    with pytest.raises(ValueError, match=re.escape(words)):
        check_pattern(path)


@pytest.mark.parametrize("path", ["a.csv", "{SPAN}.csv", "{SPAN:3}/{VERSION}/*", "{YYYY}-{MM}-{DD}/{VERSION}"])
def test_placeholders_that_make_sense_pass(path: str) -> None:
    """Those that the documentation names are legal."""
    check_pattern(path)
