from __future__ import annotations

from collections.abc import Sequence

import pytest

from pipeline.container.arguments import Arguments, parse
from pipeline.container.main import main
from schema.errors import UsageError

INVOCATION = ("--json_serialized_invocation_args", "{}")
EXECUTOR = ("--executor_class_path", "a.b.Executor")


def test_what_it_does_not_know_is_beams() -> None:
    """Unknown words go to Beam in their order, also where they stand between ours, and are never taken for ours."""
    given = parse(["--direct_num_workers=2", *EXECUTOR, *INVOCATION, "--runner", "DirectRunner", "--json", "x"])
    beam_args = ("--direct_num_workers=2", "--runner", "DirectRunner", "--json", "x")
    assert given == Arguments("a.b.Executor", is_driver=False, invocation="{}", beam_args=beam_args)


def test_a_driver_takes_the_executors_place() -> None:
    """With --driver_class_path it is a driver that is to run."""
    given = parse(["--driver_class_path", "a.Driver", *INVOCATION, "--json_serialized_inputs_spec_args", "{}"])
    assert given == Arguments("a.Driver", is_driver=True, invocation="{}", inputs_spec="{}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (INVOCATION, "--executor_class_path --driver_class_path is required"),
        ([], "required: --json_serialized_invocation_args"),
        (EXECUTOR, "required: --json_serialized_invocation_args"),
        ([*EXECUTOR, *INVOCATION, "--driver_class_path", "a.Driver"], "not allowed with argument"),
        ([*EXECUTOR, "--json_serialized_invocation_args"], "expected one argument"),
    ],
)
def test_wrong_words_are_explained(words: Sequence[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What lacks or does not go together ends with one paragraph on standard error, and exit code 2."""
    assert main(words, {}) == UsageError.exit_code
    err = capsys.readouterr().err
    assert err.startswith("penstock: python -m pipeline.container: ")
    assert said in err
    assert err.count("\n") == 1
