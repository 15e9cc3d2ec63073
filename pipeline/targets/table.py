"""Where a DAG can be compiled for: one row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.config import Config

Texts = dict[str, str]


@dataclass(frozen=True)
class Target:
    """A place where the DAG can run.

    Attributes:
      render: gives the files by their names: one, or those of a folder.
      command: what to type next, in terms of {out}.
      out: what to write by default, in terms of {name}.
    """

    render: Callable[[Config], Texts]
    out: str
    command: str

    @property
    def is_one_file(self) -> bool:
        """Whether it is one file and not a folder."""
        return "." in self.out.rpartition("/")[2]


def kubeflow(config: Config) -> Texts:
    """The DAG as Kubeflow Pipelines' IR YAML."""
    from pipeline.targets import dag_refusals
    from pipeline.targets.elsewhere import dag
    from pipeline.targets.kubeflow import render

    built = dag(config, config.kubeflow.workdir)
    dag_refusals.check(built, "kubeflow")
    return {"pipeline.yaml": render(built, config)}


def vertex(config: Config) -> Texts:
    """The DAG as a Vertex PipelineJob in JSON."""
    from pipeline.targets import dag_refusals
    from pipeline.targets.elsewhere import dag
    from pipeline.targets.vertex import render

    built = dag(config, config.vertex.place)
    dag_refusals.check(built, "vertex")
    return {"pipeline.json": render(built, config)}


def airflow(config: Config) -> Texts:
    """The DAG as a folder for Airflow."""
    from pipeline.targets.airflow import dag_files

    return dag_files(config)


def kubernetes(config: Config) -> Texts:
    """A CronJob with the local runner, and what it needs."""
    from pipeline.targets.kubernetes import manifests

    return manifests(config)


TARGETS = {
    "kubeflow": Target(kubeflow, "{name}.kubeflow.yaml", "penstock submit {out} --host …"),
    "vertex": Target(vertex, "{name}.vertex.json", "penstock submit {out} --target vertex --project … --region …"),
    "airflow": Target(airflow, "airflow/{name}", "put {out} into Airflow's dags folder: airflow dags trigger …"),
    "kubernetes": Target(kubernetes, "deploy/{name}/pipeline", "kubectl apply -k {out}"),
}
