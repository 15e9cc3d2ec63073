"""One JSON value to the values of a tensor, element by element, with upstream's message for what is wrong.

FillTensorProto and AddInstanceItem of tensorflow_serving/util/json_tensor.cc. `columns` does the same many times as
fast for all that is right, so this runs for what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from serving.server.rest import columns
from serving.server.rest.json_text import echo, kind_of
from serving.server.servable import Array
from serving.server.status import StatusError, invalid_argument, unimplemented

Shape = tuple[int, ...]


def array(value: Any, dtype: int) -> Array:
    """Returns a value, or nested lists of them, as an array.

    Raises:
      StatusError: its lists are not of one size a level, or an element is not what the type takes.
    """
    values, shape = flat(value, dtype)
    return made(values, shape, dtype)


def flat(value: Any, dtype: int) -> tuple[list[Any], Shape]:
    """Returns the elements of nested lists, and their shape, which that of each level's first one gives.

    Raises:
      StatusError: as `array`.
    """
    shape = _shape(value)
    elements: list[Any] = []
    _fill(value, 0, shape, dtype, elements)
    return elements, shape


def made(elements: list[Any], shape: Sequence[int], dtype: int) -> Array:
    """Returns checked elements as an array of a shape.

    Raises:
      StatusError: there is no tensor of the type in JSON.
    """
    converted = columns.array(elements, dtype)
    if converted is None:  # no element, so none was refused
        raise unimplemented(f"Conversion of JSON Value: [] to type: {_name(dtype)}")
    return converted.reshape(shape)


def _shape(value: Any) -> Shape:
    sizes: list[int] = []
    while type(value) is list:
        sizes.append(len(value))
        if len(sizes) >= columns.MOST_DIMENSIONS:  # in rows there is one more
            raise invalid_argument(f"Encountered lists nested deeper than {columns.MOST_DIMENSIONS} levels")
        if not value:
            break
        value = value[0]
    return tuple(sizes)


def _fill(value: Any, level: int, shape: Shape, dtype: int, elements: list[Any]) -> None:
    rank = len(shape)
    if type(value) is not list:
        if level != rank:
            raise invalid_argument(
                f"JSON Value: {echo(value)} found at incorrect level: {level + 1} in the JSON DOM. "
                f"Expected at level: {rank}"
            )
        _check(value, dtype)
        elements.append(value)
        return
    if level >= rank:
        raise invalid_argument(f"Encountered list at unexpected level: {level} expected < {rank}")
    if len(value) != shape[level]:
        raise invalid_argument(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
        )
    for element in value:
        _fill(element, level + 1, shape, dtype, elements)


def _check(value: Any, dtype: int) -> None:
    if dtype == columns.STRING and type(value) is dict:
        check_base64(value)
    elif dtype not in columns.NAMES and type(value) is not dict:
        raise unimplemented(f"Conversion of JSON Value: {echo(value)} to type: {_name(dtype)}")
    elif columns.array([value], dtype) is None:
        raise _wrong_type(value, dtype)


def check_base64(value: Any) -> bytes:
    """Returns the bytes of `{"b64": "..."}`.

    Raises:
      StatusError: it is none.
    """
    if not columns.is_base64(value):
        raise invalid_argument(f"JSON Value: {echo(value)} not formatted correctly for base64 data")
    try:
        return columns.base64(value)
    except ValueError:
        raise invalid_argument("Unable to base64 decode") from None


def _wrong_type(value: Any, dtype: int) -> StatusError:
    return invalid_argument(f"JSON Value: {echo(value)} Type: {kind_of(value)} is not of expected type: {_name(dtype)}")


def _name(dtype: int) -> str:
    if dtype in columns.NAMES:
        return columns.NAMES[dtype]
    from tensorflow.core.framework.types_pb2 import DataType

    return str(DataType.Name(dtype)).removeprefix("DT_").lower()
