"""The DAG for Airflow: a folder of files, of which Airflow executes one and Penstock reads the others."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Any

import yaml

from pipeline.config import Config

DAG_FILE = Template('''\
"""The pipeline $name as a DAG of Airflow.

`penstock compile … --target airflow` wrote this file and those beside it: change the configuration, and compile again.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.loading import load
from pipeline.targets.airflow_runner import AirflowRunner, pipeline_of

CONFIG = load([Path(__file__).with_name("$name.yaml")])
DAG = AirflowRunner(CONFIG).run(pipeline_of(CONFIG))
''')
HEADER = "# What $name.py beside this runs. `penstock compile … --target airflow` wrote it.\n"


def dag_files(config: Config, workdir: Path | None = None) -> dict[str, str]:
    """Returns the files of a DAG folder by their names: the DAG, its configuration, and its curated schema.

    Args:
      config: the pipeline; where it is silent on `airflow.workdir`, `workdir` counts.
      workdir: where pipelines keep their files: `var` in the current folder by default.

    Raises:
      UsageError: the curated schema cannot be read.
    """
    content = config.model_dump(mode="json", by_alias=True, exclude_unset=True)
    place = config.airflow.workdir or str((workdir or Path("var")).resolve())
    content["airflow"] = content.get("airflow", {}) | {"workdir": place}
    schema = _schema_of(config)
    if schema:
        content["schema"] = content["schema"] | {"path": f"{config.name}.pbtxt"}
    return {
        f"{config.name}.py": DAG_FILE.substitute(name=config.name),
        f"{config.name}.yaml": Template(HEADER).substitute(name=config.name) + _yaml(content),
        **schema,
    }


def _schema_of(config: Config) -> dict[str, str]:
    if config.schema_.path is None:
        return {}
    from google.protobuf import text_format

    from pipeline.schemas import read_schema

    return {f"{config.name}.pbtxt": text_format.MessageToString(read_schema(config.schema_.path))}


def _yaml(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
