"""What `tfx … --engine=local` executes: the pipeline of PENSTOCK_CONFIG, or that of the taxi trips.

tfx pipeline create --engine=local --pipeline_path="$PWD/kubeflow/tfx_cli/local_runner.py"
"""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.tfx_cli.here import LocalRunner
from pipeline.tfx_cli.plan import errors_as_exit, plan_of

with errors_as_exit():
    plan = plan_of(os.environ, Path(__file__).resolve().parents[2], "taxi.yaml")
    LocalRunner(plan).run(plan.pipeline())
