"""By what a step is known again: the fingerprint of Kubeflow's cache (backend/src/v2/cacheutils/cache.go)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.spec.executor_input import Outputs
from pipeline.spec.given import Inputs
from pipeline.spec.graph import Leaf


def fingerprint(leaf: Leaf, inputs: Inputs, outputs: Outputs, volumes: Sequence[str], found: Mapping[str, Any]) -> str:
    """Returns the SHA-256 of what decides a step's result, as Kubeflow's driver sees it before the launcher.

    It holds the container, the names of its volumes, the input parameters as given, the numbers of the input artifacts,
    and the outputs without their addresses.

    Args:
      leaf: the step.
      inputs: what it is given.
      outputs: what it is to make.
      volumes: the names of the volumes that it mounts.
      found: the parameters that a driver found before the step (`lifecycle.preCacheCheck` of Vertex AI).
    """
    container = leaf.executor.container
    types = leaf.component.output_definitions.parameters
    key = {
        "containerSpec": {
            "image": container.image,
            "cmdArgs": [*container.command, *container.args],
            "pvcNames": sorted(set(volumes)),
            "env": {one.name: one.value for one in container.env},
        },
        "inputArtifactNames": {name: [str(one.id) for one in of] for name, of in sorted(inputs.artifacts.items())},
        "inputParameterValues": {**inputs.parameters, **found},
        "outputArtifactsSpec": {
            name: {"type": dict(one.type), "metadata": dict(one.metadata)} for name, one in outputs.artifacts.items()
        },
        "outputParametersSpec": {name: int(types[name].parameter_type) for name in outputs.parameters},
    }
    return hashlib.sha256(json.dumps(key, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
