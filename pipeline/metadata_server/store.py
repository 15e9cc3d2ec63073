"""The store behind the server: MLMD's C++ library, which takes and gives serialized messages."""

from __future__ import annotations

import logging
import threading
from typing import Any

from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from ml_metadata import errors
from ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store as library
from ml_metadata.proto import metadata_store_pb2, metadata_store_service_pb2

from pipeline.mlmd_repairs import in_order_of_ids, restore_backslashes, without_backslashes

SERVICE = metadata_store_service_pb2.DESCRIPTOR.services_by_name["MetadataStoreService"]
log = logging.getLogger(__name__)
MAY_BE_LOST = (errors.ABORTED, errors.UNAVAILABLE, errors.INTERNAL, errors.UNKNOWN)
PROBE = ("GetContextTypes", b"")


class StoreError(Exception):
    """A call that the store refuses, with a code of absl's, which are gRPC's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Store:
    """One connection, used by one call at a time, and made again when the database has been away.

    The library keeps Python's lock through a call, so that more connections would wait for each other all the same;
    and a transaction of SQLite's that meets another one fails.

    Args:
      connection: to the database; MLMD makes its tables if they are not there.

    Raises:
      RuntimeError: the library cannot connect.
    """

    def __init__(self, connection: metadata_store_pb2.ConnectionConfig) -> None:
        self._connection = connection.SerializeToString()
        self._needs_repairs = connection.HasField("postgresql")
        self._lock = threading.Lock()
        self._store: Any = self._connect()

    def call(self, method: str, request: bytes) -> bytes:
        """Returns the serialized response to a serialized request.

        Raises:
          StoreError: the library's own; UNAVAILABLE where the database has gone.
        """
        if not self._needs_repairs:
            return self._call(method, request)
        question, answer = (message() for message in _messages(method))
        try:
            question.ParseFromString(request)
        except DecodeError:
            raise StoreError(errors.INVALID_ARGUMENT, "Could not parse proto") from None
        answer.ParseFromString(self._call(method, without_backslashes(question).SerializeToString()))
        restore_backslashes(answer)
        in_order_of_ids(question, answer)
        return bytes(answer.SerializeToString())

    def _call(self, method: str, request: bytes) -> bytes:
        with self._lock:
            if self._store is None:
                self._store = self._connect_again()
            response, message, code = getattr(library, method)(self._store, request)
            if code in MAY_BE_LOST and self._is_lost(method):
                self._store = None
                code, message = errors.UNAVAILABLE, b"the database has gone: " + message
        if code != errors.OK:
            raise StoreError(code, message.decode(errors="replace"))
        return bytes(response)

    def _is_lost(self, method: str) -> bool:
        """Whether the connection is of no use any more: nothing else tells an error of the call's from one of its."""
        _, message, code = getattr(library, PROBE[0])(self._store, PROBE[1])
        if code != errors.OK:
            log.warning("%s failed, for the database has gone: %s", method, message.decode(errors="replace"))
        return bool(code != errors.OK)

    def _connect(self) -> Any:
        return library.CreateMetadataStore(self._connection, metadata_store_pb2.MigrationOptions().SerializeToString())

    def _connect_again(self) -> Any:
        try:
            store = self._connect()
        except RuntimeError as error:
            raise StoreError(errors.UNAVAILABLE, f"the database does not answer: {error}") from None
        log.info("The database is back.")
        return store


def _messages(method: str) -> tuple[type[Message], type[Message]]:
    """The classes of a method's request and response."""
    found = SERVICE.methods_by_name[method]
    return GetMessageClass(found.input_type), GetMessageClass(found.output_type)
