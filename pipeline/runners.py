"""Where a pipeline's Beam steps run: one row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline import job_server
from pipeline.config import Config
from pipeline.runner_settings import JobServer
from schema.errors import UsageError, did_you_mean

NOT_PACKED = "--sdk_container_image=none"  # or else each step packs all of TFX for workers that do not exist
IN_PROCESS = (
    "--runner=DirectRunner",
    "--direct_running_mode=in_memory",  # named outright: newer Beams would fetch Prism, a runner in Go
    NOT_PACKED,
)
DATAFLOW_NEEDS = ("project", "region", "temp_location")
DATAFLOW_TAKES = (*DATAFLOW_NEEDS, "staging_location", "machine_type", "subnetwork")


def local(config: Config) -> list[str]:
    """Beam in the step's own process."""
    del config
    return list(IN_PROCESS)


def flink(config: Config) -> list[str]:
    """Flink: embedded in a job server, or a cluster."""
    settings = config.runner.flink
    master = settings.master or ("[auto]" if settings.job_endpoint else "[local]")
    options = ["--runner=FlinkRunner", f"--flink_master={master}", *_of_job_server(config, settings)]
    if not settings.job_endpoint:
        options.append(f"--flink_job_server_jar={job_server.jar('flink', settings)}")
    return options + ([f"--parallelism={settings.parallelism}"] if settings.parallelism else [])


def spark(config: Config) -> list[str]:
    """Spark: in the job server's own process, or a cluster."""
    settings = config.runner.spark
    options = ["--runner=SparkRunner", *_of_job_server(config, settings)]
    if settings.job_endpoint:
        return options + ([f"--spark_master_url={settings.master}"] if settings.master else [])
    jar = job_server.jar("spark", settings)
    return [*options, f"--spark_master_url={settings.master or 'local[*]'}", f"--spark_job_server_jar={jar}"]


def dataflow(config: Config) -> list[str]:
    """Dataflow, on workers of the one image.

    Raises:
      UsageError: the project, the region, a bucket or the image is missing.
    """
    settings = config.runner.dataflow
    missing = [f"'runner.dataflow.{key}'" for key in DATAFLOW_NEEDS if getattr(settings, key) is None]
    missing += [] if config.image else ["'image'"]
    if missing:
        raise UsageError(
            f"runner dataflow also needs {', '.join(missing)}. configs/dataflow.yaml shows each; the image is that of "
            "kubeflow/Dockerfile."
        )
    given = {key: value for key in DATAFLOW_TAKES if (value := getattr(settings, key)) is not None}
    options = ["--runner=DataflowRunner", *(f"--{key}={value}" for key, value in given.items())]
    options += [f"--sdk_container_image={config.image}", "--sdk_location=container"]  # which has Beam and our code
    options += [f"--service_account_email={settings.service_account}"] if settings.service_account else []
    options += [f"--max_num_workers={settings.max_workers}"] if settings.max_workers else []
    return options + ([] if settings.public_ips else ["--no_use_public_ips"])


@dataclass(frozen=True)
class Runner:
    """A row: the function that makes Beam's options, and the one that says what `penstock run` needs for it here."""

    options: Callable[[Config], list[str]]
    check_here: Callable[[Config], None] = lambda _: None


def _dataflow_here(config: Config) -> None:
    raise UsageError(
        f"runner dataflow: its workers reach gs:// alone, and here {config.name} keeps its files in a folder. Compile "
        "it for where artifacts are in a bucket: penstock compile CONFIG… --target vertex."
    )


RUNNERS: dict[str, Runner] = {
    "local": Runner(local),
    "flink": Runner(flink, lambda config: job_server.check("flink", config.runner.flink)),
    "spark": Runner(spark, lambda config: job_server.check("spark", config.runner.spark)),
    "dataflow": Runner(dataflow, _dataflow_here),
}


def beam_args(config: Config) -> list[str]:
    """Returns Beam's options for the configured runner.

    Raises:
      UsageError: there is no such runner, or it needs more settings.
    """
    return [*_row(config).options(config), *config.runner.beam_args]


def check_here(config: Config) -> None:
    """Checks that `penstock run` can use the configured runner on this machine.

    Raises:
      UsageError: it lacks something, such as a job server, or the runner cannot reach what is here.
    """
    beam_args(config)
    _row(config).check_here(config)


def _row(config: Config) -> Runner:
    name = config.runner.name
    if name not in RUNNERS:
        raise UsageError(f"'runner.name' is {name!r}. {did_you_mean(name, RUNNERS)}")
    return RUNNERS[name]


def _of_job_server(config: Config, settings: JobServer) -> list[str]:
    options = [f"--environment_type={settings.environment}", NOT_PACKED]
    where = settings.environment_config
    if settings.environment == "DOCKER":
        where = where or config.image
        if not where:
            raise UsageError("environment DOCKER also needs 'image': that of kubeflow/Dockerfile.")
    options += [f"--environment_config={where}"] if where else []
    if settings.job_endpoint:
        return [*options, f"--job_endpoint={settings.job_endpoint}"]
    return [*options, f"--job_server_java_launcher={settings.java}"]
