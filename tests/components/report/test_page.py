from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from components.report import page
from components.report.bars import Bar
from components.report.facts import Facts
from components.report.features import Column, Feature, Numbers, Texts
from components.report.page import duration, number, percent, render
from components.report.svg import pictures
from components.report.verdicts import Verdict
from tests.components.report.facts import MARKUP, evaluation, facts, row

EMPTY = {"meta", "br"}  # elements that have no end
LOADS = ("src", "href", "data", "action", "xlink:href", "srcset", "poster")
BARE = Facts("taxi", "2026-01-02")


class Page(HTMLParser):
    """What a page holds: its elements, whether they are nested well, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text, self._open = "", list[str]()
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data if self._open[-1:] not in (["script"], ["style"]) else ""

    def sections(self) -> list[str | None]:
        """The ids of its sections."""
        return [attributes["id"] for tag, attributes in self.elements if tag == "section"]

    def count(self, tag: str) -> int:
        """How many elements of a kind it has."""
        return sum(one == tag for one, _ in self.elements)


@pytest.mark.parametrize("given", [facts(), BARE, facts(evaluation=None)], ids=["whole", "bare", "not evaluated"])
def test_a_report_is_well_formed_and_needs_no_other_file(given: Facts) -> None:
    """Elements nest, the one script and style are in the page, and nothing is fetched, which its policy forbids."""
    html = render(given)
    parsed = Page(html)
    assert (parsed.count("script"), parsed.count("style"), parsed.count("link"), parsed.count("img")) == (1, 1, 0, 0)
    assert not [attributes for _, attributes in parsed.elements if set(attributes) & set(LOADS)]
    assert not re.search(r"https?:|//[a-z]|@import|url\(", html.replace("// A click", ""))
    assert "default-src 'none'" in html


def test_a_report_has_all_its_parts() -> None:
    """A run that went through shows each of its sides, in the order in which a reader asks."""
    parsed = Page(render(facts()))
    assert parsed.sections() == [
        "gates", "warnings", "baseline", "slices", "classes", "classification", "columns", "timings",
    ]  # fmt: skip
    for said in ("pushed version 17", "6,000", "rows of train", "1 min 15 s", "≥ 0.7000", "-0.0500", "30", "75.0 %"):
        assert said in parsed.text, said


def test_what_a_run_did_not_come_to_is_left_out() -> None:
    """A run that a gate stopped shows what it has, and what stopped it."""
    given = Facts(
        "taxi",
        "2026-01-02",
        error="fare: found 250\n    row 7",
        verdicts=[Verdict("rows", passed=True, text="60 read")],
    )
    parsed = Page(render(given))
    assert parsed.sections() == ["gates"]
    assert "nothing was pushed" in parsed.text
    assert "fare: found 250\n    row 7" in parsed.text


def test_markup_in_data_is_text() -> None:
    """Names of columns, values, slices, classes, folders and what gates say are shown as they are, and never run."""
    html = render(facts(error=MARKUP))
    assert "<script>alert" not in html
    text = Page(html).text
    for where in ("city=", "column ", "value ", "no ", "feature ", "/serving/"):
        assert f"{where}{MARKUP}"[:40] in text, where
    assert "{{ 1 }}" in text


def test_every_slice_is_a_row() -> None:
    """The table has all rows and each slice, its number of rows and what a sort goes by."""
    slices = [row(f"hour={hour}", hour / 24, 1000 + hour) for hour in range(24)]
    html = render(facts(evaluation=evaluation(*slices)))
    table = html[html.index('<section id="slices">') : html.index('<section id="classification">')]
    names = re.findall(r"<tr[^>]*><td>([^<]*)</td><td data-value=\"(\d+)\"", table)
    assert names == [("all rows", "60"), *((f"hour={hour}", str(1000 + hour)) for hour in range(24))]


def test_a_thousand_slices_are_a_small_file() -> None:
    """Of too many slices those that miss a bar and the largest are kept, and the page says how many are left out."""
    slices = [row(f"zone={zone}", 0.8, 10 + zone) for zone in range(1000)]
    slices[3] = row("zone=bad", 0.1, 1, Bar(least=0.5))
    many = [Feature(f"column {place}", {"train": Column("INT", 0.0, None)}) for place in range(1000)]
    html = render(facts(evaluation=evaluation(*slices), features=many, warnings=["w"] * 1000))
    assert len(html.encode()) < 500_000
    text = Page(html).text
    assert "zone=bad" in text
    assert "zone=999" in text
    assert "zone=4\n" not in text
    for said in (f"{1001 - page.MOST_SLICES:,} smaller slices", "800 more columns", "800 more warnings"):
        assert said in text


def test_a_missed_bar_stands_out() -> None:
    """The value that misses its bar is red, and the ones that clear theirs are not."""
    html = render(facts())
    cells = re.findall(r'<td data-value="0\.\d+"( class="bad")?>(0\.\d+)<span class="note"> (≥ [\d.]+)', html)
    assert cells == [("", "0.7500", "≥ 0.7000"), (' class="bad"', "0.5000", "≥ 0.6000")]


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "–"), (float("nan"), "–"), (0.0, "0"), (0.93166, "0.9317"), (12.3456, "12.35"), (1234.0, "1,234"),
     (0.00001234, "1.23e-05"), (-0.5, "-0.5000"), (1.7e10 + 0.5, "1.70e+10"), (float("inf"), "inf")],
)  # fmt: skip
def test_numbers_are_short(value: float | None, said: str) -> None:
    """A number has the digits that a reader needs; where there is none stands a dash."""
    assert number(value) == said


def test_shares_and_seconds_are_in_words() -> None:
    """A little is not none, and minutes are minutes."""
    assert [percent(0), percent(0.0004), percent(0.25)] == ["0", "< 0.1 %", "25.0 %"]
    assert [duration(0.04), duration(75)] == ["0.0 s", "1 min 15 s"]


def test_splits_are_drawn_on_the_same_axes() -> None:
    """Two histograms share their ends, and the taller of the two reaches the top."""
    train = Column("FLOAT", 0.0, Numbers(1, 1, 0, 1, 2, ((0.0, 1.0, 5.0), (1.0, 2.0, 5.0))))
    test = Column("FLOAT", 0.0, Numbers(1, 1, 0, 1, 1, ((0.0, 1.0, 9.0),)))
    assert pictures([train, test]) == ["M0.0 30V15.0H75.0V30zM75.0 30V15.0H150.0V30z", "M0.0 30V0.0H75.0V30z"]


def test_values_are_those_frequent_in_the_first_split() -> None:
    """A value that the second split lacks has no bar there, in the place it has in the first."""
    train, test = (Column("TEXT", 0.0, Texts(2, top)) for top in ((("a", 0.5), ("b", 0.5)), (("b", 1.0),)))
    assert pictures([train, test]) == ["M0.0 30V15.0H60.0V30zM75.0 30V15.0H135.0V30z", "M75.0 30V0.0H135.0V30z"]


@pytest.mark.parametrize(
    "histogram", [(), ((5.0, 5.0, 9.0),), ((0.0, float("inf"), 9.0),), ((float("nan"), 1.0, 1.0),)]
)
def test_odd_histograms_are_drawn_as_far_as_they_can_be(histogram: tuple[tuple[float, float, float], ...]) -> None:
    """One value, none, or ends that are no numbers give at most a bar, and no path that is not one."""
    (drawn,) = pictures([Column("FLOAT", 0.0, Numbers(1, 0, 1, 1, 1, histogram))])
    assert re.fullmatch(r"(M[\d.]+ 30V[\d.]+H[\d.]+V30z)?", drawn)
