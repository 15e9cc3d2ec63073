"""MLMD's gRPC service (ml_metadata/proto/metadata_store_service.proto): each method is the library's of that name."""

from __future__ import annotations

import logging
from collections.abc import Callable

import grpc
from ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store as library

from pipeline.metadata_server.store import SERVICE, Store, StoreError

log = logging.getLogger(__name__)
STATUSES = {status.value[0]: status for status in grpc.StatusCode}
Answer = Callable[[bytes, grpc.ServicerContext], bytes]


def handlers(store: Store) -> grpc.GenericRpcHandler:
    """Returns what answers the service's methods; bytes go through as they are, for the library reads them itself."""
    methods = {method.name: _method(store, method.name) for method in SERVICE.methods}
    rpcs = {name: grpc.unary_unary_rpc_method_handler(answer) for name, answer in methods.items()}
    return grpc.method_handlers_generic_handler(SERVICE.full_name, rpcs)


def _method(store: Store, name: str) -> Answer:
    if not hasattr(library, name):
        return _unknown(name)

    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            return store.call(name, request)
        except StoreError as error:
            log.debug("%s: %s", name, error)
            context.abort(STATUSES.get(error.code, grpc.StatusCode.UNKNOWN), str(error))
            raise  # which abort has done

    return answer


def _unknown(name: str) -> Answer:
    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        del request
        context.abort(grpc.StatusCode.UNIMPLEMENTED, f"The ml-metadata library that this server uses has no {name}.")
        raise AssertionError

    return answer
