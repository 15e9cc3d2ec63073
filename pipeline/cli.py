"""The command line. Arguments and the configuration are checked before TensorFlow is imported."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from pipeline import commands
from pipeline.chatter import Screen
from schema.errors import Interrupted, PenstockError, UsageError

Command = TypeVar("Command", bound=Callable[..., Any])


def config_arguments(command: Command, *, required: bool = True) -> Command:
    """Gives a command CONFIG…, --set and --workdir."""
    decorators = (
        click.argument(
            "config",
            nargs=-1,
            required=required,
            metavar="CONFIG..." if required else "[CONFIG...]",
            type=click.Path(path_type=Path),
        ),
        click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a key: model.epochs=5."),
        click.option(
            "--workdir",
            type=click.Path(path_type=Path, file_okay=False),
            help="Where pipelines keep their files [var].",
        ),
    )
    for decorator in reversed(decorators):
        command = decorator(command)
    return command


PORT = click.IntRange(1, 65535)
TARGETS = ("kubeflow", "vertex", "airflow", "kubernetes")  # rows of pipeline/targets/table.py
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="penstock")
def cli(*, debug: bool) -> None:
    """A table of data to a model that answers requests: one gated TFX pipeline, described by one YAML file."""
    del debug  # read by main, wherever on the line it stands


@cli.command()
@click.argument("name")
@click.option(
    "--data", required=True, metavar="FILE", help="The rows: a file of CSV, JSON Lines, Parquet, Avro, TFRecord."
)
@click.option("--label", required=True, metavar="COLUMN", help="What is foretold: a column, or 'tips > 0.2 * fare'.")
@click.option(
    "--problem",
    type=click.Choice(["auto", "binary", "multiclass", "regression"]),
    default="auto",
    help="What kind of label it is [auto: told from its values].",
)
@click.option("--rows", type=click.IntRange(min=10), default=200_000, help="How many rows to look at [200000].")
@click.option("--force", is_flag=True, help="Overwrite the two files.")
@click.option("--dry-run", is_flag=True, help="Print the two files, and write none.")
@json_option
@click.pass_obj
def init(screen: Screen, /, **arguments: Any) -> None:
    """Look at a table, and write configs/NAME.yaml and schema/NAME.pbtxt, ready to run."""
    from pipeline.init.command import init as init_pipeline

    init_pipeline(screen, **arguments)


@cli.command()
@partial(config_arguments, required=False)
@click.option(
    "--spec",
    type=click.Path(path_type=Path),
    help="Instead of CONFIG: a compiled pipeline, to run as its backend would.",
)
@click.option(
    "-p", "--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="With --spec: a parameter of it."
)
@click.option("--runner", help="Where Beam runs; a row of pipeline/runners.py.")
@click.option("--resume", is_flag=True, help="Go on with the last run, which failed or was stopped.")
@click.option("--no-cache", is_flag=True, help="Run every step, whatever has run before.")
@json_option
@click.pass_obj
def run(screen: Screen, /, spec: Path | None, parameters: tuple[str, ...], **arguments: Any) -> None:
    """Run the pipeline: exit code 0 pushed, 3 a gate said no, 2 wrong configuration, 1 anything else."""
    if spec:
        sys.exit(commands.run_spec(screen, spec, parameters, **arguments))
    sys.exit(commands.run(screen, parameters=parameters, **arguments))


@cli.command()
@config_arguments
@click.option(
    "-t",
    "--target",
    type=click.Choice(["local", *TARGETS]),
    default="local",
    help="Where the pipeline is to run: also check what that cannot run [local].",
)
@json_option
@click.pass_obj
def validate(screen: Screen, /, **arguments: Any) -> None:
    """Check the YAML, the schema and the DAG, and what the target cannot run; touch nothing."""
    commands.validate(screen, **arguments)


@cli.command()
@config_arguments
@click.option("--input", "rows", required=True, type=click.Path(path_type=Path), help="Rows: a .csv or .jsonl file.")
@click.option(
    "--via",
    type=click.Choice(["local", "rest", "grpc"]),
    default="local",
    help="Call the pushed model in this process, or ask a model server [local].",
)
@click.option("--server", metavar="HOST:PORT", help="The model server [localhost, at the configuration's port].")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first rows.")
@click.pass_obj
def predict(screen: Screen, /, **arguments: Any) -> None:
    """Predictions from what was pushed, one JSON object a row."""
    from pipeline.predict import predict as predict_rows

    predict_rows(screen, **arguments)


@cli.command()
@config_arguments
@click.option("--port", type=PORT, help="Where it answers gRPC [the configuration's: 8500].")
@click.option("--rest-port", type=PORT, help="Where it answers REST [the configuration's: 8501].")
@click.option("--flag", "given", multiple=True, metavar="NAME=VALUE", help="One more flag of the model server.")
@click.option("--dry-run", is_flag=True, help="Print its files and its command line, and start nothing.")
@click.pass_obj
def serve(screen: Screen, /, **arguments: Any) -> None:
    """A model server on what was pushed: tensorflow_model_server where it is on the PATH, else Penstock's own."""
    from pipeline.serve import serve as serve_model

    serve_model(screen, **arguments)


@cli.command()
@config_arguments
@click.option(
    "-t",
    "--target",
    required=True,
    type=click.Choice(["compose", "compose-gpu", "kubernetes", "kserve"]),
    help="Where TensorFlow Serving is to run.",
)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, file_okay=False), help="The folder to write [deploy/NAME/TARGET]."
)
@click.option("--force", is_flag=True, help="Overwrite files that are there and differ.")
@click.option("--dry-run", is_flag=True, help="Print the files, and write none.")
@json_option
@click.pass_obj
def deploy(screen: Screen, /, **arguments: Any) -> None:
    """Write what runs the real TensorFlow Serving: a compose file, Kubernetes manifests, a KServe service."""
    from pipeline.deploy import deploy as write_deployment

    write_deployment(screen, **arguments)


@cli.command("compile")
@click.argument("config", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a key: model.epochs=5.")
@click.option(
    "-t",
    "--target",
    required=True,
    type=click.Choice(TARGETS),
    help="Where the pipeline is to run.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Where to write: a file for kubeflow and vertex (- for the screen), a folder for airflow and kubernetes "
    "[NAME.kubeflow.yaml, NAME.vertex.json, airflow/NAME, deploy/NAME/pipeline].",
)
@json_option
@click.pass_obj
def compile_command(screen: Screen, /, **arguments: Any) -> None:
    """Write the same DAG as what Kubeflow Pipelines, Vertex AI, Airflow or a Kubernetes CronJob runs."""
    from pipeline.targets.command import compile_dag

    compile_dag(screen, **arguments)


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-t", "--target", type=click.Choice(["kubeflow", "vertex"]), help="Where to [told from the file].")
@click.option("--host", metavar="URL", help="Kubeflow: its address [$KF_PIPELINES_ENDPOINT, or a pod's own].")
@click.option("--namespace", metavar="NS", help="Kubeflow: yours, where it has many users.")
@click.option(
    "--token-file", type=click.Path(path_type=Path), help="Kubeflow: holds a bearer token [in a pod, its own]."
)
@click.option("--ca-file", type=click.Path(path_type=Path), help="Kubeflow: the authority of its certificate.")
@click.option("--ui-host", metavar="URL", help="Kubeflow: its pages [--host].")
@click.option("--experiment", metavar="NAME", help="Kubeflow: made where it is not there [Default].")
@click.option("--project", metavar="ID", help="Vertex: the Google Cloud project.")
@click.option("--region", metavar="REGION", help="Vertex: such as europe-west4.")
@click.option("--network", metavar="NAME", help="Vertex: the network that the run is peered with.")
@click.option("--credentials-file", type=click.Path(path_type=Path), help="Vertex: a key [gcloud's login].")
@click.option("--api-endpoint", metavar="HOST", help="Vertex: where its API answers, as with Private Service Connect.")
@click.option("--service-account", metavar="NAME", help="As whom the steps run.")
@click.option("--name", metavar="NAME", help="What the run is called [the pipeline's name and the time].")
@click.option("-p", "--parameter", multiple=True, metavar="NAME=VALUE", help="A parameter of the pipeline.")
@click.option("--root", metavar="URI", help="Where artifacts go [as compiled; else Kubeflow's own place].")
@click.option("--cron", metavar="'M H D M W'", help="A recurring run, by a cron expression: '0 3 * * *'.")
@click.option("--every", metavar="DURATION", help="A recurring run, every 1h or so; Kubeflow only.")
@click.option("--max-concurrency", type=click.IntRange(1, 10), help="How many of a recurring run at once [1].")
@click.option("--no-catchup", is_flag=True, help="Leave out the runs that were missed; Kubeflow only.")
@click.option("--no-cache", is_flag=True, help="Run every step, whatever has run before.")
@click.option("--wait", is_flag=True, help="Follow the run to its end: exit code 0 where it succeeds, else 1.")
@click.option("--timeout", metavar="DURATION", help="With --wait: for how long, such as 2h [for ever].")
@click.option("--poll", type=click.FloatRange(min=0.01), default=5.0, hidden=True)
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
@json_option
@click.pass_obj
def submit(screen: Screen, /, **arguments: Any) -> None:
    """Send a compiled pipeline to Kubeflow Pipelines or Vertex AI, to run now or again and again."""
    from pipeline.submission.command import submit as submit_pipeline

    submit_pipeline(screen, **arguments)


@cli.group()
def runs() -> None:
    """What has run, from the metadata store."""


@runs.command("list")
@config_arguments
@json_option
@click.pass_obj
def runs_list(screen: Screen, /, **arguments: Any) -> None:
    """The runs of a pipeline, the latest first."""
    commands.list_runs(screen, **arguments)


@runs.command("show")
@config_arguments
@click.option("--run", "run_id", help="A run's id, as runs list has it; the latest by default.")
@json_option
@click.pass_obj
def runs_show(screen: Screen, /, **arguments: Any) -> None:
    """One run: steps, metrics of every slice, verdicts, what was pushed."""
    commands.show_run(screen, **arguments)


@cli.command()
@json_option
@click.pass_obj
def doctor(screen: Screen, *, as_json: bool) -> None:
    """What this machine has, what it lacks, and what to do about it."""
    commands.doctor(screen, as_json=as_json)


def main() -> None:
    """Runs the command line, and turns every error into a paragraph and an exit code."""
    screen = Screen()
    debug = "--debug" in sys.argv
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background job would ignore
    sys.path.append(str(Path.cwd()))  # a user's own functions are found beside the configuration; ours come first
    try:
        cli.main(args=[word for word in sys.argv[1:] if word != "--debug"], standalone_mode=False, obj=screen)
    except click.ClickException as error:
        error.show(screen.err)
        sys.exit(UsageError.exit_code)
    except click.Abort:
        _explain(screen, Interrupted("Stopped."), debug=debug)
        sys.exit(Interrupted.exit_code)
    except PenstockError as error:
        _explain(screen, error, debug=debug)
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001  # the last resort: no traceback for a user who did not ask
        _explain(screen, _unforeseen(error, screen), debug=debug)
        sys.exit(PenstockError.exit_code)


def _explain(screen: Screen, error: PenstockError, *, debug: bool) -> None:
    if debug:
        traceback.print_exception(error, file=screen.err)
    print(f"penstock: {error}", file=screen.err, flush=True)  # this is the command line


def _unforeseen(error: Exception, screen: Screen) -> PenstockError:
    traceback.print_exception(error)
    log = f" The log is {screen.log}." if screen.log else ""
    unforeseen = PenstockError(f"{type(error).__name__}: {error}.{log} With --debug there is a traceback.")
    unforeseen.__cause__ = error
    return unforeseen
