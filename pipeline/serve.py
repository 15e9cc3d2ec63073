"""`penstock serve`: a model server on what was pushed, TensorFlow Serving's where it is installed."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from pipeline.chatter import Screen
from pipeline.config import Config
from pipeline.deploy import write
from pipeline.pushed import named, pushed_version
from pipeline.workdir import Workdir, workdir_of
from schema.errors import UsageError
from serving.deploy.model import Model
from serving.deploy.server import config_files, flags

REAL = "tensorflow_model_server"
EMBEDDED = (sys.executable, "-m", "serving.server.main")
FOLDER = ".server"  # beside the models' folders, whose names have no dot


def serve(
    screen: Screen,
    config: tuple[Path, ...],
    settings: tuple[str, ...],
    workdir: Path | None,
    port: int | None,
    rest_port: int | None,
    given: tuple[str, ...],
    *,
    dry_run: bool,
) -> None:
    """Writes the server's files, and becomes the server: this process does not come back.

    The ports are the configuration's by default; `given` are more flags of the server, as name=value. A dry run prints
    the files and the command line, and does neither.

    Raises:
      UsageError: nothing is pushed, a version that the configuration names is not, or the ports are one.
    """
    from pipeline.loading import load

    loaded = load(config, settings)
    place = workdir_of(loaded.name, workdir)
    pushed_version(loaded, place, config)
    model = _model(loaded, place, port or loaded.serving.grpc_port, rest_port or loaded.serving.rest_port)
    folder = place.serving(FOLDER)
    files = config_files(model, str(model.pushed))
    command = [*_program(), *_flags(model, folder), *(f"--{flag.removeprefix('--')}" for flag in given)]
    if dry_run:
        _print(screen, *(f"# {folder / name}\n{text}" for name, text in files.items()), shlex.join(command))
        return
    write(folder, files, force=True)
    _tell(screen, model, command, named(config))
    os.execv(command[0], command)  # noqa: S606  # no shell is wanted: signals reach the server itself


def _model(loaded: Config, place: Workdir, port: int, rest_port: int) -> Model:
    """The model as this machine serves it: on all of its cores, without a GPU's ways."""
    if port == rest_port:
        raise UsageError(
            f"gRPC and REST are both to be answered at port {port}. Give them two, by --port, --rest-port."
        )
    settings = loaded.serving
    pushed = place.serving(loaded.model_name)
    absent = [str(version) for version in settings.versions if not (pushed / str(version)).is_dir()]
    if absent:
        raise UsageError(f"{pushed}: serving.versions names {', '.join(absent)}, which is not there.")
    deploy = settings.deploy.model_copy(update={"cpus": os.cpu_count() or settings.deploy.cpus})
    serving = settings.model_copy(update={"deploy": deploy, "grpc_port": port, "rest_port": rest_port})
    return Model(loaded.model_name, serving, pushed, place.serving(FOLDER), on_gpu=False)


def _program() -> tuple[str, ...]:
    real = shutil.which(REAL)
    return (real,) if real else EMBEDDED


def _flags(model: Model, folder: Path) -> list[str]:
    return flags(model, str(model.pushed), model.serving.grpc_port, model.serving.rest_port, str(folder))


def _tell(screen: Screen, model: Model, command: list[str], config: str) -> None:
    server = REAL if command[0].endswith(REAL) else "penstock-model-server"
    url = f"http://localhost:{model.serving.rest_port}/v1/models/{model.name}"
    _print(
        screen,
        f"serving {model.name} from {model.pushed} by {server}",
        f"REST    {url}",
        f"gRPC    localhost:{model.serving.grpc_port}",
        f"next    penstock predict {config} --input ROWS.csv --via rest --server localhost:{model.serving.rest_port}",
    )


def _print(screen: Screen, *lines: str) -> None:
    screen.out.write("".join(f"{line}\n" for line in lines))
    screen.out.flush()
