"""The arguments that TFX's KubeflowV2DagRunner writes into a compiled step, and the driver's, which are like them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from schema.errors import UsageError

EXECUTOR, DRIVER = "--executor_class_path", "--driver_class_path"
INVOCATION, INPUTS_SPEC = "--json_serialized_invocation_args", "--json_serialized_inputs_spec_args"


@dataclass(frozen=True)
class Arguments:
    """What a step was started with.

    Attributes:
      class_path: the dotted path of the executor's or the driver's class.
      is_driver: which of the two it is.
      invocation: the step's ExecutorInput, as JSON.
      inputs_spec: its ComponentInputsSpec, as JSON; empty under a pipeline spec of schema 2.0.
      beam_args: the words that are none of ours, in their order.
    """

    class_path: str
    is_driver: bool
    invocation: str
    inputs_spec: str = ""
    beam_args: tuple[str, ...] = ()


def parse(words: Sequence[str]) -> Arguments:
    """Returns what the words of a command line say; words that it does not know are Beam's.

    Raises:
      UsageError: a word lacks, or there are both an executor and a driver, or neither.
    """
    parser = _Parser(prog="python -m pipeline.container", allow_abbrev=False, add_help=False)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument(EXECUTOR, dest="executor")
    which.add_argument(DRIVER, dest="driver")
    parser.add_argument(INVOCATION, dest="invocation", required=True)
    parser.add_argument(INPUTS_SPEC, dest="inputs_spec", default="")
    known, beam_args = parser.parse_known_args(list(words))
    path = known.driver or known.executor
    return Arguments(path, bool(known.driver), known.invocation, known.inputs_spec, tuple(beam_args))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(
            f"{self.prog}: {message}. It is started by a pipeline's backend: {EXECUTOR} or {DRIVER} <class>, "
            f"{INVOCATION} <ExecutorInput as JSON>, {INPUTS_SPEC} <ComponentInputsSpec as JSON>, then Beam's arguments."
        )
