"""Executors for tests/unit/test_warm.py, and what runs them as a step's launcher would."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.proto.orchestration.executable_spec_pb2 import PythonClassExecutableSpec
from tfx.types.standard_artifacts import Model

from pipeline.child import put_temporary_files_into
from pipeline.warm import Warm
from schema.errors import DataAnomaly, PenstockError, UsageError

ENDLESS = "endless"
progress = logging.getLogger("penstock.progress")


class Says(BaseExecutor):
    """Says where it runs, in each way there is."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:
        """Writes to the log, to the notes and to the output."""
        del input_dict
        progress.info("halfway")
        sys.stdout.write("to the log\n")
        (model,) = output_dict["model"]
        model.set_string_custom_property("said", exec_properties["word"])
        model.set_int_custom_property("process", os.getpid())
        model.set_int_custom_property("group", os.getpgid(0))
        model.set_string_custom_property("scratch", tempfile.gettempdir())


class Refuses(BaseExecutor):
    """Has found something."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:
        """Raises DataAnomaly."""
        del input_dict, output_dict, exec_properties
        raise DataAnomaly("the data has an anomaly")


class Dies(BaseExecutor):
    """Is killed."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:
        """Kills its process."""
        del input_dict, output_dict, exec_properties
        os.kill(os.getpid(), signal.SIGKILL)


def fine() -> None:
    """A check that finds nothing."""


def wrong() -> None:
    """A check that finds something."""
    raise UsageError("there is no such function")


def until_there(file: Path) -> Iterator[str]:
    """Yields this module, and then others, until a file is there, but for a minute at most."""
    yield __name__
    for _ in range(1200):
        if file.exists():
            return
        time.sleep(0.05)
        yield "json"


def ask(executor: str, folder: Path, check: Callable[[], None], *modules: str) -> dict[str, Any]:
    """Has an executor of this module run by a warm process that imports some modules; returns what came of it."""
    notes: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: notes.append(record.getMessage())  # type: ignore[method-assign]
    progress.addHandler(handler)
    progress.setLevel(logging.INFO)
    model = Model()
    model.uri = str(folder / "model")
    information = ExecutionInfo(
        execution_id=1,
        output_dict={"model": [model]},
        exec_properties={"word": "ünï"},
        execution_output_uri=str(folder / "output"),
        stateful_working_dir=str(folder),
        tmp_dir=str(folder),
    )
    os.setpgid(0, 0)
    put_temporary_files_into(folder)
    log = folder / "log"
    with Warm(check, (), until_there(log) if modules == (ENDLESS,) else modules or (__name__,)) as warm:
        spec = PythonClassExecutableSpec(class_path=f"{__name__}.{executor}")
        try:
            output = warm.execute(spec, information, log)
        except PenstockError as error:
            return {"error": type(error).__name__, "message": str(error)}
    (made,) = output.output_artifacts["model"].artifacts
    properties = {name: value.string_value or value.int_value for name, value in made.custom_properties.items()}
    return {"notes": notes, "log": log.read_text(), "self": os.getpid(), "group": os.getpgid(0), "output": properties}


def main() -> None:
    """Asks for what the command line says, and prints what came of it."""
    executor, folder, check, *modules = sys.argv[1:]
    sys.stdout.write(json.dumps(ask(executor, Path(folder), globals()[check], *modules)))
