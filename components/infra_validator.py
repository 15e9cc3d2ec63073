"""InfraValidator: before a model is pushed, a model server loads it and must answer as it does in process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, InfraBlessing, Model
from tfx.utils import path_utils

from components.model_server import over_grpc, over_rest, serving
from components.raw_examples import read_serialized, requests_for
from components.signature_calls import Arrays, call, load
from schema.errors import InfraNotBlessed

SAME_ANSWERS = ("serving_default", "predict_columns")


def differences(expected: Arrays, answered: Arrays, tolerance: float, there: str) -> Iterator[str]:
    """Yields a sentence for each output that differs by more than `tolerance`; `there` says where it was answered."""
    for signature, outputs in expected.items():
        for name, values in outputs.items():
            other = answered.get(signature, {}).get(name)
            if other is None:
                yield f"{signature} gave no {name!r} {there}"
            elif not _equal(values, other, tolerance):
                yield f"{signature} answered another {name!r}: {_first_difference(values, other, tolerance, there)}"


@component
def InfraValidator(
    model: InputArtifact[Model],
    examples: InputArtifact[Examples],
    blessing: OutputArtifact[InfraBlessing],
    rows: Parameter[int],
    timeout_seconds: Parameter[float],
    tolerance: Parameter[float],
) -> None:
    """Blesses a model that answers over REST and gRPC as it does in process, and the same from both kinds of input."""
    path = path_utils.serving_model_path(model.uri)
    with serving(path, timeout_seconds) as server:
        loaded = load(path)
        requests = requests_for(loaded, read_serialized(artifact_utils.get_split_uri([examples], "test"), rows))
        here = call(loaded, requests)
        first, second = SAME_ANSWERS
        wrong = [*differences({second: here[first]}, here, tolerance, "from columns")]
        address = server.loaded()
        wrong += differences(here, over_grpc(address, requests), tolerance, "over gRPC")
        wrong += differences(here, over_rest(address, requests, like=here), tolerance, "over REST")
    if wrong:
        raise InfraNotBlessed(f"The model does not answer as it does in process. {'; '.join(wrong)}.")
    Path(blessing.uri, "INFRA_BLESSED").touch()
    blessing.set_int_custom_property("blessed", 1)


def _equal(one: npt.NDArray[Any], other: npt.NDArray[Any], tolerance: float) -> bool:
    if one.shape != other.shape:
        return False
    if one.dtype == object:
        return bool(np.array_equal(one, other))
    return bool(np.allclose(one, other, rtol=0, atol=tolerance, equal_nan=True))


def _first_difference(one: npt.NDArray[Any], other: npt.NDArray[Any], tolerance: float, there: str) -> str:
    if one.shape != other.shape:
        return f"shape {one.shape} in process, {other.shape} {there}"
    differs = one != other if one.dtype == object else ~np.isclose(one, other, rtol=0, atol=tolerance, equal_nan=True)
    place = tuple(np.argwhere(differs)[0])
    return f"{one[place]} in process, {other[place]} {there}, at row {place[0] if place else 0}"
