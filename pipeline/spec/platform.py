"""What the `platforms:` document says of a step for Kubernetes: volumes, environment, time-out.

Its messages: kubernetes_platform/proto/kubernetes_executor_config.proto of kubeflow/pipelines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schema.errors import UsageError

CLAIM, EMPTY = "pvcMount", "emptyDirMounts"
NAMED_MOUNTS = {
    CLAIM: ("constant", "pvcNameParameter", "componentInputParameter"),
    "secretAsVolume": ("secretName", "secretNameParameter"),
    "configMapAsVolume": ("configMapName", "configMapNameParameter"),
    EMPTY: ("volumeName",),
}
KEYS_TO_ENVIRONMENT = {"secretAsEnv": "secretKey", "configMapAsEnv": "configMapKey"}


@dataclass(frozen=True)
class Mount:
    """A prefix of paths, the folder of this machine that stands for it, and the claim that it belongs to, if any."""

    prefix: str
    folder: Path
    claim: str = ""

    def rewrite(self, text: str) -> str:
        """Returns a text whose path, at its beginning or behind the = of a flag, is under the prefix, put there."""
        end = "" if self.prefix.endswith("/") else r"(?=/|$)"
        found = re.match(rf"(--?[\w.-]+=)?{re.escape(self.prefix)}{end}", text)
        slash = "/" if self.prefix.endswith("/") else ""
        return f"{found[1] or ''}{self.folder}{slash}{text[found.end() :]}" if found else text


def mounts_of(config: Mapping[str, Any], volumes: Path, empty: Path, parameters: Mapping[str, Any]) -> list[Mount]:
    """Returns the mounts of a step, the longest prefixes first.

    Args:
      config: what the document says of its executor.
      volumes: the folder that holds one folder for each claim, secret and config map.
      empty: the folder that holds what is the step's own (emptyDir).
      parameters: the pipeline's parameters, one of which may name a volume.

    Raises:
      UsageError: a mount does not say its path or its volume.
    """
    mounts = []
    for kind, keys in NAMED_MOUNTS.items():
        for one in config.get(kind) or []:
            names = [_name(key, one[key], parameters) for key in keys if one.get(key)]
            path = str(one.get("mountPath") or "").rstrip("/")
            if not names or not path.startswith("/") or Path(names[0]).name != names[0]:
                raise UsageError(
                    f"The platforms document has a {kind} without a volume's name or an absolute mountPath: {one}."
                )
            folder = (empty if kind == EMPTY else volumes) / names[0] / str(one.get("subPath") or "").strip("/")
            mounts.append(Mount(path, folder, names[0] if kind == CLAIM else ""))
    return sorted(mounts, key=lambda mount: -len(mount.prefix))


def environment_of(config: Mapping[str, Any], here: Mapping[str, str], pod: str) -> dict[str, str]:
    """Returns the variables that the document gives a step.

    Args:
      config: what the document says of its executor.
      here: the environment of this process: it stands for secrets and config maps, which this machine has not.
      pod: the name of the step's pod.
    """
    names = [
        one.get("envVar")
        for key in KEYS_TO_ENVIRONMENT
        for each in config.get(key) or []
        for one in each.get("keyToEnv") or []
    ]
    found = {str(name): here[name] for name in names if name in here}
    fields = {"metadata.name": pod, "metadata.namespace": "kubeflow"}
    for one in config.get("fieldPathAsEnv") or []:
        found[str(one.get("name"))] = fields.get(str(one.get("fieldPath")), "")
    return found


def missing_secrets(configs: Mapping[str, Mapping[str, Any]], here: Mapping[str, str]) -> list[str]:
    """Returns the variables that secrets and config maps are to give and this process's environment does not."""
    names = (
        str(one.get("envVar"))
        for config in configs.values()
        for key in KEYS_TO_ENVIRONMENT
        for each in config.get(key) or []
        if not each.get("optional")
        for one in each.get("keyToEnv") or []
    )
    return sorted({name for name in names if name not in here})


def deadline_of(config: Mapping[str, Any]) -> int | None:
    """Returns after how many seconds a step is ended; None for never."""
    said = config.get("activeDeadlineSeconds")
    try:
        seconds = int(said or 0)
    except (TypeError, ValueError):
        raise UsageError(
            f"The platforms document has activeDeadlineSeconds {said!r}: it is to be a whole number."
        ) from None
    return seconds if seconds > 0 else None


def rewrite(value: Any, mounts: Iterable[Mount]) -> Any:
    """Returns a JSON-like value whose texts are rewritten by the first mount that fits; texts that hold JSON within."""
    if isinstance(value, str):
        return _rewrite_text(value, list(mounts))
    if isinstance(value, list):
        return [rewrite(item, mounts) for item in value]
    if isinstance(value, Mapping):
        return {key: rewrite(item, mounts) for key, item in value.items()}
    return value


def _rewrite_text(text: str, mounts: list[Mount]) -> str:
    for mount in mounts:
        if (changed := mount.rewrite(text)) != text:
            return changed
    if text[:1] in {"{", "["} and any(mount.prefix in text for mount in mounts):
        try:
            held = json.loads(text)
        except ValueError:
            return text
        changed = rewrite(held, mounts)
        return text if changed == held else json.dumps(changed, ensure_ascii=False)
    return text


def _name(key: str, value: Any, parameters: Mapping[str, Any]) -> str:
    """The name that a field gives: a text, kfp's InputParameterSpec of a constant, or a pipeline's parameter."""
    parameter = value if key == "componentInputParameter" else None
    if isinstance(value, Mapping):
        if constant := (value.get("runtimeValue") or {}).get("constant"):
            return str(constant)
        parameter = value.get("componentInputParameter")
    return str(parameters.get(parameter, parameter)) if parameter else str(value)
