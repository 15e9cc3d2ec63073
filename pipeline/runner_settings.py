"""What the configuration says of where Beam runs: a section for each runner that needs one."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from schema.section import Section

Endpoint = Annotated[str, Field(pattern=r"^[^\s:/]+:[0-9]{1,5}$", description="host:port")]
Bucket = Annotated[str, Field(pattern=r"^gs://[a-z0-9][-_.a-z0-9]+[a-z0-9](/.*)?$", description="gs://bucket/folder")]
Project = Annotated[str, Field(pattern=r"^[a-z][-a-z0-9:.]+[a-z0-9]$", description="its id, not its number")]
Environment = Literal["LOOPBACK", "DOCKER", "PROCESS", "EXTERNAL"]
EXAMPLES = {"PROCESS": '{"command": "/opt/apache/beam/boot"}', "EXTERNAL": "localhost:50000"}
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})


class JobServer(Section):
    """What Beam's job servers, Flink's and Spark's, have in common."""

    job_endpoint: Endpoint | None = Field(
        None, description="a job server that runs already, as host:port; by default each job starts one of its own"
    )
    job_server_jar: str | None = Field(
        None,
        description="Beam's job server, relative to this YAML file; by default where `make flink` or `make spark` "
        "puts it",
    )
    java: str = Field("java", description="the Java that starts it: a program on PATH, or its path")
    environment: Environment = Field(
        "LOOPBACK",
        description="where the workers' Python is: LOOPBACK in the step's own process, on one machine; DOCKER in the "
        "image; PROCESS and EXTERNAL as `environment_config` says",
    )
    environment_config: str | None = Field(
        None,
        description="of DOCKER: an image other than `image`; of PROCESS: a JSON object with the command; of EXTERNAL: "
        "the host:port of a worker pool",
    )

    @model_validator(mode="after")
    def _environment_says_where(self) -> JobServer:
        if self.environment in EXAMPLES and not self.environment_config:
            example = EXAMPLES[self.environment]
            raise ValueError(f"environment {self.environment} also needs environment_config, such as {example}")
        return self

    def check_workers_are_near(self, cluster: str | None) -> None:
        """Checks that workers of another machine are not to be this process."""
        if self.environment == "LOOPBACK" and cluster:
            raise ValueError(
                f"environment is LOOPBACK, and workers at {cluster} cannot reach into a step's process on this "
                "machine; legal there are DOCKER, PROCESS and EXTERNAL"
            )

    @property
    def far_endpoint(self) -> str | None:
        """The job server's address, if that is another machine's."""
        host = (self.job_endpoint or "").rpartition(":")[0]
        return self.job_endpoint if host and host not in LOCAL_HOSTS else None


class Flink(JobServer):
    """Flink, by Beam's job server."""

    master: str | None = Field(
        None,
        description="a cluster as host:port; by default the job server's own: one embedded in it, or that with which a "
        "job server at `job_endpoint` was started",
    )
    version: Literal["1.19", "1.20", "2.0", "2.1", "2.2"] = Field(
        "1.19", description="Flink's, of which the job server is to be: as the cluster's"
    )
    parallelism: int | None = Field(None, ge=1, description="how many workers a job has; Flink's own number by default")

    @model_validator(mode="after")
    def _workers_are_near(self) -> Flink:
        self.check_workers_are_near(None if self.master in {None, "[local]", "[auto]"} else self.master)
        self.check_workers_are_near(self.far_endpoint)
        return self


class Spark(JobServer):
    """Spark 3, by Beam's job server."""

    master: str | None = Field(
        None,
        description="spark://host:port, or local[4]; by default local[*], or that of the job server at `job_endpoint`",
    )

    @model_validator(mode="after")
    def _workers_are_near(self) -> Spark:
        is_near = self.master is None or re.fullmatch(r"local(\[.+\])?", self.master)
        self.check_workers_are_near(None if is_near else self.master)
        self.check_workers_are_near(self.far_endpoint)
        return self


class Dataflow(Section):
    """Google Cloud's Dataflow; its workers run `image`."""

    project: Project | None = Field(None, description="the project that runs the jobs, by its id")
    region: str | None = Field(None, pattern=r"^[a-z]+-[a-z]+[0-9]+$", description="for example europe-west4")
    temp_location: Bucket | None = Field(None, description="gs://bucket/folder for what is not yet whole")
    staging_location: Bucket | None = Field(None, description="for the job's own files; temp_location by default")
    service_account: str | None = Field(None, pattern=r"^[^@\s]+@[^@\s]+$", description="whose rights workers have")
    machine_type: str | None = Field(None, description="of a worker; Dataflow's own choice by default")
    max_workers: int | None = Field(None, ge=1, description="how far a job may grow")
    subnetwork: str | None = Field(None, description="regions/REGION/subnetworks/NAME; the default network by default")
    public_ips: bool = Field(default=True, description="whether workers have addresses of their own on the Internet")
