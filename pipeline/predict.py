"""`penstock predict`: predictions from what was pushed, in this process or from a model server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

from pipeline.chatter import Screen
from pipeline.config import Config
from pipeline.progress import counted
from pipeline.pushed import named, pushed_version
from pipeline.workdir import Workdir, workdir_of
from schema.errors import PenstockError, UsageError
from serving.client import Client, NotServed, Unreachable
from serving.rows import Form, NoRow, Row, read_rows

SHOWN, LONGEST = 5, 40  # names, and characters of one
Files = tuple[Path, ...]


class Predictor(Protocol):
    """What answers rows: a LocalModel or a Client."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that it reads, as far as they are known."""

    def predict(self, rows: Iterable[Row | NoRow]) -> Iterator[dict[str, Any]]:
        """Yields for each row its prediction, or {"error": why it gets none}."""


Connect = Callable[[], AbstractContextManager[Predictor]]


def predict(
    screen: Screen,
    config: Files,
    settings: tuple[str, ...],
    workdir: Path | None,
    rows: Path,
    via: str,
    server: str | None,
    limit: int | None,
) -> None:
    """Prints one JSON object for each row: its prediction, or {"error": why it gets none}.

    Raises:
      PenstockError: the server does not answer; at the end, where some row got no prediction; how many.
      UsageError: there is no such file, or nothing is pushed that could be called in this process.
    """
    if server and via == "local":
        raise UsageError(f"--server {server} needs --via rest or --via grpc: --via local asks no server.")
    from pipeline.loading import load

    loaded = load(config, settings)
    place = workdir_of(loaded.name, workdir)
    ask = _local(loaded, place, config) if via == "local" else _remote(loaded, place, via, server)
    form = _form(rows, loaded)
    given = read_rows(rows, form)
    screen.divert(place.logs / "predict.log")
    with _explained(named(config)), ask() as predictor:
        checked = _with_columns_of(predictor.columns, given, rows, form) if rows.suffix == ".csv" else given
        _print_predictions(screen, predictor.predict(islice(checked, limit)))


def _local(loaded: Config, place: Workdir, config: Files) -> Connect:
    version = pushed_version(loaded, place, config)

    def load() -> AbstractContextManager[Predictor]:
        from serving.local import LocalModel

        return nullcontext(LocalModel(version.path))

    return load


def _remote(loaded: Config, place: Workdir, via: str, server: str | None) -> Connect:
    port = loaded.serving.rest_port if via == "rest" else loaded.serving.grpc_port
    way = Client.rest if via == "rest" else Client.grpc
    address = server or f"localhost:{port}"
    return partial(way, address, loaded.model_name, contracts=place.serving(loaded.model_name))


@contextmanager
def _explained(config: str) -> Iterator[None]:
    """Says what to type where there is no server, or one without the model."""
    try:
        yield
    except Unreachable as error:
        refused = "refused" in error.message.lower()
        what = "nothing listens there" if refused else f"cannot be reached: {error.message.rstrip('.')}"
        raise PenstockError(
            f"{error.address}: {what}. Start a model server with penstock serve {config}, or name another by --server "
            "HOST:PORT."
        ) from error
    except NotServed as error:
        raise PenstockError(
            f"{error.address}: the server there does not have the model: {error.message}. Start one that has it with "
            f"penstock serve {config}, or name another by --server HOST:PORT."
        ) from error


def _form(rows: Path, loaded: Config) -> Form:
    """How the file is written: as the training data, where it is of the same kind."""
    data = loaded.data
    if rows.suffix == f".{data.source}":
        return Form(data.delimiter, data.encoding, data.missing)
    return Form(missing=data.missing)


def _with_columns_of(
    columns: Sequence[str], given: Iterable[Row | NoRow], file: Path, form: Form
) -> Iterator[Row | NoRow]:
    """The rows of a CSV, whose header must have some column that the model reads."""
    rows = iter(given)
    first = next(rows, None)
    if columns and isinstance(first, Mapping) and not set(first) & set(columns):
        raise UsageError(
            f"{file}: the header has none of the columns that the model reads. It has {_few(first)}; the model reads "
            f"{_few(columns)}. Is its delimiter {form.delimiter!r}? It is that of data.delimiter."
        )
    return chain([first] if first is not None else [], rows)


def _few(names: Iterable[str]) -> str:
    shown = [repr(name if len(name) <= LONGEST else name[:LONGEST] + "…") for name in names]
    return ", ".join(shown[:SHOWN]) + (", …" if len(shown) > SHOWN else "")


def _print_predictions(screen: Screen, answers: Iterable[dict[str, Any]]) -> None:
    rows = failed = 0
    for answer in counted(answers, "rows", screen.err, screen.out):
        screen.out.write(f"{json.dumps(answer, ensure_ascii=False)}\n")
        screen.out.flush()
        rows += 1
        failed += answer.keys() == {"error"}
    if failed:
        raise PenstockError(f"{failed:,} of {rows:,} rows got no prediction; their lines say why.")
