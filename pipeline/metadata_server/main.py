"""penstock-metadata-server: the command line."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema.errors import PenstockError, UsageError

if TYPE_CHECKING:
    from pipeline.metadata import Connection

GRACE_SECONDS = 10.0
FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("config", nargs=-1, type=click.Path(path_type=Path))
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a key: metadata.host=db.")
@click.option("--workdir", type=click.Path(path_type=Path, file_okay=False), help="Where pipelines keep files [var].")
@click.option("--sqlite", type=FILE, help="Keep lineage in this file, made if it is not there; instead of CONFIG.")
@click.option("--host", default="localhost", show_default=True, help="Where it listens; 0.0.0.0 is everywhere.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 is any that is free.")
@click.option("--tls-certificate", "certificate", type=FILE, help="Its certificate, PEM: makes it TLS.")
@click.option("--tls-key", "key", type=FILE, help="The certificate's key, PEM.")
def command(config: tuple[Path, ...], settings: tuple[str, ...], workdir: Path | None, **options: Any) -> None:
    """MLMD's gRPC server, on the database that a configuration's section metadata names, or on a SQLite file.

    It knows no users: who reaches its port reads and writes. It ends with exit code 0 at SIGTERM and Ctrl-C, when the
    calls in flight have been answered.
    """
    connection = _connection(config, settings, workdir, options.pop("sqlite"))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname).1s %(name)s: %(message)s")
    _serve(connection, options)


def main() -> None:
    """Serves until SIGTERM or Ctrl-C; turns every error into a paragraph and an exit code."""
    try:
        command.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(UsageError.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(0)  # before it served
    except PenstockError as error:
        click.echo(f"penstock-metadata-server: {error}", err=True)
        sys.exit(error.exit_code)


def _serve(connection: Connection, options: dict[str, Any]) -> None:
    from pipeline.metadata import open_store, place_of
    from pipeline.metadata_server.server import Address, MetadataServer
    from pipeline.metadata_server.store import Store

    stop = threading.Event()
    open_store(connection)  # says in words what keeps it from answering
    server = MetadataServer(Store(connection), Address(**options))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    click.echo(f"penstock-metadata-server: {place_of(connection)}, served at {options['host']}:{server.port}", err=True)
    stop.wait()
    server.stop(GRACE_SECONDS)


def _connection(
    config: tuple[Path, ...], settings: tuple[str, ...], workdir: Path | None, sqlite: Path | None
) -> Connection:
    """The database behind the server.

    Raises:
      UsageError: none is named, or two, or another metadata server.
    """
    if bool(config) == bool(sqlite):
        raise UsageError("Name either CONFIG…, whose section metadata says where lineage is kept, or --sqlite FILE.")
    if sqlite:
        return _sqlite(sqlite)
    from pipeline.loading import load
    from pipeline.metadata import connection_config
    from pipeline.workdir import workdir_of

    loaded = load(config, settings)
    if loaded.metadata.backend == "grpc":
        raise UsageError("metadata.backend is 'grpc': a metadata server needs sqlite, mysql or postgresql behind it.")
    place = workdir_of(loaded.name, workdir)
    if loaded.metadata.backend == "sqlite":
        return _sqlite(place.metadata)
    return connection_config(loaded.metadata, place)


def _sqlite(file: Path) -> Connection:
    from pipeline.metadata import sqlite_config

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.open("ab").close()
    except OSError as error:
        raise PenstockError(f"{file}: {error.strerror}. Make it writable, or name another file.") from None
    return sqlite_config(file.resolve())
