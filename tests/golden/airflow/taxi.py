"""The pipeline taxi as a DAG of Airflow.

`penstock compile … --target airflow` wrote this file and those beside it: change the configuration, and compile again.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.loading import load
from pipeline.targets.airflow_runner import AirflowRunner, pipeline_of

CONFIG = load([Path(__file__).with_name("taxi.yaml")])
DAG = AirflowRunner(CONFIG).run(pipeline_of(CONFIG))
