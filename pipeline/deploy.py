"""`penstock deploy`: the files that run the real TensorFlow Serving, from the pipeline's YAML."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.chatter import Screen
from pipeline.config import Config
from pipeline.writing import changed
from pipeline.writing import write as write_files
from schema.errors import UsageError
from serving.deploy.model import Model
from serving.deploy.targets import TARGETS

Texts = dict[str, str]


def deploy(
    screen: Screen,
    config: tuple[Path, ...],
    settings: tuple[str, ...],
    workdir: Path | None,
    target: str,
    out: Path | None,
    *,
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Writes the files of a target, and prints what was written and what to type next.

    Raises:
      UsageError: the configuration does not fit the target, or files are there that differ.
    """
    from pipeline.loading import load

    loaded = load(config, settings)
    folder = out or Path("deploy", loaded.name, target)
    texts = render(loaded, target, workdir, folder)
    if not dry_run:
        write(folder, texts, force=force)
    following = TARGETS[target].command.format(folder=folder)
    if as_json:
        files = {str(folder / name): text for name, text in texts.items()}
        lines = json.dumps({"target": target, "written": not dry_run, "files": files, "next": following})
    elif dry_run:
        lines = "\n".join(f"# {folder / name}\n{text}" for name, text in texts.items())
    else:
        lines = "\n".join([*(f"wrote {folder / name}" for name in texts), f"next  {following}"])
    screen.out.write(f"{lines}\n")
    screen.out.flush()


def render(config: Config, target: str, workdir: Path | None, folder: Path) -> Texts:
    """Returns the files of a target by their names in `folder`.

    Raises:
      UsageError: the configuration does not fit the target.
    """
    from pipeline.workdir import workdir_of

    pushed = workdir_of(config.name, workdir).serving(config.model_name)
    chosen = TARGETS[target]
    on_gpu = chosen.is_on_gpu(config.serving.deploy.gpus)
    return chosen.render(Model(config.model_name, config.serving, pushed, folder.resolve(), on_gpu))


def write(folder: Path, texts: Texts, *, force: bool) -> None:
    """Writes the files, each whole or not at all; files that say the same are left alone.

    Raises:
      UsageError: a file is there that says something else, and may have been edited.
    """
    different = changed(folder, texts)
    edited = [str(file) for file in different if file.exists()]
    if edited and not force:
        raise UsageError(
            f"{', '.join(edited)}: already there, and not what would be written. See it with --dry-run, "
            "overwrite it with --force, or choose another folder with --out."
        )
    write_files(different)
