"""Rows as what a signature takes: a tensor for each column, or serialised tf.Examples."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from schema import contract as contracts
from schema.column import Column
from schema.contract import Contract
from schema.errors import RowRefused, UsageError
from schema.names import identifier
from serving.checked import kinds_of
from serving.client.served import Metadata, Signature, Tensor
from serving.client.transport import Array
from serving.rows import Row

PREFERRED = ("predict_columns", "serving_default")
TYPES = {bool: "INT", int: "INT", float: "FLOAT"}  # what a value is to a tf.Example; others: BYTES
Feature = int | float | bytes
TAKES_EXAMPLES = ("examples", "inputs")  # what Penstock, and Classify and Regress, call serialised tf.Examples


class Inputs(Protocol):
    """How rows become a signature's inputs."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read, as far as they are known."""

    def check(self, row: Row) -> Any:
        """Returns a row as `encode` takes it.

        Raises:
          RowRefused: it is not what the signature takes.
        """

    def encode(self, rows: Sequence[Any]) -> dict[str, Array]:
        """Returns checked rows as the signature's inputs, each of shape [rows, ...]."""


def choose(metadata: Metadata, name: str | None) -> Signature:
    """Returns the signature of that name; without one predict_columns, serving_default, or the only one there is.

    Raises:
      UsageError: there is none such.
    """
    names = PREFERRED if name is None else (name,)
    found = next((metadata.signatures[one] for one in names if one in metadata.signatures), None)
    callable_ones = {one: signature for one, signature in metadata.signatures.items() if signature.inputs}
    if found is None and name is None and len(callable_ones) == 1:
        (found,) = callable_ones.values()
    if found is None:
        raise UsageError(
            f"{metadata.model!r}, version {metadata.version}, has no signature {' or '.join(map(repr, names))}. "
            f"It has: {', '.join(sorted(callable_ones)) or 'none'}."
        )
    return found


def inputs_of(metadata: Metadata, signature: Signature, version: Path | None) -> Inputs:
    """Returns how rows become a signature's inputs, held against the contract of the version's folder, if one is given.

    Raises:
      UsageError: rows cannot become them, or what the folder has is no contract.
    """
    by_column = metadata.signatures.get("predict_columns")
    if _takes_examples(signature):
        # What predict_columns takes as float64 are integers, which may be missing there: components/signatures.py.
        return Examples(next(iter(signature.inputs)), _contract(by_column, version, "INT") if by_column else None)
    for tensor in signature.inputs.values():
        if tensor.shape == () or tensor.numpy.kind == "c":
            raise UsageError(
                f"Signature {signature.name!r} takes {tensor.name!r}, {tensor.dtype} of shape {tensor.shape}, which "
                "is nothing that a row has. Use call()."
            )
    return Columns(signature, _contract(signature, version), takes_bytes=version is None)


class Columns:
    """One tensor for each column, as predict_columns takes them: "" and NaN say that a value is missing."""

    def __init__(self, signature: Signature, contract: Contract, *, takes_bytes: bool) -> None:
        self._contract = contract
        self._tensors = {identifier(name): tensor for name, tensor in signature.inputs.items()}
        self._arrays = [tensor for tensor in signature.inputs.values() if not tensor.is_column]
        self._takes_bytes = takes_bytes
        self._names = _Names((*(column.name for column in contract.columns), *signature.inputs))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it takes."""
        return (*(column.name for column in self._contract.columns), *(tensor.name for tensor in self._arrays))

    def check(self, row: Row) -> dict[str, Any]:
        """Returns the value of each tensor."""
        named = {name: row[key] for name, key in self._names.keys(row).items()}
        opaque = self._opaque(named)
        values: dict[str, Any] = self._contract.check({**named, **dict.fromkeys(opaque)} if opaque else named)
        arrays = {identifier(tensor.name): _array(named.get(tensor.name), tensor) for tensor in self._arrays}
        return values | {identifier(name): value for name, value in opaque.items()} | arrays

    def encode(self, rows: Sequence[dict[str, Any]]) -> dict[str, Array]:
        """Returns the tensors."""
        return {
            tensor.name: np.array([row[key] for row in rows], tensor.numpy) for key, tensor in self._tensors.items()
        }

    def _opaque(self, named: Row) -> dict[str, bytes]:
        """The bytes that are no text, such as an image, where the model may want such."""
        if not self._takes_bytes or bytes not in map(type, named.values()):
            return {}
        texts = {tensor.name for tensor in self._tensors.values() if tensor.dtype == "string" and tensor.is_column}
        return {name: value for name, value in named.items() if isinstance(value, bytes) and name in texts}


class Examples:
    """Serialised tf.Examples, as serving_default takes them; a missing value is a feature that is absent.

    A contract says what each column is; without one a value's own type does.
    """

    def __init__(self, tensor: str, contract: Contract | None) -> None:
        from tensorflow.core.example.example_pb2 import Example

        self._example = Example
        self._tensor = tensor
        self._contract = contract
        self._names = _Names(self.columns)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it takes, where a contract says it."""
        return tuple(column.name for column in self._contract.columns) if self._contract else ()

    def check(self, row: Row) -> bytes:
        """Returns the row as a serialised tf.Example."""
        example = self._example()
        for name, value in self._features(row):
            feature = example.features.feature[name]
            if isinstance(value, bytes):
                feature.bytes_list.value.append(value)
            elif isinstance(value, int):
                feature.int64_list.value.append(value)
            else:
                feature.float_list.value.append(value)
        return bytes(example.SerializeToString())

    def encode(self, rows: Sequence[bytes]) -> dict[str, Array]:
        """Returns the tensor."""
        return {self._tensor: np.array([*rows, None], object)[:-1]}

    def _features(self, row: Row) -> Iterator[tuple[str, Feature]]:
        if self._contract is None:
            for key, value in row.items():
                yield from _present(key, TYPES.get(type(value), "BYTES"), value)
            return
        keys = self._names.keys(row)
        values = self._contract.check({name: row[key] for name, key in keys.items()})
        for column in self._contract.columns:
            if column.name in keys:
                yield from _present(keys[column.name], column.kind, values[identifier(column.name)])


class _Names:
    """Finds the columns of a contract in a row, whose names may be those of tensors: mean_radius for "mean radius"."""

    def __init__(self, columns: Iterable[str]) -> None:
        self._columns = frozenset(columns)
        self._known = lru_cache(maxsize=64)(self._find)

    def keys(self, row: Row) -> dict[str, str]:
        """Returns for each column that the row has the row's own name of it."""
        return self._known(tuple(row))

    def _find(self, keys: tuple[Any, ...]) -> dict[str, str]:
        found = {identifier(key): key for key in keys if isinstance(key, str)}
        found |= {key: key for key in keys if isinstance(key, str)}
        return {name: found[name] for name in self._columns if name in found}


def _takes_examples(signature: Signature) -> bool:
    tensors = list(signature.inputs.values())
    return len(tensors) == 1 and tensors[0].dtype == "string" and tensors[0].name in TAKES_EXAMPLES


def _contract(signature: Signature, version: Path | None, wide: str = "NUMBER") -> Contract:
    """What the version's folder says of the columns, or else their types alone; `wide` is what a float64 is."""
    columns = [tensor for tensor in signature.inputs.values() if tensor.is_column]
    if version is not None:
        return contracts.read(version, kinds_of({tensor.name: tensor.dtype for tensor in columns}))
    return Contract(tuple(_column(tensor, wide) for tensor in columns))


def _column(tensor: Tensor, wide: str) -> Column:
    if tensor.dtype == "bool":
        return Column(tensor.name, "INT", required=True, least=0.0, most=1.0)
    if tensor.numpy.kind in "iu":
        bounds = np.iinfo(tensor.numpy)
        return Column(tensor.name, "INT", required=True, least=float(bounds.min), most=float(bounds.max))
    return Column(tensor.name, {"string": "BYTES", "float64": wide}.get(tensor.dtype, "FLOAT"))


def _present(name: str, kind: str, value: Any) -> Iterator[tuple[str, Feature]]:
    """The feature of a value, or none where it is missing."""
    if isinstance(value, bytes):
        yield name, value
        return
    checked = Column(name, kind).check(value)
    if isinstance(checked, str):
        if checked:
            yield name, checked.encode()
    elif not math.isnan(checked):
        yield name, int(value) if kind == "INT" else checked


def _array(value: Any, tensor: Tensor) -> Array:
    """One row's part of a tensor of several dimensions."""
    shape = (tensor.shape or ())[1:]
    try:
        array = np.array(value, tensor.numpy)
    except (TypeError, ValueError) as error:
        raise RowRefused(f"{tensor.name!r} is no {tensor.dtype} of shape {list(shape)}: {error}") from None
    if len(array.shape) != len(shape) or any(
        size not in (-1, given) for size, given in zip(shape, array.shape, strict=True)
    ):
        raise RowRefused(f"{tensor.name!r} has shape {list(array.shape)}, and the model takes {list(shape)}")
    return array
