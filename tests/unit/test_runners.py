from __future__ import annotations

import pytest

from pipeline.runners import RUNNERS, beam_args
from schema.errors import UsageError
from tests.unit.samples import config


def test_beam_runs_in_the_process_of_its_step_by_default() -> None:
    """Without a setting Beam is its own runner in one process, and fetches nothing."""
    args = beam_args(config())
    assert "--runner=DirectRunner" in args
    assert "--direct_running_mode=in_memory" in args


def test_more_options_for_beam_come_last() -> None:
    """Options of the configuration follow those of the runner, so that Beam takes them where both give one."""
    args = beam_args(config(runner={"beam_args": ["--direct_num_workers=2", "--job_name=taxi"]}))
    assert args[-2:] == ["--direct_num_workers=2", "--job_name=taxi"]
    assert args[:-2] == beam_args(config())


@pytest.mark.parametrize(("name", "words"), [("locall", "Did you mean 'local'?"), ("kafka", "Legal here: ")])
def test_an_unknown_runner_names_the_nearest(name: str, words: str) -> None:
    """A runner that is none is told with its key and the nearest one, or all of them."""
    with pytest.raises(UsageError) as caught:
        beam_args(config(runner={"name": name}))
    assert str(caught.value).startswith(f"'runner.name' is {name!r}. {words}")


def test_every_runner_gives_options_as_on_a_command_line() -> None:
    """Each row of the table makes Beam options that begin with two dashes."""
    for name in RUNNERS:
        assert all(option.startswith("--") for option in beam_args(config(runner={"name": name})))
