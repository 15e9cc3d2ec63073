"""Bodies of predict requests to arrays (FillPredictRequestFromJson of tensorflow_serving/util/json_tensor.cc)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np

from serving.server.rest import columns, dense
from serving.server.rest.json_text import echo, parse
from serving.server.servable import Array, Signature, TensorInfo
from serving.server.status import StatusError, invalid_argument

Document = dict[str, Any]
Infos = Mapping[str, TensorInfo]
SIGNATURE, INSTANCES, INPUTS = "signature_name", "instances", "inputs"
NOT_SHAPED = "required as per tensorinfo_map"


def document(body: bytes) -> Document:
    """Returns a request.

    Raises:
      StatusError: it is no JSON object, or its signature's name is no text.
    """
    parsed = parse(body)
    if type(parsed) is not dict:
        raise invalid_argument(f"JSON Value: {echo(parsed)} Is not object")
    if type(parsed.get(SIGNATURE, "")) is not str:
        raise invalid_argument(
            f"JSON Value: {echo(parsed)} not formatted correctly. '{SIGNATURE}' key must be a string value."
        )
    return parsed


def in_rows(request: Document) -> bool:
    """Tells whether a request has `instances`, and its answer `predictions`, rather than `inputs` and `outputs`.

    Raises:
      StatusError: it has both or neither, or no list of instances.
    """
    if INSTANCES not in request:
        if INPUTS not in request:
            raise invalid_argument(f"Missing '{INPUTS}' or '{INSTANCES}' key")
        return False
    if INPUTS in request:
        both = f"Not formatted correctly expecting only one of '{INPUTS}' or '{INSTANCES}' keys to exist "
        raise invalid_argument(f"JSON Value: {echo(request)} {both}")
    if type(request[INSTANCES]) is not list:
        raise invalid_argument(f"JSON Value: {echo(request)} Expecting '{INSTANCES}' to be an list/array")
    if not request[INSTANCES]:
        raise invalid_argument(f"JSON Value: {echo(request)} No values in '{INSTANCES}' array")
    return True


@np.errstate(over="ignore")
def inputs(request: Document, signature: Signature) -> dict[str, Array]:
    """Returns the arrays that a request gives a signature's inputs, by alias and in the signature's order.

    Raises:
      StatusError: it does not fit the signature.
    """
    infos = signature.inputs
    if not infos:
        raise invalid_argument(f"Failed to get input map for signature: {request.get(SIGNATURE) or 'DEFAULT'}")
    if in_rows(request):
        return _of_rows(request[INSTANCES], infos)
    return _of_columns(request[INPUTS], infos)


def _of_columns(value: Any, infos: Infos) -> dict[str, Array]:
    if _is_object(value):
        for alias in infos:
            if alias not in value:
                raise invalid_argument(f"Missing named input: {alias} in 'inputs' object.")
        return {alias: _tensor(value[alias], info.dtype) for alias, info in infos.items()}
    if len(infos) > 1:
        raise invalid_argument(
            f"inputs is a plain value/list, but expecting an object as multiple input tensors {NOT_SHAPED}"
        )
    return {alias: _tensor(value, info.dtype) for alias, info in infos.items()}


def _tensor(value: Any, dtype: int) -> Array:
    converted = columns.array(value, dtype) if type(value) is list else None
    return dense.array(value, dtype) if converted is None else converted


def _of_rows(rows: list[Any], infos: Infos) -> dict[str, Array]:
    if type(rows[0]) is not dict and len(infos) > 1:
        raise invalid_argument(
            f"instances is a plain list, but expecting list of objects as multiple input tensors {NOT_SHAPED}"
        )
    if _is_object(rows[0]):
        return _regular(rows, infos) or _Rows(infos).of_objects(rows)
    alias, info = next(iter(infos.items()))
    plain = columns.array(rows, info.dtype)
    return _Rows(infos).of_values(rows, alias) if plain is None else {alias: plain}


def _regular(rows: list[Any], infos: Infos) -> dict[str, Array] | None:
    """Returns the inputs' arrays, or None when rows are unlike each other or values are not what an input takes."""
    if set(map(type, rows)) != {dict} or set(map(len, rows)) != {len(infos)}:
        return None
    try:
        if len(infos) == 1:
            table = [list(map(itemgetter(*infos), rows))]
        else:
            table = list(map(list, zip(*map(itemgetter(*infos), rows), strict=True)))
    except KeyError:
        return None
    arrays: dict[str, Array] = {}
    for (alias, info), column in zip(infos.items(), table, strict=True):
        converted = columns.array(column, info.dtype)
        if converted is None:
            return None
        arrays[alias] = converted
    return arrays


def _is_object(value: Any) -> bool:
    return type(value) is dict and not columns.is_base64(value)


@dataclass
class _Rows:
    """What the rows read so far have given each input, in upstream's order of checks."""

    infos: Infos
    elements: dict[str, list[Any]] = field(default_factory=dict)
    shapes: dict[str, dense.Shape] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def of_objects(self, rows: list[Any]) -> dict[str, Array]:
        for number, row in enumerate(rows):
            if not _is_object(row):
                raise invalid_argument(f"Expecting object but got list at item {number} of input list")
            for alias, value in row.items():
                try:
                    self._add(alias, value)
                except StatusError as error:
                    raise _failed(f"{number} key: {alias}", error) from None
            if row.keys() != self.infos.keys():
                raise invalid_argument(
                    f"Failed to process element: {number} of 'instances' list. JSON object: {echo(row)} "
                    f"keys must be equal to: {','.join(sorted(self.infos))}"
                )
        return self._arrays(len(rows))

    def of_values(self, rows: list[Any], alias: str) -> dict[str, Array]:
        for number, row in enumerate(rows):
            if _is_object(row):
                raise invalid_argument(f"Expecting value/list but got object at item {number} of input list")
            try:
                self._add(alias, row)
            except StatusError as error:
                raise _failed(str(number), error) from None
        return self._arrays(len(rows))

    def _add(self, alias: str, value: Any) -> None:
        if alias not in self.infos:
            raise invalid_argument(f"JSON object: does not have named input: {alias}")
        elements, shape = dense.flat(value, self.infos[alias].dtype)
        expected = self.shapes.setdefault(alias, shape)
        size = self.sizes.setdefault(alias, len(elements))
        if len(elements) != size:
            raise invalid_argument(f"Expecting tensor size: {size} but got: {len(elements)}")
        if shape != expected:
            raise invalid_argument(f"Expecting shape {_brackets(expected)} but got: {_brackets(shape)}")
        self.elements.setdefault(alias, []).extend(elements)

    def _arrays(self, count: int) -> dict[str, Array]:
        return {
            alias: dense.made(self.elements[alias], (count, *self.shapes[alias]), info.dtype)
            for alias, info in self.infos.items()
        }


def _failed(element: str, error: StatusError) -> StatusError:
    return invalid_argument(
        f"Failed to process element: {element} of 'instances' list. Error: {error.code.name}: {error.message}"
    )


def _brackets(shape: dense.Shape) -> str:
    return f"[{','.join(map(str, shape))}]"
