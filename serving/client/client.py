"""A client of model servers: TensorFlow Serving, and Penstock's own.

with Client.rest("localhost:8501", "taxi") as client:
    for answer in client.predict([{"fare": 12.5, "payment_type": "Cash"}]):
        print(answer)
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from schema.errors import UsageError
from serving.checked import check_rows
from serving.client.address import check_grpc
from serving.client.batches import Answer, Asking, batched
from serving.client.flight import in_order
from serving.client.inputs import Inputs, choose, inputs_of
from serving.client.retry import Retry
from serving.client.rows import rows_of
from serving.client.served import Metadata, Signature, Target, VersionStatus
from serving.client.transport import Array, Transport

if TYPE_CHECKING:
    import grpc


RETRY = Retry()


class Options(TypedDict, total=False):
    """What every Client takes beside its address and its model."""

    version: int | None
    label: str | None
    signature: str | None
    contracts: Path | None
    timeout: float
    retry: Retry
    batch: int
    in_flight: int


class Client:
    """Asks one model of a server; it may be used by several threads.

    Args:
      transport: the way to the server; `Client.rest` and `Client.grpc` make one.
      model: the name under which the server has it.
      version: the version to ask; the latest by default.
      label: the version to ask, by its label.
      signature: what to call; by default predict_columns, serving_default, or the only one that there is.
      contracts: a folder of the model's versions, if there is one on this machine, such as var/taxi/serving/taxi: rows
        are held against the schema of the version that answers before they are sent. Without it their types, which the
        server tells, are all that is asked of them.
      timeout: seconds that a request may take.
      retry: when and how often one is sent again.
      batch: rows in a request.
      in_flight: requests at once.

    Raises:
      UsageError: what is given cannot be so.
    """

    def __init__(
        self,
        transport: Transport,
        model: str,
        *,
        version: int | None = None,
        label: str | None = None,
        signature: str | None = None,
        contracts: Path | None = None,
        timeout: float = 30.0,
        retry: Retry = RETRY,
        batch: int = 256,
        in_flight: int = 4,
    ) -> None:
        _check_positive(timeout=timeout, batch=batch, in_flight=in_flight)
        self._transport = transport
        self._target = Target(model, version, label)
        self._signature = signature
        self._contracts = contracts
        self._timeout = timeout
        self._retry = retry
        self._batch = batch
        self._in_flight = in_flight
        self._metadata: Metadata | None = None

    @classmethod
    def rest(
        cls,
        address: str,
        model: str,
        *,
        token: str | None = None,
        verify: ssl.SSLContext | bool = True,
        **options: Unpack[Options],
    ) -> Self:
        """Returns a client over REST; `address` is host:port or a URL, `token` a bearer token, `verify` as in httpx."""
        from serving.client.over_rest import RestTransport

        return cls(RestTransport(address, token=token, verify=verify), model, **options)

    @classmethod
    def grpc(
        cls,
        address: str,
        model: str,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        **options: Unpack[Options],
    ) -> Self:
        """Returns a client over gRPC; `address` is host:port, `credentials` those of `grpc.ssl_channel_credentials`."""
        check_grpc(address)  # before TensorFlow is imported, which the stubs do
        from serving.client.over_grpc import GrpcTransport

        return cls(GrpcTransport(address, credentials=credentials), model, **options)

    def predict(self, rows: Any, *, timeout: float | None = None) -> Iterator[Answer]:
        """Returns for each row, in order, its prediction, or {"error": why it gets none} with its number from 1.

        Rows are dicts by column, a pandas DataFrame, or a pyarrow Table or RecordBatch. Absent columns, None, "" and
        NaN are missing values; columns that the model lacks are ignored. Rows are read as answers are taken. Where the
        server refuses a batch, it is halved until the row is found that it is refused for.

        Raises:
          ServerError: the server does not answer; while iterating too.
          UsageError: the model has no such signature, or `rows` are none.
        """
        given = rows_of(rows)
        signature, inputs = self._inputs()
        ask = partial(self._ask, signature, timeout=timeout or self._timeout)
        asking = Asking(inputs, ask, self._transport.address)
        checked = enumerate(check_rows(inputs.check, given), start=1)
        batches = in_order(asking.answers, batched(checked, self._batch), self._in_flight)
        return chain.from_iterable(batches)

    def call(
        self, inputs: Mapping[str, npt.ArrayLike], signature: str | None = None, *, timeout: float | None = None
    ) -> dict[str, Array]:
        """Returns the outputs of a signature for its inputs, as arrays; texts are arrays of bytes.

        Raises:
          ServerError: the server does not answer.
          UsageError: the model has no such signature, or the signature no such input.
        """
        chosen = choose(self._metadata or self.metadata(), signature or self._signature)
        unknown = sorted(set(inputs) - set(chosen.inputs))
        if unknown:
            raise UsageError(
                f"Signature {chosen.name!r} has no input {unknown[0]!r}. It has: {', '.join(sorted(chosen.inputs))}."
            )
        arrays = {name: np.asarray(value, chosen.inputs[name].numpy) for name, value in inputs.items()}
        return self._ask(chosen, arrays, timeout or self._timeout)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that rows may have; none where the signature takes tf.Examples and nothing says of what."""
        return self._inputs()[1].columns

    def metadata(self) -> Metadata:
        """Returns the version that answers, with its signatures, asked anew; `predict` goes by it from then on.

        Raises:
          ServerError: the server does not answer.
        """
        self._metadata = self._retry.call(lambda: self._transport.metadata(self._target, self._timeout))
        return self._metadata

    def status(self) -> tuple[VersionStatus, ...]:
        """Returns how each of the model's versions fares, or the one that this client asks.

        Raises:
          ServerError: the server does not answer.
        """
        return self._retry.call(lambda: self._transport.status(self._target, self._timeout))

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _inputs(self) -> tuple[Signature, Inputs]:
        """The signature that rows are for, and how they become its inputs."""
        metadata = self._metadata or self.metadata()
        signature = choose(metadata, self._signature)
        version = self._contracts / str(metadata.version) if self._contracts else None
        return signature, inputs_of(metadata, signature, version if version and version.is_dir() else None)

    def _ask(self, signature: Signature, inputs: Mapping[str, Array], timeout: float) -> dict[str, Array]:
        return self._retry.call(lambda: self._transport.predict(self._target, signature, inputs, timeout))


def _check_positive(**settings: float) -> None:
    for name, value in settings.items():
        if not value > 0:
            raise UsageError(f"{name} is {value}, and must be more than 0.")
