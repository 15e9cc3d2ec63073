"""What a target cannot run of a configuration, told before anything runs: a rule is one function and a place in a row.

What it cannot run of a DAG is in dag_refusals.py, which imports TFX.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pipeline.config import Config
from pipeline.targets.settings import DEFAULT, StepSettings
from schema.errors import UsageError

Rule = Callable[[Config], Iterator[str]]
SQLITE = "sqlite:///"
BUCKET = "gs://"
DATAFLOW = "dataflow"
JOB_SERVERS = ("flink", "spark")
VOLUME_NAME = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
KUBERNETES_ALONE = ("timeout", "labels", "node_selector", "tolerations", "spot", "volumes", "secrets")


def image_is_given(config: Config) -> Iterator[str]:
    """A container needs an image."""
    if not config.image:
        yield "'image' is missing: the steps run in containers. Build kubeflow/Dockerfile, push it, and name it here."


def root_is_given(config: Config) -> Iterator[str]:
    """Vertex has no place of its own for artifacts."""
    if not config.vertex.root:
        yield "'vertex.root' is missing: where artifacts go. Give a folder such as gs://bucket/penstock."


def workdir_is_on_a_volume(config: Config) -> Iterator[str]:
    """What one step leaves in the workdir another must find there."""
    for name, settings in _steps(config):
        if not _sees(settings, config.kubeflow.workdir):
            yield (
                f"'kubeflow.workdir' is {config.kubeflow.workdir!r}, which is on no volume of 'steps.{name}': pushed "
                "models would go with the pod. Mount a claim there: volumes: [{claim: penstock, path: /data}]."
            )


def volumes_have_legal_names(config: Config) -> Iterator[str]:
    """Kubeflow names a pod's volume after its claim or Secret."""
    for name, settings in _steps(config):
        claims = {volume.claim for volume in settings.volumes}
        secrets = {secret.name for secret in settings.secrets if secret.path}
        for both in sorted(claims & secrets):
            yield (
                f"'steps.{name}' mounts a claim and a Secret that are both named {both!r}; on Kubeflow a pod's volumes "
                "are named after them. Name one of them in another way, or take the Secret as env."
            )
        for illegal in sorted(one for one in claims | secrets if not re.fullmatch(VOLUME_NAME, one)):
            yield (
                f"'steps.{name}' mounts {illegal!r}, after which Kubeflow names a pod's volume. Legal are up to 63 "
                "small letters, digits and dashes."
            )


def files_are_on_a_volume(config: Config) -> Iterator[str]:
    """A pod has no file of this machine, except on a volume."""
    reader = _step(config, "ExampleGen")
    for key, path in _files(config):
        if path.startswith("/") and not _sees(reader, path):
            yield (
                f"'{key}' is {path!r}, a file of this machine, which no pod has. Give a path at s3:// or gs://, in an "
                "installed package (pkg://), or on a volume of 'steps.ExampleGen'."
            )


def files_are_in_the_cloud(config: Config) -> Iterator[str]:
    """Vertex mounts buckets at /gcs, and nothing else."""
    for key, path in _files(config):
        if path.startswith("/") and not path.startswith("/gcs/"):
            yield (
                f"'{key}' is {path!r}, a file of this machine, which Vertex does not have. Give a path at gs://, at "
                "/gcs/bucket/…, or in an installed package (pkg://)."
            )


def gpus_are_resources(config: Config) -> Iterator[str]:
    """Kubernetes counts a GPU as a resource, whose name has a vendor."""
    for name, settings in config.steps.items():
        if settings.accelerator and not re.fullmatch(r"[a-z0-9.-]+/[A-Za-z0-9._-]+", settings.accelerator.type):
            yield (
                f"'steps.{name}.accelerator.type' is {settings.accelerator.type!r}. On Kubeflow it is the name of a "
                "Kubernetes resource, such as nvidia.com/gpu; which GPU is for node_selector to say."
            )


def gpus_are_googles(config: Config) -> Iterator[str]:
    """Vertex has names of its own for GPUs."""
    for name, settings in config.steps.items():
        if settings.accelerator and not re.fullmatch(r"[A-Z][A-Z0-9_]+", settings.accelerator.type):
            yield (
                f"'steps.{name}.accelerator.type' is {settings.accelerator.type!r}. On Vertex it is one of "
                "AcceleratorType's names, such as NVIDIA_TESLA_T4 or NVIDIA_L4."
            )


def settings_are_vertexes(config: Config) -> Iterator[str]:
    """Vertex has no pods to which these could belong."""
    for name, settings in config.steps.items():
        for key in KUBERNETES_ALONE:
            if getattr(settings, key):
                yield f"'steps.{name}.{key}' is for Kubernetes: Vertex has nothing like it for a step. Leave it out."


def lineage_is_the_platforms(config: Config) -> Iterator[str]:
    """Both platforms keep lineage in a store of their own."""
    if config.metadata.backend != "sqlite":
        yield (
            f"'metadata.backend' is {config.metadata.backend!r}, and here the platform keeps lineage in a store of its "
            "own. Lay metadata: {backend: sqlite} over it."
        )


def job_server_is_elsewhere(config: Config) -> Iterator[str]:
    """A step's container has neither Java nor a job server's jar."""
    name = config.runner.name
    if name in JOB_SERVERS and not getattr(config.runner, name).job_endpoint:
        yield (
            f"'runner.{name}.job_endpoint' is missing: no step's container has a job server of Beam's. Start one "
            "beside the cluster, and give its host:port."
        )


def dataflow_reaches_artifacts(config: Config) -> Iterator[str]:
    """Dataflow's workers see buckets, and no pod's volume."""
    if config.runner.name == DATAFLOW and not (config.kubeflow.root or "").startswith(BUCKET):
        yield (
            f"'kubeflow.root' is {config.kubeflow.root!r}, and Dataflow's workers reach artifacts at gs:// alone. Give "
            "a folder such as gs://bucket/penstock."
        )


def dataflow_reaches_files(config: Config) -> Iterator[str]:
    """What a step's container has mounted, a worker of Dataflow's has not."""
    for key, path in _files(config) if config.runner.name == DATAFLOW else ():
        if path.startswith("/"):
            yield f"'{key}' is {path!r}, which no worker of Dataflow's has. Give a path at gs://, or in a package (pkg://)."


def no_folder_is_dataflows(config: Config) -> Iterator[str]:
    """Here artifacts are in a folder."""
    if config.runner.name == DATAFLOW:
        yield (
            "'runner.name' is 'dataflow', whose workers reach artifacts at gs:// alone, and here they are in a folder. "
            "Compile for vertex, or for kubeflow with kubeflow.root at gs://."
        )


RULES: dict[str, tuple[Rule, ...]] = {
    "kubeflow": (
        image_is_given,
        workdir_is_on_a_volume,
        volumes_have_legal_names,
        files_are_on_a_volume,
        gpus_are_resources,
        lineage_is_the_platforms,
        job_server_is_elsewhere,
        dataflow_reaches_artifacts,
        dataflow_reaches_files,
    ),
    "vertex": (
        image_is_given,
        root_is_given,
        files_are_in_the_cloud,
        gpus_are_googles,
        settings_are_vertexes,
        lineage_is_the_platforms,
        job_server_is_elsewhere,
        dataflow_reaches_files,
    ),
    "airflow": (no_folder_is_dataflows,),
    "kubernetes": (no_folder_is_dataflows,),
}


def check(config: Config, target: str) -> None:
    """Holds a configuration against what a target can run.

    Raises:
      UsageError: names each thing that it cannot, and the way out.
    """
    refuse(config.name, target, [reason for rule in RULES.get(target, ()) for reason in rule(config)])


def refuse(name: str, target: str, reasons: list[str]) -> None:
    """Raises UsageError where there are reasons."""
    if reasons:
        raise UsageError(f"{name} cannot run on {target}:\n" + "\n".join(reasons))


def _steps(config: Config) -> Iterator[tuple[str, StepSettings]]:
    """The settings of all steps, and those of each that has volumes or Secrets of its own."""
    yield DEFAULT, config.steps.get(DEFAULT, StepSettings())
    for name, settings in config.steps.items():
        if name != DEFAULT and (settings.volumes or settings.secrets):
            yield name, _step(config, name)


def _step(config: Config, name: str) -> StepSettings:
    return config.steps.get(name, StepSettings()).over(config.steps.get(DEFAULT, StepSettings()))


def _sees(settings: StepSettings, path: str) -> bool:
    folders = [volume.path for volume in settings.volumes]
    folders += [secret.path for secret in settings.secrets if secret.path]
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _files(config: Config) -> Iterator[tuple[str, str]]:
    """The files that ExampleGen opens, by the keys that name them."""
    yield "data.path", config.data.path
    yield "data.password_file", config.data.password_file or ""
    if (config.data.connection or "").startswith(SQLITE):
        yield "data.connection", (config.data.connection or "").removeprefix(SQLITE)
