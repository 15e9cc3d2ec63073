"""What the configuration says of the steps on a cluster, and of the clusters: `penstock compile` reads it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from schema.section import Section


def _as_text(value: object) -> object:
    """A number as Kubernetes reads it; YAML has `cpu: 4` and `cpu: "500m"`."""
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else value


Cpu = Annotated[
    str,
    BeforeValidator(_as_text),
    Field(pattern=r"^([1-9][0-9]*m|[0-9]*[1-9][0-9]*(\.[0-9]+)?|0\.[0-9]*[1-9][0-9]*)$"),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}]}, mode="validation"),
]
Memory = Annotated[str, Field(pattern=r"^[1-9][0-9]*(\.[0-9]+)?[KMGT]i?$")]
Duration = Annotated[str, Field(pattern=r"^[1-9][0-9]*[smhd]$")]
InsidePath = Annotated[str, Field(pattern=r"^/[^:]*[^:/]$", description="an absolute path in the container")]
LabelValue = Annotated[str, Field(pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$")]
DEFAULT = "default"
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Accelerator(Section):
    """The GPUs of a step."""

    type: str = Field(
        description="in the target's terms: nvidia.com/gpu on Kubeflow (the name of a Kubernetes resource), "
        "NVIDIA_TESLA_T4 on Vertex"
    )
    count: int = Field(1, ge=1, description="how many")


class Volume(Section):
    """A PersistentVolumeClaim that a step sees as a folder."""

    claim: str = Field(description="the claim's name")
    path: InsidePath = Field(description="where the step sees it, for example /data")


class Secret(Section):
    """A Kubernetes Secret that a step sees, as variables or as files."""

    name: str = Field(description="the Secret's name")
    env: dict[str, str] = Field({}, description="variable: key of the Secret")
    path: InsidePath | None = Field(None, description="the folder in which its keys are files")

    @model_validator(mode="after")
    def _is_seen(self) -> Secret:
        if not self.env and self.path is None:
            raise ValueError("needs env (variable: key), or path (a folder), or both")
        return self


class Toleration(Section):
    """A taint of nodes that a step tolerates."""

    key: str = Field(description="the taint's key")
    value: str | None = Field(None, description="the taint's value; any by default")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        None, description="the taint's effect; any by default"
    )


class StepSettings(Section):
    """What a step gets where it runs on a cluster."""

    image: str | None = Field(None, description="the step's own image; the pipeline's by default")
    cpu: Cpu | None = Field(None, description="cores at most and at least: 2, 0.5, 500m")
    memory: Memory | None = Field(None, description="memory at most and at least: 8Gi")
    accelerator: Accelerator | None = Field(None, description="GPUs")
    retries: int | None = Field(None, ge=0, description="how often it is tried again after a failure")
    retry_after: Duration | None = Field(None, description="the pause before that, doubled each time: 30s")
    timeout: Duration | None = Field(None, description="when it is ended: 2h")
    env: dict[str, str] = Field({}, description="environment variables")
    labels: dict[str, LabelValue] = Field({}, description="labels of its pod, for example for accounting")
    node_selector: dict[str, str] = Field({}, description="labels of the nodes that it may run on")
    tolerations: tuple[Toleration, ...] = Field((), description="taints of nodes that it tolerates")
    spot: Literal["gke", "eks", "karpenter", "aks"] | None = Field(
        None, description="run it on nodes that may be taken away, as this kind of cluster marks them"
    )
    volumes: tuple[Volume, ...] = Field((), description="claims, as folders")
    secrets: tuple[Secret, ...] = Field((), description="Secrets, as variables or files")

    def over(self, below: StepSettings) -> StepSettings:
        """Returns these settings laid over others: mappings key by key, anything else that is set whole."""
        merged = below.model_dump(exclude_unset=True)
        for key, value in self.model_dump(exclude_unset=True).items():
            old = merged.get(key)
            is_mapping = key in ("env", "labels", "node_selector")
            merged[key] = {**old, **value} if is_mapping and old else value
        return StepSettings.model_validate(merged)


class Kubeflow(Section):
    """Kubeflow Pipelines, open source."""

    root: str | None = Field(
        None, description="where artifacts go: minio://…, s3://… or gs://…; the installation's own place by default"
    )
    workdir: InsidePath = Field(
        "/data/penstock", description="a folder on a volume of the steps: pushed and blessed models"
    )


class Vertex(Section):
    """Vertex AI Pipelines."""

    root: str | None = Field(None, description="where artifacts go: gs://bucket/folder")
    workdir: str = Field(
        "", description="where pushed and blessed models go: /gcs/bucket/folder; beside the artifacts by default"
    )
    labels: dict[str, str] = Field({}, description="labels of the job, for example for accounting")

    @model_validator(mode="after")
    def _is_of_google_cloud(self) -> Vertex:
        if self.root is not None and not self.root.startswith("gs://"):
            raise ValueError(f"root is {self.root!r}; Vertex keeps artifacts at gs://bucket/folder only")
        if self.workdir and not self.workdir.startswith("/gcs/"):
            raise ValueError(f"workdir is {self.workdir!r}; Vertex mounts buckets at /gcs/bucket only")
        return self

    @property
    def place(self) -> str:
        """The folder of a bucket, as Vertex mounts it, in which pushed and blessed models are."""
        return self.workdir or f"/gcs/{(self.root or '').removeprefix('gs://').rstrip('/')}"


def seconds_of(duration: str) -> int:
    """Returns the seconds of a duration such as 90s, 30m, 2h or 1d."""
    return int(duration[:-1]) * SECONDS[duration[-1]]
