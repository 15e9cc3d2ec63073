"""Baseline: the latest blessed model other than the candidate, as an artifact that the Evaluator can read.

It is found in the ledger of `components.blessed_models`, so the same step runs where there is no Resolver. TFX's cache
goes by inputs and properties, and the ledger is neither: the driver looks it up first, and says which entry it is.

A driver of ours looks at the world before the cache is asked. Whoever runs steps without TFX's launchers makes one
with no metadata store, `DRIVER_CLASS(None)`, and calls `resolve(input_dict, exec_properties)`, which returns the
properties, with those that it found, with which the cache is to be asked and the executor to be run. It changes
neither argument, and knows of an input what a URI and custom properties tell.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

from tfx.dsl.components.base import base_driver
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.orchestration import data_types_utils
from tfx.orchestration.portable import base_driver as portable
from tfx.proto.orchestration import driver_output_pb2
from tfx.types import BaseChannel, Channel, artifact_utils
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.types.standard_artifacts import Model
from tfx.utils import io_utils

from components.blessed_models import entry_at, latest
from components.files import copy_folder

CANDIDATE, MODEL, BLESSED_MODELS = "candidate", "model", "blessed_models"
ENTRY_PROPERTY = "entry"  # what the driver found: the number of an entry, or NONE
NONE = "none"
IS_BASELINE_PROPERTY = "is_baseline"  # 0 where there is nothing to compare with
ORIGIN_PROPERTY = "origin"  # the URI of the model that was copied
NO_BASELINE_FILE = "NO_BASELINE"
Properties = dict[str, Any]


class BaselineSpec(ComponentSpec):
    """What goes in and out of Baseline."""

    PARAMETERS: ClassVar = {BLESSED_MODELS: ExecutionParameter(type=str)}
    INPUTS: ClassVar = {CANDIDATE: ChannelParameter(type=Model)}
    OUTPUTS: ClassVar = {MODEL: ChannelParameter(type=Model)}


class Driver(base_driver.BaseDriver, portable.BaseDriver):
    """Looks up which entry of the ledger is the latest, for TFX's launcher and for the older one, which Airflow has."""

    def __init__(self, metadata_handle: Any) -> None:
        base_driver.BaseDriver.__init__(self, metadata_handle)
        portable.BaseDriver.__init__(self, metadata_handle)

    def resolve(self, input_dict: Any, exec_properties: Properties) -> Properties:
        """Returns the properties with the number of the latest entry that is not the candidate's."""
        candidate = artifact_utils.get_single_instance(input_dict[CANDIDATE])
        found = latest(Path(exec_properties[BLESSED_MODELS]), other_than=candidate.uri)
        return exec_properties | {ENTRY_PROPERTY: str(found.number) if found else NONE}

    def run(self, execution_info: Any) -> driver_output_pb2.DriverOutput:
        """Tells TFX's launcher what was found."""
        found = self.resolve(execution_info.input_dict, execution_info.exec_properties)
        output = driver_output_pb2.DriverOutput()
        data_types_utils.set_metadata_value(output.exec_properties[ENTRY_PROPERTY], found[ENTRY_PROPERTY])
        return output

    def resolve_exec_properties(
        self, exec_properties: Properties, pipeline_info: Any, component_info: Any
    ) -> Properties:
        """Returns a copy, for `resolve_input_artifacts` to add to."""
        del pipeline_info, component_info
        return dict(exec_properties)

    def resolve_input_artifacts(
        self, input_dict: Any, exec_properties: Properties, driver_args: Any, pipeline_info: Any
    ) -> Any:
        """Adds what was found to the properties: the older launcher resolves them before it knows the inputs."""
        artifacts = super().resolve_input_artifacts(input_dict, exec_properties, driver_args, pipeline_info)
        exec_properties.update(self.resolve(artifacts, exec_properties))
        return artifacts


class Executor(BaseExecutor):
    """Copies the entry that the driver found."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: Properties) -> None:
        """Fills `model` with the copy, or with a file that says that there is none.

        Raises:
          PenstockError: the entry was removed since the driver found it.
        """
        del input_dict  # the driver has looked at it
        model = artifact_utils.get_single_instance(output_dict[MODEL])
        number = exec_properties[ENTRY_PROPERTY]
        model.set_int_custom_property(IS_BASELINE_PROPERTY, int(number != NONE))
        if number == NONE:
            io_utils.write_string_file(os.path.join(model.uri, NO_BASELINE_FILE), "")  # noqa: PTH118  # may be a URL
            return
        entry = entry_at(Path(exec_properties[BLESSED_MODELS]), int(number))
        copy_folder(str(entry.model), model.uri)
        model.set_string_custom_property(ORIGIN_PROPERTY, entry.origin)


class Baseline(BaseComponent):
    """The step that finds the model with which the candidate is compared."""

    SPEC_CLASS = BaselineSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(self, candidate: BaseChannel, blessed_models: str) -> None:
        """Makes the step; `blessed_models` is the folder of the ledger."""
        super().__init__(BaselineSpec(candidate=candidate, blessed_models=blessed_models, model=Channel(type=Model)))


def is_baseline(model: Model) -> bool:
    """Returns whether an output of Baseline holds a model."""
    return bool(model.get_int_custom_property(IS_BASELINE_PROPERTY))
