"""Unary methods of gRPC, answered by the threads that wait for requests.

grpc.server has one thread that waits, and wakes another for a request, twice: that is 240 µs of CPU for a call that
does nothing, where this takes 100 with one call in flight and 50 with sixteen. All threads wait on one completion queue
of gRPC's core; the one that gets a request runs the method and sends the answer, and the core lets the next one wait.

The core is reached by grpc._cython.cygrpc, which is private: its shape is that of the grpcio that is locked. The terms
are those of include/grpc/grpc.h. A server stops its other methods and these together, as it does without them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from grpc import StatusCode
from grpc._cython import cygrpc

from serving.server.status import StatusError

Method = Callable[[bytes, float | None], bytes]
log = logging.getLogger(__name__)
LONGEST_MESSAGE = 1024  # characters of an error, as upstream cuts them
FOR_EVER = 1e9  # seconds; gRPC gives the largest number there is to a call without a deadline
NO_FLAGS = 0
NO_METADATA = None
CompletionType = cygrpc.CompletionType
NO_MESSAGE = "The method requires exactly one request message."
CALLS_AHEAD = 256  # of each method, that may wait for a thread: a server that stops answers them too
POLL_SECONDS = 0.2  # as often as the core looks up from waiting by itself


class DirectMethods:
    """Adds methods to a server: the request's bytes and its deadline (time.monotonic's) in, the response's bytes out.

    A StatusError that a method raises is the call's status, a DecodeError and anything else is INTERNAL.
    """

    def __init__(self, server: grpc.Server, methods: Mapping[str, Method], threads: int) -> None:
        """Registers the methods, by path, with a server that has not started."""
        self._server = server._cy_server  # noqa: SLF001  # see above
        self._queue = cygrpc.CompletionQueue()
        self._is_closed = False
        self._server.register_completion_queue(self._queue)
        self._methods = methods
        for path in methods:
            self._server.register_method(path)
        self._threads = [
            threading.Thread(target=self._answer_all, name=f"grpc_{number}", daemon=True) for number in range(threads)
        ]

    def start(self) -> None:
        """Answers, from when the server has started."""
        for path in self._methods:
            for _ in range(CALLS_AHEAD):
                self._request_call(path)
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Ends the threads, once the server has stopped; waits for methods that run."""
        self._is_closed = True
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self._queue.shutdown()  # not before, for the core aborts the process where a call goes on after that
        while self._queue.poll(None).completion_type != CompletionType.queue_shutdown:
            pass

    def _answer_all(self) -> None:
        while not self._is_closed:
            event = self._queue.poll(time.time() + POLL_SECONDS)
            if event.completion_type == CompletionType.operation_complete:
                self._go_on(event)
            del event  # it holds a call, and a server ends when there is none

    def _go_on(self, event: Any) -> None:
        try:
            event.tag(event)
        except Exception:
            log.exception("a call failed in a way that was not foreseen")

    def _request_call(self, path: str) -> None:
        self._server.request_registered_call(self._queue, self._queue, path, partial(self._accept, path))

    def _accept(self, path: str, event: Any) -> None:
        if not event.success:  # the server is being stopped
            return
        with suppress(ValueError):  # it is, and takes no more
            self._request_call(path)
        received = partial(_answer, self._methods[path], event.call, event.call_details.deadline)
        event.call.start_server_batch((cygrpc.ReceiveMessageOperation(NO_FLAGS),), received)


def _answer(method: Method, call: Any, deadline: float, event: Any) -> None:
    left = deadline - time.time()
    code, details, response = _result(method, event.batch_operations[0].message(), left if left < FOR_EVER else None)
    status = cygrpc.SendStatusFromServerOperation(
        NO_METADATA, code.value[0], details.encode("utf-8", "replace"), NO_FLAGS
    )
    message = () if response is None else (cygrpc.SendMessageOperation(response, NO_FLAGS),)
    head = cygrpc.SendInitialMetadataOperation(NO_METADATA, NO_FLAGS)
    call.start_server_batch((head, *message, status, cygrpc.ReceiveCloseOnServerOperation(NO_FLAGS)), _end)


def _end(event: Any) -> None:
    """The client has its answer, or has gone."""


def _result(method: Method, request: bytes | None, left: float | None) -> tuple[StatusCode, str, bytes | None]:
    if request is None:
        return StatusCode.UNIMPLEMENTED, NO_MESSAGE, None
    try:
        return StatusCode.OK, "", method(request, None if left is None else time.monotonic() + left)
    except StatusError as error:
        return error.code, cut(error.message), None
    except DecodeError as error:
        return StatusCode.INTERNAL, f"Error parsing the request: {error}", None
    except Exception as error:
        log.exception("a request failed in a way that was not foreseen")
        return StatusCode.INTERNAL, cut(f"{type(error).__name__}: {error}"), None


def cut(message: str) -> str:
    """Returns an error's message, no longer than clients get it."""
    return message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]}...TRUNCATED"
