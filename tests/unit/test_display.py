from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pytest
from rich.console import Console

from components.report.verdicts import Verdict
from components.results import SliceMetrics
from pipeline.display import LiveSteps, PlainSteps, console_for, metrics_table, show_summary, steps_table, steps_watcher
from pipeline.steps import State, StepStatus
from pipeline.summary import Summary

NAMES = ("auc", "log_loss", "accuracy", "pr_auc", "precision", "recall", "calibration")
MARKUP = ("[bold]x[/bold]", "[/]", "[red]", "a[0]", "\\[b]", "[/nope]")


def _slice(slice_: dict[str, str], rows: int = 15002, names: Sequence[str] = NAMES) -> SliceMetrics:
    return SliceMetrics(slice_, rows, 0.25, {name: 0.125 + index for index, name in enumerate(names)})


def _summary(**changes: Any) -> Summary:
    return Summary(**({"pipeline": "taxi", "run_id": "r1", "state": State.DONE, "began": "", "steps": []} | changes))


def _printed(thing: Any, width: int = 200) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(thing)
    return stream.getvalue()


def _table(metrics: Sequence[SliceMetrics], width: int = 200, *, every_slice: bool = True) -> str:
    return _printed(metrics_table(metrics, width, every_slice=every_slice), width)


def _shown(summary: Summary) -> str:
    stream = io.StringIO()
    show_summary(console_for(stream), summary, "configs/taxi.yaml")
    return stream.getvalue()


def _lines(*statuses: StepStatus) -> list[str]:
    stream = io.StringIO()
    with PlainSteps(console_for(stream)) as steps:
        for status in statuses:
            steps.changed(status, statuses)
            steps.tick(statuses)
    return stream.getvalue().splitlines()


def test_each_change_of_a_steps_state_is_one_plain_line() -> None:
    """In a file each change is a line: the step, its state, its seconds once it has ended, its note."""
    assert _lines(
        StepStatus("Trainer", State.RUNNING, 1.0),
        StepStatus("Trainer", State.DONE, 12.34, "40 epochs"),
        StepStatus("Pusher", State.CACHED, 0.0),
    ) == ["Trainer: running", "Trainer: done 12.3 s 40 epochs", "Pusher: cached 0.0 s"]


def test_the_epochs_of_a_training_fill_no_file() -> None:
    """Notes of progress print nothing, also where steps that run at once send theirs in turn."""
    trainer, tuner = StepStatus("Trainer"), StepStatus("Tuner")
    stream = io.StringIO()
    with PlainSteps(console_for(stream)) as steps:
        for epoch in range(50):
            for status in (trainer, tuner):
                status.state, status.note = State.RUNNING, f"epoch {epoch}" if epoch else ""
                steps.changed(status, [trainer, tuner])
        trainer.state, trainer.note = State.DONE, "50 epochs"
        steps.changed(trainer, [trainer, tuner])
    assert stream.getvalue().splitlines() == ["Trainer: running", "Tuner: running", "Trainer: done 0.0 s 50 epochs"]


def test_a_long_note_stays_one_line() -> None:
    """A note longer than any terminal is wide is not broken, so that grep finds it."""
    note = "word " * 200 + "end"
    assert _lines(StepStatus("Trainer", State.FAILED, 1.0, note)) == [f"Trainer: failed 1.0 s {note}"]


@pytest.mark.parametrize("note", MARKUP)
def test_a_note_is_printed_as_it_is(note: str) -> None:
    """What looks like markup in a note is text of the note."""
    assert _lines(StepStatus("Trainer", State.DONE, 1.0, note)) == [f"Trainer: done 1.0 s {note}"]
    assert note in _printed(steps_table([StepStatus("Trainer", State.DONE, 1.0, note)]))


def test_a_file_is_shown_lines_and_a_terminal_a_table() -> None:
    """What follows the steps is chosen by where it is shown: in place on a terminal, else line by line."""
    assert isinstance(steps_watcher(Console(file=io.StringIO())), PlainSteps)
    assert isinstance(steps_watcher(Console(file=io.StringIO(), force_terminal=True)), LiveSteps)


def test_a_terminal_shows_all_steps_at_once() -> None:
    """On a terminal every step is to be seen with its state, those that wait too."""
    stream = io.StringIO()
    statuses = [StepStatus("Trainer", State.RUNNING, 1.0, "epoch 3"), StepStatus("Pusher")]
    with steps_watcher(Console(file=stream, force_terminal=True, width=100)) as steps:
        steps.announce("loading")
        steps.changed(statuses[0], statuses)
    shown = stream.getvalue()
    assert [
        word for word in ("loading", "Trainer", "running", "epoch 3", "Pusher", "waiting") if word not in shown
    ] == []


@pytest.mark.parametrize("state", State)
def test_every_state_can_be_shown(state: State) -> None:
    """Each state that a step may be in has its row in the table of steps."""
    assert state.value in _printed(steps_table([StepStatus("Trainer", state, 1.0)]))


def test_a_wide_terminal_shows_every_metric() -> None:
    """Where there is room all metrics are columns, beside the rows and the mean label."""
    shown = _table([_slice({})])
    assert [name for name in (*NAMES, "rows", "mean label", "15,002", "all rows") if name not in shown] == []


def test_a_narrow_terminal_drops_the_metrics_that_do_not_fit() -> None:
    """In 50 columns the first metric is shown whole; those for which there is no room are named below the table."""
    table, _, note = _table([_slice({})], 50).partition("no room for ")
    assert "auc" in table
    assert "0.1250" in table
    assert [name for name in NAMES[1:] if name in table] == []
    assert [name for name in NAMES[1:] if name not in note] == []


def test_an_undefined_metric_is_a_dash() -> None:
    """A metric that a slice has not, such as the AUC of one class, is a dash and no number."""
    table = _table([_slice({}, names=("auc",)), SliceMetrics({"hour": "3"}, 2, 1.0, {})])
    row = next(line for line in table.splitlines() if "hour=3" in line)
    assert row.split() == ["hour=3", "2", "1.0000", "–"]


def test_a_metric_near_zero_keeps_its_digits() -> None:
    """A small number is written with its power of ten, where four digits would show nothing of it; zero is zero."""
    table = _table([SliceMetrics({}, 2, 0.0, {"mae": 0.00001234})])
    row = next(line for line in table.splitlines() if "all rows" in line)
    assert row.split() == ["all", "rows", "2", "0.0000", "1.2e-05"]


@pytest.mark.parametrize("value", MARKUP)
def test_markup_in_a_value_of_a_slice_survives(value: str) -> None:
    """What looks like markup in the data is shown as the data has it."""
    assert f"company={value}" in _table([_slice({}), _slice({"company": value})])


def test_small_slices_are_left_out_and_counted() -> None:
    """Of each feature the largest slices are shown, and the number of the others is told with where to find them."""
    slices = [_slice({}), *(_slice({"hour": str(hour)}, 100 - hour) for hour in range(9))]
    shown = _table(slices, every_slice=False)
    assert "hour=0" in shown
    assert "hour=8" not in shown
    assert "3 smaller slices are left out; penstock runs show has them all" in shown
    assert "hour=8" in _table(slices)


def test_a_push_ends_with_what_to_type_next() -> None:
    """After a push the version, its place and the next command are shown."""
    shown = _shown(_summary(version="3", pushed_to="serving/taxi/3"))
    assert "version 3 to serving/taxi/3" in shown
    assert "penstock predict configs/taxi.yaml --input" in shown


def test_without_a_push_nothing_is_said_of_one() -> None:
    """A run that did not push shows neither a version nor a command to ask it."""
    shown = _shown(_summary(verdicts=[Verdict("model", passed=False, text="not blessed: auc is 0.5")]))
    assert "model  not blessed: auc is 0.5" in shown
    assert "pushed" not in shown
    assert "predict" not in shown


@pytest.mark.parametrize("text", MARKUP)
def test_warnings_and_verdicts_are_printed_as_they_are(text: str) -> None:
    """What looks like markup in an anomaly or a verdict is text of it."""
    summary = _summary(warnings=[f"warned {text}"], verdicts=[Verdict("data", passed=True, text=f"said {text}")])
    assert f"warned {text}" in _shown(summary)
    assert f"said {text}" in _shown(summary)


def test_the_end_tells_where_the_report_is() -> None:
    """The last lines name the report's file, where there is one."""
    assert "report /var/taxi/report.html" in _shown(_summary(report="/var/taxi/report.html"))
    assert "report" not in _shown(_summary())
