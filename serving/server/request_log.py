"""A sample of the requests that a model answers, in files that can warm up its next version.

Files are TFRecords of PredictionLog (tensorflow_serving/apis/prediction_log.proto). A thread of its own writes them, so
that no request waits for a disk: what the thread cannot keep up with is left out and counted. A file is written under a
hidden name and gets its own when it is whole, so that a killed server leaves no half file under a name that anyone
reads; what it leaves is `.*.partial`, and may be deleted.
"""

from __future__ import annotations

import logging
import os
import queue
import random
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from grpc import StatusCode

from schema.errors import UsageError

log = logging.getLogger(__name__)

Kind = Literal["predict", "classify", "regress", "multi_inference"]
FRAME = 16  # bytes of a TFRecord beside its content
WARM_UP_RECORDS = 1000  # more in one file and TensorFlow Serving does not load the model
COLLECTOR = "tfrecord"
CLOSE_SECONDS = 10.0


class Serializable(Protocol):
    """A message of protocol buffers, or what makes one when it is asked."""

    def SerializeToString(self) -> bytes:
        """Returns it as bytes; called in the log's own thread."""


@dataclass(frozen=True, slots=True)
class Serialized:
    """A message that is bytes already."""

    data: bytes

    def SerializeToString(self) -> bytes:
        """Returns them."""
        return self.data


Logger = Callable[[str, str, Serializable, Serializable], None]  # an API's name, a model's, a request and its answer


def log_nothing(api: str, model_name: str, request: Serializable, response: Serializable) -> None:
    """Forgets a request."""
    del api, model_name, request, response


@dataclass(frozen=True)
class RequestLogOptions:
    """Where a log goes and how much of it there is.

    Attributes:
      prefix: what its files' names begin with, after their folder.
      sampling_rate: the part of requests that are logged, 0 to 1.
      max_records: in a file; 1000 for one that TensorFlow Serving takes as warm-up.
      max_bytes: of a file, which the last record may pass.
      max_seconds: from a file's first record to its end.
      max_waiting: records that wait to be written; more are dropped.
    """

    prefix: Path
    sampling_rate: float = 1.0
    max_records: int = WARM_UP_RECORDS
    max_bytes: int = 64 << 20
    max_seconds: float = 300.0
    max_waiting: int = 256

    def __post_init__(self) -> None:
        if not 0 <= self.sampling_rate <= 1:
            raise UsageError(f"sampling_rate is {self.sampling_rate}; legal is 0 (nothing) to 1 (all requests).")
        for name in ("max_records", "max_bytes", "max_seconds", "max_waiting"):
            if getattr(self, name) <= 0:
                raise UsageError(f"{name} is {getattr(self, name)}; it must be more than 0.")


def make_folder(folder: Path) -> None:
    """Makes the folder of a log, if there is none.

    Raises:
      UsageError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The request log's folder cannot be made: {error}.") from None


def options_of(config: Any) -> RequestLogOptions:
    """Returns what a `logging_config` of a model server's configuration asks for, a LoggingConfig message.

    Raises:
      UsageError: it asks for what there is not.
    """
    collector = config.log_collector_config
    if collector.type not in {"", COLLECTOR}:
        raise UsageError(f"log_collector_config has type {collector.type!r}; legal here: {COLLECTOR!r}.")
    if not collector.filename_prefix:
        raise UsageError("log_collector_config has no filename_prefix; give a folder and what files' names begin with.")
    return RequestLogOptions(Path(collector.filename_prefix), config.sampling_config.sampling_rate)


def _ignore(_: StatusCode) -> None:
    """Does nothing with what has become of a record."""


class RequestLog:
    """Writes a sample of a model's requests and answers. Safe for threads.

    Args:
      options: where, and how much.
      observe: is told of each sampled request OK when it is written, RESOURCE_EXHAUSTED when it is dropped, INTERNAL
        when the disk refused it.
      chance: returns numbers in [0, 1).

    Raises:
      UsageError: the folder cannot be made.
    """

    def __init__(
        self,
        options: RequestLogOptions,
        observe: Callable[[StatusCode], None] = _ignore,
        chance: Callable[[], float] = random.random,
    ) -> None:
        make_folder(options.prefix.parent)
        self._rate = options.sampling_rate
        self._observe = observe
        self._chance = chance
        self._closed = False
        self._waiting: queue.Queue[_Entry | None] = queue.Queue(options.max_waiting)
        writer = _Writer(options, self._waiting, observe)
        self._thread = threading.Thread(target=writer.serve, name=f"request log {options.prefix.name}", daemon=True)
        self._thread.start()

    def add(self, kind: Kind, request: Serializable, response: Serializable) -> None:
        """Logs a request, or not, as chance has it. Never waits; neither message may change afterwards."""
        if self._closed or self._chance() >= self._rate:
            return
        try:
            self._waiting.put_nowait(_Entry(kind, request, response, int(time.time()), self._rate))
        except queue.Full:
            self._observe(StatusCode.RESOURCE_EXHAUSTED)

    def close(self) -> None:
        """Writes what waits and gives the last file its name; returns after ten seconds even if a disk hangs."""
        if self._closed:
            return
        self._closed = True
        try:
            self._waiting.put(None, timeout=CLOSE_SECONDS)
        except queue.Full:
            log.warning("the request log's disk hangs; %d records are lost", self._waiting.qsize())
            return
        self._thread.join(CLOSE_SECONDS)


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: Kind
    request: Serializable
    response: Serializable
    seconds: int
    rate: float

    def record(self) -> bytes:
        from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

        entry = PredictionLog()
        part = getattr(entry, f"{self.kind}_log")
        part.request.MergeFromString(self.request.SerializeToString())
        part.response.MergeFromString(self.response.SerializeToString())
        entry.log_metadata.timestamp_secs = self.seconds
        entry.log_metadata.sampling_config.sampling_rate = self.rate
        answers = part.response.results if self.kind == "multi_inference" else [part.response]
        for answer in answers[:1]:
            entry.log_metadata.model_spec.CopyFrom(answer.model_spec)
        record: bytes = entry.SerializeToString()
        return record


class _Writer:
    """The log's thread: takes entries and puts them into files."""

    def __init__(
        self,
        options: RequestLogOptions,
        waiting: queue.Queue[_Entry | None],
        observe: Callable[[StatusCode], None],
    ) -> None:
        self._options = options
        self._waiting = waiting
        self._observe = observe
        self._process = uuid.uuid4().hex[:8]  # no two servers write into one file, even as process 1 of two containers
        self._number = 0
        self._file: _RecordFile | None = None

    def serve(self) -> None:
        """Writes until it is given None."""
        while True:
            try:
                entry = self._waiting.get(timeout=self._patience())
            except queue.Empty:
                self._publish()
                continue
            if entry is None:
                self._publish()
                return
            self._observe(self._write(entry))

    def _write(self, entry: _Entry) -> StatusCode:
        try:
            record = entry.record()
        except Exception:  # whatever a message is: the log goes on, and requests all the more
            log.exception("a request was not logged")
            return StatusCode.INTERNAL
        try:
            self._file = self._file or _RecordFile(self._next_name())
            self._file.write(record)
        except Exception:  # as above, with whatever a disk is
            log.exception("%d logged requests are lost", self._unpublished() + 1)
            self._discard()
            return StatusCode.INTERNAL
        if self._is_full(self._file):
            self._publish()
        return StatusCode.OK

    def _is_full(self, file: _RecordFile) -> bool:
        options = self._options
        return file.records >= options.max_records or file.size >= options.max_bytes or self._patience() == 0

    def _publish(self) -> None:
        if self._file is None:
            return
        try:
            self._file.publish()
        except Exception:  # as in _write
            log.exception("%d logged requests are lost", self._unpublished())
            self._discard()
        self._file = None

    def _unpublished(self) -> int:
        return self._file.records if self._file else 0

    def _discard(self) -> None:
        """Ends a file that the disk refused: its last record may be cut off."""
        if self._file:
            self._file.discard()
        self._file = None

    def _patience(self) -> float | None:
        """How long the file that is written may still grow, in seconds; None when there is none."""
        if self._file is None:
            return None
        return max(self._file.opened + self._options.max_seconds - time.monotonic(), 0)

    def _next_name(self) -> Path:
        self._number += 1
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        prefix = self._options.prefix
        return prefix.with_name(f"{prefix.name}-{now}-{self._process}-{self._number:05d}.tfrecord")


class _RecordFile:
    """A file of TFRecords that has its name only when it is whole."""

    def __init__(self, final: Path) -> None:
        from tensorflow import io

        self._final = final
        self._partial = final.with_name(f".{final.name}.partial")
        self._writer = io.TFRecordWriter(str(self._partial))
        self.opened = time.monotonic()
        self.records = 0
        self.size = 0

    def write(self, record: bytes) -> None:
        self._writer.write(record)
        self.records += 1
        self.size += len(record) + FRAME

    def publish(self) -> None:
        self._writer.close()
        with self._partial.open("rb") as file:
            os.fsync(file.fileno())  # or a machine that loses power might keep the name and not what is in it
        self._partial.replace(self._final)

    def discard(self) -> None:
        with suppress(OSError):
            self._partial.unlink()
