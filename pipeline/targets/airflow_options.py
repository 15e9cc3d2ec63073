"""The configuration in Airflow's words: arguments of a DAG, and attributes of its tasks."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from pipeline.config import Config
from pipeline.targets.settings import DEFAULT, StepSettings, seconds_of


def dag_options(config: Config) -> dict[str, Any]:
    """Returns the arguments of airflow.models.DAG, but for its id."""
    settings = config.airflow
    return {
        "description": f"{config.problem}: {config.label}",
        "schedule": settings.schedule,
        "start_date": datetime.combine(settings.start_date, time(), UTC),
        "catchup": settings.catchup,
        "max_active_runs": settings.max_active_runs,
        "dagrun_timeout": _duration(settings.run_timeout),
        "tags": list(settings.tags),
        "default_args": {
            "owner": settings.owner,
            "retries": settings.retries,
            "retry_delay": _duration(settings.retry_after),
            "retry_exponential_backoff": True,
        },
    }


def step_options(config: Config, step: str) -> dict[str, Any]:
    """Returns the attributes of a step's task that differ from the DAG's, as `steps` in the configuration has them."""
    default = config.steps.get(DEFAULT, StepSettings())
    wanted = config.steps.get(step, StepSettings()).over(default)
    options = {
        "retries": wanted.retries,
        "retry_delay": _duration(wanted.retry_after),
        "execution_timeout": _duration(wanted.timeout),
    }
    return {name: value for name, value in options.items() if value is not None}


def _duration(text: str | None) -> timedelta | None:
    return timedelta(seconds=seconds_of(text)) if text else None
