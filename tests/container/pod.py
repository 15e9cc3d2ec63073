"""A pod as a backend's launcher prepares it: a step's arguments, and the local copies of its inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.container.main import MOUNT

GOLDEN = Path(__file__).parents[1] / "golden" / "container"
COUNTER = "pipeline.container.fakes.Counter_Executor"
COUNTED = "minio/mlpipeline/v2/artifacts/taxi/5d2c0a1e/Counter/77ab"
EXAMPLES = "minio/mlpipeline/v2/artifacts/taxi/5d2c0a1e/ExampleGen/9f31/examples"
COUNTER_SPEC = {
    "artifacts": {"examples": {"artifactType": {"instanceSchema": "title: tfx.Examples\ntype: object\n"}}},
    "parameters": {
        "times": {"parameterType": "NUMBER_INTEGER"},
        "rate": {"parameterType": "NUMBER_DOUBLE"},
        "note": {"parameterType": "STRING", "isOptional": True},
    },
}


class Pod:
    """A folder that stands for the file system of a pod."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def environment(self) -> dict[str, str]:
        """What the entry point reads of the environment."""
        return {MOUNT: str(self.root)}

    def invocation(self, name: str) -> dict[str, Any]:
        """Returns a golden executor input, with the pod's own folders."""
        text = (GOLDEN / f"{name}.json").read_text()
        for folder in ("/tmp/", "/data/"):  # noqa: S108  # that of the launcher
            text = text.replace(f'"{folder}', f'"{self.root}{folder}')
        invocation: dict[str, Any] = json.loads(text)
        return invocation

    def put(self, path: str, text: str = "") -> Path:
        """Writes a file at a path below the root."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def json(self, path: str) -> Any:
        """Returns what a file of JSON holds."""
        return json.loads((self.root / path).read_text())


def words(
    class_option: str,
    class_path: str,
    invocation: Mapping[str, Any],
    spec: Mapping[str, Any] | None = None,
    beam_args: Sequence[str] = (),
) -> list[str]:
    """Returns the arguments of a step in the order in which TFX writes them."""
    described = ["--json_serialized_inputs_spec_args", json.dumps(spec)] if spec is not None else []
    return [
        *(class_option, class_path),
        *("--json_serialized_invocation_args", json.dumps(invocation)),
        *described,
        *beam_args,
    ]
