"""Beam's job servers for Flink and Spark: a jar of each (`make flink`, `make spark`), and a Java that runs it."""

from __future__ import annotations

import shutil
import socket
from importlib import metadata
from pathlib import Path

from pipeline.runner_settings import Flink, JobServer
from schema.errors import UsageError

SECONDS = 5
CACHE = Path(".cache", "penstock")  # in a user's home


def jar(name: str, settings: JobServer) -> Path:
    """Returns where a runner's job server is, or would be: by default where scripts/job_server.sh puts it."""
    if settings.job_server_jar:
        return Path(settings.job_server_jar)
    version = settings.version if isinstance(settings, Flink) else "3"
    return Path.home() / CACHE / f"{name}-{version}-job-server.jar"


def check(name: str, settings: JobServer) -> None:
    """Checks that jobs can be given to a runner from here.

    Raises:
      UsageError: there is no Java or no jar, or nothing answers where a job server is said to be.
    """
    lacking = lack(name, settings)
    if lacking:
        raise UsageError(f"runner {name}: {lacking}")


def lack(name: str, settings: JobServer) -> str:
    """Returns what is lacking for jobs of a runner, and what to do about it; "" where nothing is."""
    instead = f"or name a job server that runs already with 'runner.{name}.job_endpoint'"
    if settings.job_endpoint:
        return "" if _answers(settings.job_endpoint) else _no_answer(name, settings.job_endpoint)
    if not shutil.which(settings.java):
        return (
            f"there is no Java: {settings.java!r} is no program on PATH. Beam's job server needs one: install OpenJDK "
            f"17, name it with 'runner.{name}.java', {instead}."
        )
    path = jar(name, settings)
    if not path.is_file():
        return (
            f"there is no job server at {path}. Have Maven fetch Beam's with {_verb(name, settings)}, name its jar "
            f"with 'runner.{name}.job_server_jar', {instead}."
        )
    return ""


def _verb(name: str, settings: JobServer) -> str:
    if isinstance(settings, Flink) and settings.version != Flink().version:
        return f"make {name} FLINK={settings.version} BEAM={metadata.version('apache-beam')}"
    return f"make {name}"


def _answers(endpoint: str) -> bool:
    host, _, port = endpoint.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=SECONDS):
            return True
    except (OSError, OverflowError):
        return False


def _no_answer(name: str, endpoint: str) -> str:
    return (
        f"nothing answers at {endpoint}, where 'runner.{name}.job_endpoint' says that a job server is. Start it, or "
        "leave the key out: each job then starts one of its own."
    )
