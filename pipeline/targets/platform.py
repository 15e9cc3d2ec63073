"""What the spec cannot say and Kubernetes needs to know: the `platforms` document behind it.

Its form is kfp-kubernetes' KubernetesExecutorConfig (kubernetes_platform/proto/kubernetes_executor_config.proto).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.targets.settings import StepSettings, Toleration, seconds_of

# How each kind of cluster marks its spot nodes: a label, and a taint where it sets one by itself.
SPOT: Mapping[str, tuple[tuple[str, str], bool]] = {
    "gke": (("cloud.google.com/gke-spot", "true"), True),
    "eks": (("eks.amazonaws.com/capacityType", "SPOT"), False),
    "karpenter": (("karpenter.sh/capacity-type", "spot"), False),
    "aks": (("kubernetes.azure.com/scalesetpriority", "spot"), True),
}


def document(executors: Mapping[str, StepSettings]) -> dict[str, Any]:
    """Returns the document for the settings of each executor; empty where there is nothing to say."""
    configs = {label: config for label, settings in executors.items() if (config := _config(settings))}
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": configs}}}} if configs else {}


def _config(settings: StepSettings) -> dict[str, Any]:
    config: dict[str, Any] = {
        "pvcMount": [
            {
                "constant": volume.claim,
                "mountPath": volume.path,
                "pvcNameParameter": {"runtimeValue": {"constant": volume.claim}},
            }
            for volume in settings.volumes
        ],
        "secretAsEnv": [
            {
                "secretName": secret.name,
                "secretNameParameter": {"runtimeValue": {"constant": secret.name}},
                "keyToEnv": [{"secretKey": key, "envVar": variable} for variable, key in sorted(secret.env.items())],
                "optional": False,
            }
            for secret in settings.secrets
            if secret.env
        ],
        "secretAsVolume": [
            {
                "secretName": secret.name,
                "secretNameParameter": {"runtimeValue": {"constant": secret.name}},
                "mountPath": secret.path,
                "optional": False,
            }
            for secret in settings.secrets
            if secret.path
        ],
        "nodeSelector": {"labels": labels} if (labels := node_labels(settings)) else {},
        "tolerations": tolerations(settings),
        "podMetadata": {"labels": dict(settings.labels)} if settings.labels else {},
        "activeDeadlineSeconds": str(seconds_of(settings.timeout)) if settings.timeout else "",
    }
    return {key: value for key, value in config.items() if value}


def node_labels(settings: StepSettings) -> dict[str, str]:
    """Returns the labels of the nodes that a step may run on."""
    spot = dict([SPOT[settings.spot][0]]) if settings.spot else {}
    return spot | dict(settings.node_selector)


def tolerations(settings: StepSettings) -> list[dict[str, str]]:
    """Returns the taints that a step tolerates, as a pod has them."""
    return [_toleration(one) for one in (*settings.tolerations, *_spot_tolerations(settings))]


def _spot_tolerations(settings: StepSettings) -> list[Toleration]:
    if settings.spot is None:
        return []
    (key, value), is_tainted = SPOT[settings.spot]
    return [Toleration(key=key, value=value, effect="NoSchedule")] if is_tainted else []


def _toleration(toleration: Toleration) -> dict[str, str]:
    operator = {"operator": "Exists"} if toleration.value is None else {"operator": "Equal", "value": toleration.value}
    effect = {"effect": toleration.effect} if toleration.effect else {}
    return {"key": toleration.key} | operator | effect
