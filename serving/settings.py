"""What the configuration says of the model server: `penstock serve` and `penstock deploy` read it."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from schema.section import Section

CPU_ROWS = 256
LABEL = re.compile(r"[A-Za-z0-9_]+")
Quantity = Annotated[str, Field(pattern=r"^[1-9][0-9]*[MG]i$")]
Version = Annotated[int, Field(ge=0)]


class Batching(Section):
    """How the server puts requests together before the model computes them; the names are TensorFlow Serving's."""

    enabled: bool = Field(default=True, description="false computes each request by itself")
    max_batch_size: int = Field(4096, ge=1, description="rows that one request may have")
    max_execution_batch_size: int | None = Field(
        None,
        ge=1,
        description="rows that the model computes at once; larger requests are split. By default 256 on a CPU; on a "
        "GPU max_batch_size, filled up to the next power of two",
    )
    batch_timeout_micros: int | None = Field(
        None,
        ge=0,
        description="how long a batch waits for company; by default 0 on a CPU, where rows gather while it is busy, "
        "and 2000 on a GPU",
    )
    num_batch_threads: int | None = Field(
        None, ge=1, description="batches that are computed at once; as many as deploy.cpus by default"
    )
    max_enqueued_batches: int = Field(
        64, ge=1, description="batches that may wait; beyond them the answer is UNAVAILABLE, 503 over REST"
    )

    def execution_batch_size(self, *, on_gpu: bool) -> int | None:
        """The rows of a batch that larger requests are split into; None where none is split."""
        if self.max_execution_batch_size is None and on_gpu:
            return None
        return self.max_execution_batch_size or min(CPU_ROWS, self.max_batch_size)

    @model_validator(mode="after")
    def _the_largest_request_fits(self) -> Batching:
        rows = self.execution_batch_size(on_gpu=False) or self.max_batch_size
        if rows > self.max_batch_size:
            raise ValueError(
                f"max_execution_batch_size is {rows}, above max_batch_size, which is {self.max_batch_size}: "
                "raise the second, or lower the first"
            )
        if rows * self.max_enqueued_batches < self.max_batch_size:
            raise ValueError(
                f"a request of max_batch_size, {self.max_batch_size} rows, finds no room in "
                f"{self.max_enqueued_batches} batches of {rows} rows: raise max_enqueued_batches"
            )
        return self


class Deploy(Section):
    """How large the real TensorFlow Serving is, and where it finds the model: what `penstock deploy` writes."""

    image: str = Field(
        "tensorflow/serving:2.19.1",
        pattern=r"^[^\s@]+:[\w][\w.-]*$",
        description="the container image and its tag; -gpu is added where there is a GPU",
    )
    models: str | None = Field(
        None,
        pattern=r"^(pvc://[a-z0-9][a-z0-9.-]*|gs://[^/\s]+|s3://[^/\s]+)(/[^\s]*)?$",
        description="the folder of the model's versions: pvc://CLAIM/folder, gs://BUCKET/folder or s3://BUCKET/folder; "
        "by default the one that a run pushes to (compose), or a claim that comes with the manifests (Kubernetes)",
    )
    models_size: Quantity = Field("10Gi", description="room for the versions, where a place for them is made")
    namespace: str | None = Field(
        None, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", description="of Kubernetes; the current one by default"
    )
    min_replicas: int = Field(2, ge=1, description="at least so many servers, of Kubernetes and KServe")
    max_replicas: int = Field(6, ge=1, description="at most so many")
    cpu_percent: int = Field(70, ge=1, le=100, description="how busy they may be before another is started")
    cpus: int = Field(2, ge=1, description="of each server")
    memory: Quantity = Field(
        "4Gi", description="of each server: a new version is loaded before the old one goes, so both must fit"
    )
    gpus: int = Field(0, ge=0, description="of each server; compose-gpu has at least one")
    start_seconds: int = Field(600, ge=10, description="how long a server may take to load the model")
    drain_seconds: int = Field(
        15, ge=1, description="how long a server that is to stop still answers: TensorFlow Serving does not wait itself"
    )

    @model_validator(mode="after")
    def _replicas_have_an_order(self) -> Deploy:
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"min_replicas is {self.min_replicas}, above max_replicas, which is {self.max_replicas}")
        return self


class Serving(Section):
    """What the pushed model is called, how it is warmed up, and how it is served."""

    model_name: str | None = Field(None, pattern=r"^[A-Za-z0-9_-]+$", description="the pipeline's name by default")
    warmup_rows: int = Field(8, ge=0, description="rows written to assets.extra, which TF Serving replays on loading")
    grpc_port: int = Field(8500, ge=1, le=65535, description="where the server answers gRPC")
    rest_port: int = Field(8501, ge=1, le=65535, description="where it answers REST, and shows its metrics")
    latest_versions: int = Field(1, ge=1, description="how many versions are served at once: the latest")
    versions: tuple[Version, ...] = Field((), description="serve just these, whatever is pushed")
    labels: dict[str, Version] = Field(
        {}, description="names that clients may ask for instead of a number: {stable: 1795537792}; of `versions`"
    )
    batching: Batching = Batching()
    deploy: Deploy = Deploy()

    @field_validator("labels")
    @classmethod
    def _labels_fit_into_a_path(cls, labels: dict[str, int]) -> dict[str, int]:
        wrong = [label for label in labels if not LABEL.fullmatch(label)]
        if wrong:
            raise ValueError(f"{wrong[0]!r} is no label: letters, digits and _ are legal, for it stands in a URL")
        return labels

    @model_validator(mode="after")
    def _ports_differ(self) -> Serving:
        if self.grpc_port == self.rest_port:
            raise ValueError(f"grpc_port and rest_port are both {self.grpc_port}; give each its own")
        return self

    @model_validator(mode="after")
    def _labels_are_served(self) -> Serving:
        strange = sorted(set(self.labels.values()) - set(self.versions))
        if strange:
            raise ValueError(
                f"labels point to {', '.join(map(str, strange))}, which `versions` does not list: "
                "a version that is only the latest is gone after the next push, and its label with it"
            )
        return self
