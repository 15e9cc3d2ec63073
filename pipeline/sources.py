"""The kinds of source that `data.source` may name: one row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.files import connect, is_remote
from components.pieces import at_hand, resolve
from components.readers import READERS
from components.source_options import SourceOptions
from pipeline.config import Config
from schema.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from tfx.dsl.components.base.base_component import BaseComponent

Types = dict[str, str]
FOR_OTHER_USE = '"\r\n'  # by a CSV


@dataclass(frozen=True)
class Source:
    """A kind of source: the component that reads it, and whether this machine can look at it before a run."""

    component: Callable[[Config, SourceOptions], BaseComponent]
    can_look: bool = True


def rows(config: Config, options: SourceOptions) -> BaseComponent:
    """Our ExampleGen, for whatever `components.readers` reads."""
    from components.example_gen import ExampleGen

    del config
    return ExampleGen(options).with_id("ExampleGen")


def big_query(config: Config, options: SourceOptions) -> BaseComponent:
    """TFX's own ExampleGen for BigQuery; project and temporary folder are Beam's, in runner.beam_args."""
    from tfx.extensions.google_cloud_big_query.example_gen.component import BigQueryExampleGen
    from tfx.proto import example_gen_pb2

    del options
    buckets = [
        example_gen_pb2.SplitConfig.Split(name=split, hash_buckets=size) for split, size in config.data.splits.items()
    ]
    return BigQueryExampleGen(
        query=config.data.query,
        output_config=example_gen_pb2.Output(split_config=example_gen_pb2.SplitConfig(splits=buckets)),
    ).with_id("ExampleGen")


SOURCES: dict[str, Source] = dict.fromkeys(READERS, Source(rows)) | {"bigquery": Source(big_query, can_look=False)}


def example_gen(config: Config, types: Types, root: str) -> BaseComponent:
    """Returns the ExampleGen of a source; `types` gives the type of each column that must have one.

    Raises:
      UsageError: there is no such source. Whether there are files is for `check_source` to say, where they are read.
    """
    _check_kind(config)
    return SOURCES[config.data.source].component(config, source_options(config, types, f"{root}/quarantine"))


def check_source(config: Config) -> None:
    """Holds a source against what there is.

    Raises:
      UsageError: there is no such source, file or span; the delimiter is none.
    """
    _check_kind(config)
    source, delimiter = config.data.source, config.data.delimiter
    if not delimiter.isascii() or delimiter in FOR_OTHER_USE:
        raise UsageError(f"'data.delimiter' is {delimiter!r}. Legal is one ASCII character such as , ; | or a tab.")
    _reach(config)
    if SOURCES[source].can_look:
        resolve(source_options(config))


def _check_kind(config: Config) -> None:
    source = config.data.source
    if source not in SOURCES:
        raise UsageError(f"'data.source' is {source!r}. {did_you_mean(source, SOURCES)}")


def _reach(config: Config) -> None:
    """Tells Beam's filesystems where the data is, if it is elsewhere."""
    if is_remote(config.data.path):
        connect(config.runner.beam_args)


def columns_of(config: Config) -> list[str]:
    """Returns the names of a source's columns, as its first file has them; none where the format does not say.

    Raises:
      UsageError: there is no file at its path.
      DataAnomaly: the file has no names.
    """
    if not SOURCES[config.data.source].can_look:
        return []
    _reach(config)
    options = source_options(config)
    with at_hand(resolve(options).pieces[0], options) as path:
        return READERS[options.source].columns(path, options)


def source_options(config: Config, types: Types | None = None, quarantine: str = "") -> SourceOptions:
    """Returns what a reader is told of the configuration."""
    data = config.data
    splits = {name: size for name, size in data.splits.items() if not (data.test_spans and name == "test")}
    return SourceOptions(
        source=data.source,
        path=data.path,
        span=data.span,
        version=data.version,
        window=data.window,
        test_spans=data.test_spans,
        splits=splits,
        seed=data.split_seed,
        types=types or {},
        required=config.label_expression.columns,
        delimiter=data.delimiter,
        encoding=data.encoding,
        missing=data.missing,
        connection=data.connection or "",
        password_file=data.password_file,
        query=data.query or "",
        max_quarantined=config.gates.rows.max_quarantined,
        quarantine=quarantine,
        gzip_level=data.gzip_level,
    )
