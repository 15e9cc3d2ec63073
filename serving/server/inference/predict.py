"""Predict: named tensors in, named tensors out (tensorflow_serving/servables/tensorflow/predict_util.cc)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from serving.server.servable import Array, Servable, Signature
from serving.server.status import invalid_argument

DEFAULT_SIGNATURE = "serving_default"


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
    if inputs.keys() != signature.inputs.keys():
        inputs = _with_defaults(signature, inputs)
    values = [inputs[alias] for alias in signature.inputs]
    if not outputs:
        arrays = servable.session.run(signature.feeds, values, signature.fetches, deadline)
        return dict(zip(signature.outputs, arrays, strict=True))
    fetches = _checked_outputs(signature, outputs)
    return dict(zip(outputs, servable.session.run(signature.feeds, values, fetches, deadline), strict=True))


def _with_defaults(signature: Signature, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
    required = signature.inputs.keys() - signature.defaults.keys()
    extra, missing = sorted(inputs.keys() - signature.inputs.keys()), sorted(required - inputs.keys())
    if not extra and not missing:
        return {alias: array for alias, array in signature.defaults.items() if alias not in inputs} | dict(inputs)
    if len(inputs) != len(signature.inputs):
        raise invalid_argument(
            f"input size does not match signature: {len(inputs)}!={len(signature.inputs)} "
            f"len({_braced(sorted(inputs))}) != len({_braced(sorted(signature.inputs))}). "
            f"Sent extra: {_braced(extra)}. Missing but required: {_braced(missing)}."
        )
    alias = missing[0] if missing else extra[0]
    feed = signature.inputs[alias].name if alias in signature.inputs else ""
    raise invalid_argument(
        f"Signature input alias: {alias}(feed name: {feed}) not found in request and no default value provided. "
        f"Inputs expected to be in the request {_braced(sorted(inputs))}, or default input alias set: "
        + ",".join(sorted(signature.defaults))
    )


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
