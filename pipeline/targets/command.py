"""`penstock compile`: the same DAG as what Kubeflow Pipelines, Vertex AI, Airflow or Kubernetes runs."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pipeline.chatter import Screen
from pipeline.config import Config
from pipeline.loading import load
from pipeline.targets.refusals import check
from pipeline.targets.table import TARGETS, Target, Texts
from pipeline.writing import changed, write
from schema.errors import UsageError

TO_SCREEN = Path("-")


def compile_dag(
    screen: Screen,
    config: tuple[Path, ...],
    settings: tuple[str, ...],
    target: str,
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    """Writes what the target runs, and prints what was written and what to type next.

    Raises:
      UsageError: the configuration is wrong, or the target cannot run it.
    """
    chosen, loaded = TARGETS[target], load(config, settings)
    place = out or Path(chosen.out.format(name=loaded.name))
    _check_place(place, config, chosen)
    screen.divert(Path(os.devnull))  # what TFX says while it compiles
    texts = rendered(loaded, target)
    if place == TO_SCREEN:
        screen.out.write("".join(texts.values()))
        screen.out.flush()
        return
    named = dict.fromkeys([place.name], "".join(texts.values())) if chosen.is_one_file else texts
    folder = place.parent if chosen.is_one_file else place
    write(changed(folder, named))
    following = chosen.command.format(out=place)
    if as_json:
        lines = json.dumps({"target": target, "files": [str(folder / name) for name in named], "next": following})
    else:
        lines = "\n".join([*(f"wrote {folder / name}" for name in named), f"next  {following}"])
    screen.out.write(f"{lines}\n")
    screen.out.flush()


def rendered(config: Config, target: str) -> Texts:
    """Returns the files that a target runs, by their names.

    Raises:
      UsageError: the target cannot run the configuration; the message names each reason, and the way out.
    """
    check(config, target)
    return TARGETS[target].render(config)


def _check_place(place: Path, config: tuple[Path, ...], target: Target) -> None:
    if place.resolve() in [file.resolve() for file in config]:
        raise UsageError(f"--out {place}: is one of the configuration's own files. Choose another file.")
    if place == TO_SCREEN and not target.is_one_file:
        raise UsageError("--out -: this target is a folder of files. Choose a folder.")
    if target.is_one_file and place.is_dir():
        raise UsageError(f"--out {place}: is a folder. Choose a file, such as {place / 'pipeline.yaml'}.")
