"""`penstock init`, from its arguments to the two files: nothing is written where anything is wrong.

scikit-learn and Arrow are imported once the arguments are right.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.chatter import Screen
from pipeline.config import Config
from pipeline.loading import load, resolve_path
from schema.errors import PenstockError, UsageError

if TYPE_CHECKING:
    from pipeline.init.plan import Plan

Note = Callable[[str], None]
Files = tuple[Path, Path]


def init(
    screen: Screen,
    name: str,
    data: str,
    label: str,
    problem: str,
    rows: int,
    *,
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Looks at the data, writes the configuration and the schema, and prints what it decided and what it doubts.

    Raises:
      UsageError: an argument is wrong, or the data is not such as can be learned from.
      DataAnomaly: the data cannot be read as what it says it is.
      PenstockError: what was made is not valid.
    """
    files = check_arguments(name, label, force=force or dry_run)  # a dry run overwrites nothing
    screen.divert(Path(os.devnull))  # where TensorFlow talks, which a TFRecord needs
    made = look(name, data, label, problem, rows, lambda text: print(text, file=screen.err, flush=True))
    texts = texts_of(made, data)
    if not dry_run:
        write(files, texts)
    _print(screen, made, files, texts, dry_run=dry_run, as_json=as_json)


def check_arguments(name: str, label: str, *, force: bool) -> Files:
    """Returns the paths of the configuration and the schema, in the current folder.

    Raises:
      UsageError: the name is none, the label cannot be one, or a file is there that would be overwritten.
    """
    (pattern,) = (fact.pattern for fact in Config.model_fields["name"].metadata if getattr(fact, "pattern", None))
    if not re.fullmatch(pattern, name):
        raise UsageError(
            f"{name!r} is no name of a pipeline: give lower-case letters, digits and dashes, as in 'wine'."
        )
    if not label.strip():
        raise UsageError("--label is empty. Name the column that is to be foretold.")
    files = Path("configs", f"{name}.yaml"), Path("schema", f"{name}.pbtxt")
    there = [str(file) for file in files if file.exists()]
    if there and not force:
        raise UsageError(f"{' and '.join(there)}: already there. Choose another name, or overwrite with --force.")
    return files


def look(name: str, data: str, label: str, problem: str, rows: int, note: Note) -> Plan:
    """Returns what was found in the data and decided.

    Raises:
      UsageError: there is no such file, or the label cannot be learned from it.
      DataAnomaly: it cannot be read as what it says it is.
    """
    from pipeline.init.label import expression_of
    from pipeline.init.plan import plan, understand
    from pipeline.init.sample import names_of, read_rows
    from pipeline.init.source import source_of

    source = source_of(data)
    names = names_of(source)
    if names:
        expression_of(label, names)  # a misspelt label is told before all rows are read
    sample = read_rows(source, rows, note)
    forms, expression, missing = understand(sample.columns, source, label)
    if missing:
        source = source.model_copy(update={"missing": missing})
        sample = read_rows(source, rows, note)
    return plan(name, source, sample, forms, expression, problem)


def texts_of(made: Plan, data: str) -> tuple[str, str]:
    """Returns the configuration and the schema, checked as `penstock validate` checks them.

    Raises:
      PenstockError: they do not fit each other or the data, which is a fault of this program.
    """
    from pipeline.init.writing import configuration, schema
    from pipeline.preflight import check_files

    texts = configuration(made, _path_in_configuration(data)), schema(made)
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "pipeline.yaml"), Path(folder, "schema.pbtxt")
        for file, text in zip(files, texts, strict=True):
            file.write_text(text, encoding="utf-8")
        paths = {"data.path": resolve_path(data, Path.cwd()), "schema.path": str(files[1])}
        try:
            check_files(load([files[0]], [f"{key}={json.dumps(path)}" for key, path in paths.items()]))
        except UsageError as error:
            raise PenstockError(
                f"What init made is not valid, which is a fault of penstock: {error} Nothing is written."
            ) from error
    return texts


def write(files: Files, texts: tuple[str, str]) -> None:
    """Writes both files, each whole or not at all."""
    for file, text in zip(files, texts, strict=True):
        file.parent.mkdir(exist_ok=True)
        aside = file.with_name(f".{file.name}.new")
        aside.write_text(text, encoding="utf-8")
        aside.replace(file)


def _path_in_configuration(data: str) -> str:
    """The data's path relative to the folder of the configuration; what is no path of this machine as it is."""
    if "://" in data:
        return data
    return os.path.relpath(resolve_path(data, Path.cwd()), Path("configs").resolve())


def _print(screen: Screen, made: Plan, files: Files, texts: tuple[str, str], *, dry_run: bool, as_json: bool) -> None:
    from pipeline.display import console_for
    from pipeline.init.report import decisions_as_json, show

    if as_json:
        told = decisions_as_json(made) | {"files": {str(file): text for file, text in zip(files, texts, strict=True)}}
        screen.out.write(json.dumps(told, ensure_ascii=False, default=str) + "\n")
    else:
        for file, text in zip(files, texts, strict=True) if dry_run else ():
            screen.out.write(f"# {file}\n{text}\n")
        screen.out.flush()
        show(console_for(screen.out), made, files, dry_run=dry_run)
    screen.out.flush()
