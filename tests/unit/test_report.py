from __future__ import annotations

from pathlib import Path

from components.report.parts import Part
from pipeline.report import publish_report, with_report
from pipeline.steps import State, StepStatus
from pipeline.summary import Summary
from pipeline.workdir import Workdir
from schema.errors import DataAnomaly


def _summary(report: str = "") -> Summary:
    steps = [StepStatus("ExampleGen", State.DONE, 2.5), StepStatus("DataGate", State.FAILED, 0.5)]
    return Summary("taxi", "r1", State.FAILED, "", steps, report=report)


def test_the_report_of_a_run_is_copied_to_its_stable_place(tmp_path: Path) -> None:
    """What the Report step made stays where it is; a copy of the latest replaces the one before."""
    made = tmp_path / "root" / "report.html"
    made.parent.mkdir()
    made.write_text("new")
    place = Workdir(tmp_path)
    place.report.write_text("old")
    assert publish_report(_summary(str(made)), {}, place, None).report == str(made)
    assert place.report.read_text() == made.read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "root"]


def test_a_run_that_a_gate_stopped_has_a_report_too(tmp_path: Path) -> None:
    """It lies beside the logs, says what stopped the run and which steps ran, and has what the run came to."""
    place = Workdir(tmp_path)
    parts = {"examples": Part("", {"rows": '{"train": 9}'})}
    published = publish_report(_summary(), parts, place, DataAnomaly("fare: found <250>"))
    assert published.report == str(tmp_path / "logs" / "r1" / "report.html")
    page = place.report.read_text()
    assert page == Path(published.report).read_text()
    for said in ("nothing was pushed", "fare: found &lt;250&gt;", "DataGate", "failed", "2.5 s", "9 train"):
        assert said in page, said


def test_an_earlier_run_tells_where_its_report_is(tmp_path: Path) -> None:
    """A report is told of while it is there, wherever it was written."""
    place = Workdir(tmp_path)
    assert with_report(_summary(), place).report == ""
    assert with_report(_summary(str(tmp_path / "gone.html")), place).report == ""
    file = publish_report(_summary(), {}, place, None).report
    assert with_report(_summary(), place).report == file
