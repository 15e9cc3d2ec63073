"""Runs a step's driver, which looks at the world before the backend asks its cache."""

from __future__ import annotations

import copy
import logging
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from tfx.components.example_gen import driver as example_gen_driver

from components.files import connect
from pipeline.container import outputs
from pipeline.container.arguments import Arguments
from pipeline.container.artifacts import Artifacts, StepArtifacts, artifacts_of
from pipeline.container.examples import describe_examples
from pipeline.container.invocation import Invocation, class_at, read
from pipeline.container.properties import Properties, canonical, properties_of
from pipeline.container.uris import Mount
from schema.errors import UsageError

FOUND = "found"  # the output parameter of a driver that is a task of its own
log = logging.getLogger("penstock.container")


def run(arguments: Arguments, root: Path) -> None:
    """Runs the driver, and writes what it found.

    As a task of its own, before the step's on Kubeflow, it has an output parameter `found`: canonical JSON. As Vertex's
    hook before the cache it has none, and writes an ExecutorOutput where the executor will find it, as TFX's module
    tfx.orchestration.kubeflow.v2.file_based_example_gen.driver does.

    Raises:
      UsageError: the arguments do not fit together, or the class is no driver.
      PenstockError: whatever the driver raises of ours.
    """
    invocation = read(arguments)
    mount = Mount.at(root)
    driver = class_at(arguments.class_path)(None)  # as TFX makes one, but there is no metadata store to reach
    if arguments.beam_args:
        connect(arguments.beam_args)
    step = artifacts_of(invocation, mount)
    given = properties_of(invocation)
    found = _changed(given, _resolve(arguments.class_path, driver, step.inputs, copy.deepcopy(given)))
    log.info("%s: found %s", arguments.class_path, canonical(found))
    if FOUND in invocation.outputs.parameters:
        outputs.write_text(canonical(found), mount.local(invocation.outputs.parameters[FOUND].output_file))
    else:
        _write_before_cache(invocation, step, given | found, found, mount)


def _resolve(path: str, driver: Any, inputs: Artifacts, properties: Properties) -> Properties:
    """Asks a driver of ours, or one of TFX's ExampleGens, which needs neither pipeline nor component."""
    if hasattr(driver, "resolve"):
        resolved: Properties = driver.resolve(inputs, properties)
    elif isinstance(driver, example_gen_driver.Driver):
        resolved = driver.resolve_exec_properties(properties, None, None)
    else:
        raise UsageError(
            f"{path}: is no driver that can run before a backend's cache: it has no method "
            "resolve(input_dict, exec_properties), and is no driver of an ExampleGen."
        )
    return resolved


def _changed(given: Properties, resolved: Properties) -> Properties:
    return {name: value for name, value in resolved.items() if name not in given or given[name] != value}


def _write_before_cache(
    invocation: Invocation, step: StepArtifacts, properties: Properties, found: Properties, mount: Mount
) -> None:
    describe_examples(step.outputs, properties)
    said = outputs.report(step, mount)
    for name, value in found.items():
        if value is not None:  # as TFX leaves out the version where there is none
            json_format.ParseDict(value, said.parameter_values[name])
    outputs.write(said, mount.local(invocation.outputs.output_file))
