"""The kinds of source that `data.source` may name: one row each."""

from __future__ import annotations

import glob
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from components.readers import COLUMNS
from pipeline.config import Data
from schema.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from tfx.dsl.components.base.base_component import BaseComponent

Types = Mapping[str, str]


def files(data: Data, types: Types) -> BaseComponent:
    """An ExampleGen for local files of one format, read in columns."""
    from tfx.components import FileBasedExampleGen
    from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
    from tfx.proto import example_gen_pb2

    from components.example_gen import Executor, pack_options

    folder, pattern = _folder_and_pattern(data.path)
    buckets = [example_gen_pb2.SplitConfig.Split(name=split, hash_buckets=size) for split, size in data.splits.items()]
    return FileBasedExampleGen(
        input_base=folder,
        input_config=example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="rows", pattern=pattern)]),
        output_config=example_gen_pb2.Output(split_config=example_gen_pb2.SplitConfig(splits=buckets)),
        custom_config=pack_options(data.source, types, data.split_seed),
        custom_executor_spec=BeamExecutorSpec(Executor),
    ).with_id("ExampleGen")


SOURCES: dict[str, Callable[[Data, Types], BaseComponent]] = {
    "csv": files,
    "parquet": files,
    "tfrecord": files,
}


def example_gen(data: Data, types: Types) -> BaseComponent:
    """Returns the ExampleGen of a source; `types` gives the type of each column that must have one.

    Raises:
      UsageError: there is no such source, or no file at its path.
    """
    check_source(data)
    return SOURCES[data.source](data, types)


def check_source(data: Data) -> None:
    """Holds a source against what there is.

    Raises:
      UsageError: there is no such source, or no file at its path.
    """
    if data.source not in SOURCES:
        raise UsageError(f"'data.source' is {data.source!r}. {did_you_mean(data.source, SOURCES)}")
    _files_at(data.path)


def columns_of(data: Data) -> list[str]:
    """Returns the names of a source's columns, as its first file has them; none where the format does not say.

    Raises:
      UsageError: there is no file at its path.
      DataAnomaly: the file has no names.
    """
    return COLUMNS[data.source](_files_at(data.path)[0]) if data.source in COLUMNS else []


def _files_at(path: str) -> list[str]:
    found = sorted(glob.glob(path))
    if not found:
        raise UsageError(f"{path}: there is no such data file. Set data.path to a file or a glob that matches some.")
    return found


def _folder_and_pattern(path: str) -> tuple[str, str]:
    fixed = next((parent for parent in Path(path).parents if not glob.has_magic(str(parent))), Path("/"))
    return str(fixed), str(Path(path).relative_to(fixed))
