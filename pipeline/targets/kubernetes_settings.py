"""What the configuration says of Kubernetes without Kubeflow."""

from __future__ import annotations

import zoneinfo
from typing import Annotated, Literal

from pydantic import Field, field_validator

from pipeline.targets.settings import Duration, Memory
from schema.section import Section

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", description="lower case, digits, dashes")]
Image = Annotated[str, Field(pattern=r"^[^\s@]+(:[\w][\w.-]*|@sha256:[0-9a-f]{64})$")]
Port = Annotated[int, Field(ge=1, le=65535)]
PRESETS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
CRON_FIELDS = 5  # minute, hour, day, month, weekday


class Database(Section):
    """The PostgreSQL that comes with the CronJob, where `metadata` names no server."""

    image: Image = Field("postgres:17.6", description="the official image, or one that takes the same variables")
    storage: Memory = Field("5Gi", description="room for lineage")


class Kubernetes(Section):
    """Kubernetes without Kubeflow: a CronJob, whose one pod runs all steps; `steps.default` says what the pod gets."""

    schedule: str = Field("@daily", description="a cron expression of five fields, or @daily and the like")
    time_zone: str = Field("Etc/UTC", description="of the schedule, for example Europe/Paris")
    suspend: bool = Field(default=False, description="leave the schedule out; runs are then started by hand")
    start_within: Duration = Field("1h", description="how late a run may start; one that is later is left out")
    keep_succeeded: int = Field(3, ge=0, description="how many pods of runs that ended well are kept, with their logs")
    keep_failed: int = Field(3, ge=0, description="how many of those that failed")
    namespace: Name | None = Field(None, description="the current one by default")
    claim: Name | None = Field(None, description="an existing claim for the workdir; one is made by default")
    storage: Memory = Field("20Gi", description="room for the workdir, where a claim is made")
    storage_class: str | None = Field(None, min_length=1, description="of the claims; the cluster's own by default")
    access: Literal["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"] = Field(
        "ReadWriteOnce", description="of the claim; model servers on other nodes need ReadWriteMany"
    )
    password_secret: Name | None = Field(
        None, description="the Secret whose key `password` is the metadata server's; NAME-pipeline-metadata by default"
    )
    egress_ports: tuple[Port, ...] = Field((), description="TCP ports that the pod may reach beside 443")
    database: Database = Database()

    @field_validator("schedule")
    @classmethod
    def _is_a_schedule(cls, schedule: str) -> str:
        if schedule in PRESETS or len(schedule.split()) == CRON_FIELDS:
            return schedule
        raise ValueError(f"legal are five fields such as '0 6 * * 1', and {', '.join(PRESETS)}")

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            zoneinfo.ZoneInfo(zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("no such time zone; legal are for example Etc/UTC and America/Chicago") from None
        return zone
