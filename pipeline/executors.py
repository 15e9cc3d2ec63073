"""Where the executors of a local run run: those that do without TensorFlow where they are launched, the others warm."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from tfx.orchestration.portable.base_executor_operator import BaseExecutorOperator
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.orchestration.portable.launcher import DEFAULT_EXECUTOR_OPERATORS
from tfx.proto.orchestration.executable_spec_pb2 import BeamExecutableSpec, PythonClassExecutableSpec
from tfx.proto.orchestration.execution_result_pb2 import ExecutorOutput

from components.options_packing import unpack
from components.publication import is_published
from components.readers import READERS
from components.readers.kinds import Table
from pipeline.warm import Warm, module_of


def always(execution_info: ExecutionInfo) -> bool:
    """Returns True: the executor needs no TensorFlow."""
    del execution_info
    return True


def reads_a_table(execution_info: ExecutionInfo) -> bool:
    """Returns whether the source is one of columns; tf.Examples are read by TensorFlow."""
    return isinstance(READERS[unpack(execution_info.exec_properties).source], Table)


def is_pushed(execution_info: ExecutionInfo) -> bool:
    """Returns whether there is nothing left to load and to push."""
    (model,) = execution_info.input_dict["model"]
    return is_published(model.uri, Path(execution_info.exec_properties["destination"]))


IN_PLACE: dict[str, Callable[[ExecutionInfo], bool]] = {
    "components.example_gen": reads_a_table,
    "components.import_schema": always,
    "components.baseline": always,
    "components.pusher": is_pushed,
    "components.report.step": always,
}
SPECS = (PythonClassExecutableSpec, BeamExecutableSpec)


class Operator(BaseExecutorOperator):
    """What TFX's launcher has run an executor.

    Args:
      warm: the process that has what executors compute with.
      log: the file of the step's output.
      executor_spec: TFX's spec of the executor.
      platform_config: TFX has none for these.
    """

    SUPPORTED_EXECUTOR_SPEC_TYPE = SPECS
    SUPPORTED_PLATFORM_CONFIG_TYPE = ()

    def __init__(self, warm: Warm, log: Path, executor_spec: Message, platform_config: Message | None = None) -> None:
        super().__init__(executor_spec, platform_config)
        self._warm, self._log = warm, log

    def run_executor(self, execution_info: ExecutionInfo) -> ExecutorOutput:
        """Runs it and returns its output.

        Raises:
          PenstockError: the executor's, or its process ended.
        """
        spec = self._executor_spec
        if IN_PLACE.get(module_of(spec), _never)(execution_info):
            return DEFAULT_EXECUTOR_OPERATORS[type(spec)](spec).run_executor(execution_info)
        return self._warm.execute(spec, execution_info, self._log)


def _never(execution_info: ExecutionInfo) -> bool:
    del execution_info
    return False


def operators(warm: Warm, log: Path) -> dict[Any, Any]:
    """Returns what TFX's launcher takes as `custom_executor_operators`."""
    return dict.fromkeys(SPECS, partial(Operator, warm, log))
