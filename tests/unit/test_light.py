from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

from tests.unit.samples import REPOSITORY

LIGHT = """
import json, sys
from pathlib import Path
from pipeline.light import stay_light
stay_light()
from pipeline.compiled import Compiled
from pipeline.loading import load
from pipeline.placed import dag_in
from pipeline.workdir import Workdir
config = load([Path(name) for name in sys.argv[2:]])
"""
PRINT_DAG = """
from tfx.proto.orchestration import executable_spec_pb2
from tfx.proto.orchestration.pipeline_pb2 import IntermediateDeploymentConfig
from pipeline.dag import create_pipeline
from pipeline.metadata import connection_config
from pipeline.runners import beam_args
place = Workdir(Path(sys.argv[1]))
places = str(place.root), str(place.serving("m")), str(place.blessed)
pipeline = create_pipeline(config, *places, connection_config(config.metadata, place), beam_args(config))
ir = Compiled(pipeline, "a-run")._ir
print(ir)
deployment = IntermediateDeploymentConfig()
ir.deployment_config.Unpack(deployment)
for step, packed in sorted(deployment.executor_specs.items()):
    spec = getattr(executable_spec_pb2, packed.TypeName().rpartition(".")[2])()
    packed.Unpack(spec)
    print(step, spec)
"""
CONFIG = "configs/taxi.yaml"


def run(script: str, *words: str) -> str:
    """Runs a script in a process of its own."""
    command = [sys.executable, "-c", script, *words]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_dag_is_the_same_with_stand_ins() -> None:
    """To the last character TFX compiles the same, with the libraries and without."""
    heavy = LIGHT.replace("stay_light()\n", "")
    here, there = (without_packed(run(head + PRINT_DAG, "/w", CONFIG)) for head in (LIGHT, heavy))
    assert "tfx.components.trainer.executor.GenericExecutor" in here
    assert here == there


def without_packed(dag: str) -> str:
    """A DAG without the deployment in bytes, whose order is another each time."""
    return re.sub(r"deployment_config \{.*?\n\}", "", dag, flags=re.DOTALL)


def test_a_light_process_has_no_tensorflow() -> None:
    """What is loaded in its place comes from no file; Beam, which reads rows, is the real one."""
    script = f"{LIGHT}{PRINT_DAG}"
    script += """
heavy = ("tensorflow", "keras", "sklearn", "tensorflow_data_validation", "tensorflow_model_analysis", "apache_beam")
print(json.dumps({name: getattr(sys.modules.get(name), "__file__", None) for name in heavy}))
"""
    found: dict[str, Any] = json.loads(run(script, "/w", CONFIG).splitlines()[-1])
    assert found.pop("apache_beam").endswith("__init__.py")
    assert set(found.values()) == {None}


def test_a_stand_in_says_that_it_is_one() -> None:
    """It can be named and derived from; called, it does not pretend."""
    script = f"""{LIGHT}
import tensorflow as tf
from tensorflow.python.framework import ops
class Mine(tf.Module): pass
try:
    Mine()
except RuntimeError as error:
    print(error)
try:
    tf.constant([1])
except RuntimeError as error:
    print(error)
"""
    mine, constant = run(script, "/w", CONFIG).splitlines()
    assert "__main__.Mine was called in a process that launches steps" in mine
    assert "tensorflow.constant was called" in constant
