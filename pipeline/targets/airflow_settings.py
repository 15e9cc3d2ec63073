"""What the configuration says of Airflow."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

from pydantic import Field, field_validator

from pipeline.targets.settings import Duration
from schema.section import Section

AbsolutePath = Annotated[str, Field(pattern=r"^/[^:]*$", description="an absolute path")]
PRESETS = ("@once", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
CRON = re.compile(r"[\w*/,#-]+( [\w*/,#-]+){4}", re.ASCII)  # minute, hour, day, month, weekday


class Airflow(Section):
    """Airflow: when the DAG runs, and what Airflow does when it fails."""

    schedule: str | None = Field(
        None, description="a cron expression of five fields, or @daily and the like; by default it runs only when asked"
    )
    start_date: date = Field(date(2024, 1, 1), description="the first day of the schedule, in UTC")
    catchup: bool = Field(default=False, description="run for each interval since start_date that was missed")
    max_active_runs: int = Field(1, ge=1, description="how many runs of the DAG at a time")
    retries: int = Field(0, ge=0, description="how often a step is tried again; steps.NAME.retries goes before it")
    retry_after: Duration = Field("5m", description="the pause before that; steps.NAME.retry_after goes before it")
    run_timeout: Duration | None = Field(None, description="when a whole run is ended: 6h; never by default")
    owner: str = Field("penstock", min_length=1, description="whom Airflow shows as the owner")
    tags: tuple[str, ...] = Field(("penstock",), description="by which Airflow's page filters DAGs")
    workdir: AbsolutePath | None = Field(
        None,
        description="an absolute path on Airflow's workers: where pipelines keep their files; "
        "by default `var` in the folder where `penstock compile` is called",
    )

    @field_validator("schedule")
    @classmethod
    def _is_a_schedule(cls, schedule: str | None) -> str | None:
        if schedule is None or schedule in PRESETS or CRON.fullmatch(schedule):
            return schedule
        raise ValueError(f"legal are five fields such as '0 6 * * 1', and {', '.join(PRESETS)}")
