"""What `tfx … --engine=vertex` executes: the pipeline of PENSTOCK_CONFIG, or that of the taxi trips.

tfx pipeline create --engine=vertex --pipeline_path="$PWD/kubeflow/tfx_cli/vertex_runner.py"
"""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.tfx_cli.plan import errors_as_exit, plan_of
from pipeline.tfx_cli.vertex import VertexRunner

with errors_as_exit():
    plan = plan_of(os.environ, Path(__file__).resolve().parents[2], "taxi.yaml", "vertex.yaml")
    runner = VertexRunner(plan)
    runner.run(runner.pipeline())
