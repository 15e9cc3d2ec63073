"""The placeholders in a container's command: `{{$}}`, `{{$.inputs.parameters['x']}}` and their kin.

What Kubeflow's launcher substitutes (backend/src/v2/component/launcher_v2.go), in one pass: a value that looks like a
placeholder stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from schema.errors import StepFailed

PLACEHOLDER = re.compile(r"\{\{\$(?P<path>(?:\.[A-Za-z_]+(?:\['[^']*'\])?)*)\}\}")
PART = re.compile(r"\.([A-Za-z_]+)(?:\['([^']*)'\])?")
OF_THE_STEP = ("inputs", "outputs")


class Values:
    """What the placeholders of one step stand for.

    Args:
      executor_input: the step's ExecutorInput as JSON-like values.
      path_of: from an artifact's URI to the file or folder where the step reads or writes it.
      names: what the placeholders of the run stand for: `pipeline_job_name` and so on.
    """

    def __init__(
        self, executor_input: Mapping[str, Any], path_of: Callable[[str], str], names: Mapping[str, str]
    ) -> None:
        self._input, self._path_of, self._names = executor_input, path_of, names

    def fill(self, text: str) -> str:
        """Returns a text with its placeholders replaced; one that the launcher does not know stays.

        Raises:
          StepFailed: it names an input or an output that the step does not have.
        """
        return PLACEHOLDER.sub(self._value, text)

    def _value(self, found: re.Match[str]) -> str:
        path = PART.findall(found["path"])
        if not path:
            return json.dumps(self._input, ensure_ascii=False, separators=(",", ":"))
        if path[0][0] not in OF_THE_STEP:
            return self._names.get(path[0][0], found[0])
        value = self._of_the_step(path)
        if value is None:
            raise StepFailed(f"{found[0]}: the step has no such input or output. It has {self._what_there_is()}.")
        return as_text(value)

    def _of_the_step(self, path: Sequence[tuple[str, str]]) -> Any:
        side = self._input.get(path[0][0], {})
        match [(word, key or None) for word, key in path[1:]]:
            case [("parameters", str(key))] if path[0][0] == "inputs":
                return side.get("parameterValues", {}).get(key)
            case [("parameters", str(key)), ("output_file", None)]:
                return side.get("parameters", {}).get(key, {}).get("outputFile")
            case [("output_file", None)] | [("output_metadata_uri", None)]:
                return side.get("outputFile")
            case [("artifacts", str(key)), (field, of)]:
                return self._of_an_artifact(side.get("artifacts", {}).get(key, {}).get("artifacts", []), field, of)
        return None

    def _of_an_artifact(self, artifacts: Sequence[Mapping[str, Any]], field: str, of: str | None) -> Any:
        if not artifacts:
            return None
        artifact = artifacts[0]
        match (field, of):
            case ("uri", None):
                return artifact["uri"]
            case ("path", None):
                return self._path_of(artifact["uri"])
            case ("name", None):
                return artifact.get("name")
            case ("metadata", str(name)):
                return artifact.get("metadata", {}).get(name)
        return None

    def _what_there_is(self) -> str:
        inputs, outputs = self._input.get("inputs", {}), self._input.get("outputs", {})
        kinds = {
            "input parameters": inputs.get("parameterValues", {}),
            "input artifacts": [name for name, of in inputs.get("artifacts", {}).items() if of.get("artifacts")],
            "output parameters": outputs.get("parameters", {}),
            "output artifacts": outputs.get("artifacts", {}),
        }
        return "; ".join(f"{kind} {', '.join(sorted(names))}" for kind, names in kinds.items() if names) or "none"


def as_text(value: Any) -> str:
    """Returns a value as the launcher writes it into a command: texts as they are, numbers plainly, else JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def words_of(command: Sequence[str], given: Sequence[str]) -> list[str]:
    """Returns a command with kfp's structures, {"Concat": …} and {"IfPresent": …}, resolved.

    Args:
      command: the words of a container's command and arguments.
      given: the names of the inputs that have a value.
    """
    from kfp.local.placeholder_utils import flatten_list, resolve_struct_placeholders

    if not any(word.startswith(('{"Concat": ', '{"IfPresent": ')) for word in command):
        return list(command)
    words: list[str] = flatten_list([resolve_struct_placeholders(word, list(given)) for word in command])
    return words
