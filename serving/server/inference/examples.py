"""What Classify, Regress and MultiInference have in common: a signature that takes serialised tf.Examples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tensorflow.core.framework.types_pb2 import DataType

from serving.server.protos.wire_pb2 import Input
from serving.server.servable import Array, Servable, Signature
from serving.server.status import failed_precondition, invalid_argument
from serving.server.tensors import NUMBERS, STRING

INPUTS = "inputs"


def serialized(request: Input) -> Sequence[bytes]:
    """Returns the serialised tf.Examples of a request, each with the context in front, which it overrides.

    Raises:
      StatusError: there are none.
    """
    listed = request.example_list.examples or request.example_list_with_context.examples
    if not listed:
        raise invalid_argument("Input is empty.")
    context = request.example_list_with_context.context
    return [context + example for example in listed] if context else list(listed)


def signature_of(servable: Servable, key: str) -> Signature:
    """Returns a signature by its name.

    Raises:
      StatusError: the model has none of that name.
    """
    signature = servable.signatures.get(key)
    if signature is None:
        raise invalid_argument(f"No signature was found with the name: {key}")
    return signature


def check_input(signature: Signature, task: str, method: str) -> None:
    """Checks that a signature takes one tensor, `inputs`, and is of that method if that matters.

    Raises:
      StatusError: it does not.
    """
    if signature.is_strict and signature.method_name != method:
        raise invalid_argument(f"Expected {task} signature method_name to be {method}. Was: {signature.method_name}")
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if INPUTS not in signature.inputs:
        raise failed_precondition(f"No {task} inputs found in SignatureDef: {signature.key}")


def run(
    servable: Servable, signature: Signature, aliases: Sequence[str], examples: Sequence[bytes], deadline: float | None
) -> list[Array]:
    """Returns the outputs `aliases` of a signature for serialised tf.Examples.

    Raises:
      StatusError: the graph cannot be run on them.
    """
    fetches = tuple(signature.outputs[alias].name for alias in aliases)
    return servable.session.run((signature.inputs[INPUTS].name,), [fed(examples)], fetches, deadline)


def fed(examples: Sequence[bytes]) -> Array:
    """Returns serialised tf.Examples as an array of texts, shape [n]."""
    array = np.empty(len(examples), object)
    array[:] = examples
    return array


def shape_text(array: Array) -> str:
    """Returns a shape as TensorFlow writes it, `[2,3]`."""
    return f"[{','.join(map(str, array.shape))}]"


def type_name(array: Array) -> str:
    """Returns a type's name as tensorflow.DataType has it, `DT_FLOAT`."""
    number = STRING if array.dtype == object else NUMBERS.get(array.dtype, 0)
    name: str = DataType.Name(number)
    return name
