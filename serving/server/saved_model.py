"""SavedModels, loaded into a session as TensorFlow Serving's C++ does, and run by its cheapest call.

`Session._make_callable_from_options` is private and the only way from Python to DirectSession::RunCallable: 40 µs a
call where `Session.run` takes 200, no check of shapes on the way, and no GIL held while the graph runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import tensorflow as tf
from grpc import StatusCode
from tensorflow.core.protobuf.config_pb2 import CallableOptions, RunOptions

from serving.server.servable import Array, Servable, Signature, TensorInfo
from serving.server.status import StatusError, deadline_exceeded, not_found

CODES = {code.value[0]: code for code in StatusCode}
# RunOptions.inter_op_thread_pool. Operations side by side cost a few rows more CPU than they save time: a table's model
# of 25 features takes 0.5 ms of CPU for one row in the caller's thread and 0.8 in the pool, and 5.3 and 5.4 for 256.
# And they save no time where the cores have other calls to run.
CALLERS_THREAD, POOL = -1, 0
ROWS_FOR_POOL = 128
INIT_OP = "__saved_model_init_op"


@dataclass(frozen=True)
class SessionOptions:
    """How sessions are made; the names are tensorflow_model_server's flags'."""

    saved_model_tags: tuple[str, ...] = ("serve",)
    tensorflow_intra_op_parallelism: int = 0
    tensorflow_inter_op_parallelism: int = 0
    per_process_gpu_memory_fraction: float = 0.0
    enable_signature_method_name_check: bool = False


def load(name: str, version: int, path: Path, options: SessionOptions = SessionOptions()) -> Servable:
    """Returns a version of a model, restored and initialised.

    Raises:
      StatusError: it is no SavedModel with these tags, or what it holds does not load.
    """
    graph = tf.Graph()
    session = tf.compat.v1.Session(graph=graph, config=_config(options))
    try:
        with graph.as_default():
            meta = tf.compat.v1.saved_model.loader.load(session, list(options.saved_model_tags), str(path))
    except tf.errors.OpError as error:
        session.close()
        raise _status(error) from None
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:  # what it is broken by
        session.close()
        raise not_found(f"Could not load a SavedModel with tags {_braced(options.saved_model_tags)}: {error}") from None
    definitions = {key: definition for key, definition in meta.signature_def.items() if key != INIT_OP}
    strict = options.enable_signature_method_name_check
    signatures = {key: _signature(key, definition, strict) for key, definition in definitions.items()}
    return Servable(name, version, path, signatures, definitions, GraphSession(session))


class GraphSession:
    """Runs a graph in this process. Safe for threads."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._pool = Lock()  # held by the one call that has the pool
        self._callables: dict[tuple[tuple[str, ...], tuple[str, ...], int], Callable[..., list[Array]]] = {}

    def run(
        self, feeds: tuple[str, ...], values: Sequence[Array], fetches: tuple[str, ...], deadline: float | None
    ) -> list[Array]:
        """See Session. A call that has begun is not cut off: its deadline is what the client goes by."""
        if deadline is not None and time.monotonic() >= deadline:
            raise deadline_exceeded("The deadline was over before the model ran")
        if values and values[0].size >= ROWS_FOR_POOL and self._pool.acquire(blocking=False):
            try:
                return self._run(feeds, values, fetches, POOL)
            finally:
                self._pool.release()
        return self._run(feeds, values, fetches, CALLERS_THREAD)

    def _run(self, feeds: tuple[str, ...], values: Sequence[Array], fetches: tuple[str, ...], pool: int) -> list[Array]:
        call = self._callables.get((feeds, fetches, pool)) or self._made(feeds, fetches, pool)
        try:
            arrays: list[Any] = call(*values)
        except tf.errors.OpError as error:
            raise _status(error) from None
        except (TypeError, ValueError) as error:
            raise StatusError(StatusCode.INVALID_ARGUMENT, str(error)) from None
        return [np.array(one, object) if isinstance(one, bytes) else one for one in arrays]  # text without dimensions

    def close(self) -> None:
        """Closes TensorFlow's session."""
        self._callables.clear()
        self._session.close()

    def _made(self, feeds: tuple[str, ...], fetches: tuple[str, ...], pool: int) -> Callable[..., list[Array]]:
        run_options = RunOptions(inter_op_thread_pool=pool)
        options = CallableOptions(feed=feeds, fetch=fetches, run_options=run_options)
        try:
            made: Callable[..., list[Array]] = self._session._make_callable_from_options(options)  # noqa: SLF001  # see above
        except tf.errors.OpError as error:
            raise _status(error) from None
        self._callables[feeds, fetches, pool] = made
        return made


def _config(options: SessionOptions) -> Any:
    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=options.tensorflow_intra_op_parallelism,
        inter_op_parallelism_threads=options.tensorflow_inter_op_parallelism,
        allow_soft_placement=True,
    )
    config.experimental.disable_thread_spinning = True  # else two threads spin some 100 µs after each request
    config.gpu_options.per_process_gpu_memory_fraction = options.per_process_gpu_memory_fraction
    return config


def _signature(key: str, definition: Any, strict: bool) -> Signature:  # noqa: FBT001  # of a private function
    defaults = {alias: tf.make_ndarray(value) for alias, value in getattr(definition, "defaults", {}).items()}
    return Signature(
        key, definition.method_name, _infos(definition.inputs), _infos(definition.outputs), defaults, strict
    )


def _infos(infos: Mapping[str, Any]) -> dict[str, TensorInfo]:
    """In the order of the tensors' names, which is that of a batching session's queues."""
    ordered = sorted(infos.items(), key=lambda item: item[1].name)
    return {alias: TensorInfo(alias, info.name, info.dtype, _shape(info.tensor_shape)) for alias, info in ordered}


def _shape(shape: Any) -> tuple[int, ...] | None:
    return None if shape.unknown_rank else tuple(dim.size for dim in shape.dim)


def _status(error: tf.errors.OpError) -> StatusError:
    return StatusError(CODES.get(error.error_code, StatusCode.UNKNOWN), error.message)


def _braced(tags: Sequence[str]) -> str:
    return f"{{ {' '.join(tags)} }}"
