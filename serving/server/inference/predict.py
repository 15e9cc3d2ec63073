"""Predict: named tensors in, named tensors out (tensorflow_serving/servables/tensorflow/predict_util.cc)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from grpc import StatusCode

from serving.server.servable import Array, Servable, Signature
from serving.server.status import StatusError, invalid_argument

DEFAULT_SIGNATURE = "serving_default"
METHODS = tuple(f"tensorflow/serving/{method}" for method in ("predict", "classify", "regress"))


def run(
    servable: Servable,
    signature: Signature,
    inputs: Mapping[str, Array],
    outputs: Sequence[str] | None = None,
    deadline: float | None = None,
) -> dict[str, Array]:
    """Returns the outputs of a signature by alias: those that are named, or all.

    `deadline` is in the seconds of time.monotonic(). No shape is checked: the graph says what it can take.

    Raises:
      StatusError: an input lacks or is none of the signature's, an output is none, or the graph cannot be run on them.
    """
    _check_method(signature)
    if inputs.keys() != signature.inputs.keys():
        inputs = _with_defaults(signature, inputs)
    values = [inputs[alias] for alias in signature.inputs]
    if not outputs:
        arrays = servable.session.run(signature.feeds, values, signature.fetches, deadline)
        return dict(zip(signature.outputs, arrays, strict=True))
    fetches = _checked_outputs(signature, outputs)
    return dict(zip(outputs, servable.session.run(signature.feeds, values, fetches, deadline), strict=True))


def _check_method(signature: Signature) -> None:
    if signature.is_strict and signature.method_name not in METHODS:
        raise StatusError(
            StatusCode.INTERNAL,
            f"Expected prediction signature method_name to be one of {{{', '.join(METHODS)}}}. "
            f"Was: {signature.method_name}",
        )


def _with_defaults(signature: Signature, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
    """Returns the inputs and what a signature has for those that lack; GetInputValues of tensorflow/cc/saved_model."""
    given, taken = sorted(inputs), sorted(signature.inputs)
    if len(given) > len(taken) or (len(given) < len(taken) and not signature.defaults):
        raise invalid_argument(
            f"input size does not match signature: {len(given)}!={len(taken)} "
            f"len({_braced(given)}) != len({_braced(taken)}). "
            f"Sent extra: {_braced(sorted(set(given) - set(taken)))}. "
            f"Missing but required: {_braced(sorted(set(taken) - set(given)))}."
        )
    for alias, info in signature.inputs.items():
        if alias not in inputs and alias not in signature.defaults:
            raise invalid_argument(
                f"Signature input alias: {alias}(feed name: {info.name}) not found in request and no default value "
                f"provided. Inputs expected to be in the request {_braced(given)}, or default input alias set: "
                + ",".join(sorted(signature.defaults))
            )
    if not inputs.keys() <= signature.inputs.keys():
        raise invalid_argument(
            "Inputs contains invalid name. Used request inputs: "
            f"{','.join(sorted(set(given) & set(taken)))}, request input: {','.join(given)}"
        )
    return {**signature.defaults, **inputs}


def _checked_outputs(signature: Signature, outputs: Collection[str]) -> tuple[str, ...]:
    seen: set[str] = set()
    for alias in outputs:
        if alias not in signature.outputs:
            raise invalid_argument(
                f"output tensor alias not found in signature: {alias} "
                f"Outputs expected to be in the set {_braced(sorted(signature.outputs))}."
            )
        if alias in seen:
            raise invalid_argument(f"duplicate output tensor alias: {alias}")
        seen.add(alias)
    return tuple(signature.outputs[alias].name for alias in outputs)


def _braced(names: Iterable[str]) -> str:
    return f"{{{','.join(names)}}}"
