"""The CronJob of a pipeline, and what its pod may reach."""

from __future__ import annotations

from urllib.parse import urlsplit

from pipeline.config import Config
from pipeline.targets.kubernetes_parts import (
    CONFIG,
    FOLDER,
    PASSWORD_FOLDER,
    SCHEMA,
    WORKDIR,
    Part,
    Place,
    security,
    settings,
)
from pipeline.targets.platform import node_labels, tolerations
from pipeline.targets.settings import StepSettings, Toleration, seconds_of
from serving.deploy.around import AWS_IDENTITY, DNS, GOOGLE_IDENTITY, HTTPS

CONTAINER = "penstock"
USER = 1000  # as kubeflow/Dockerfile has it
CPU, MEMORY = "2", "8Gi"  # of the pod, where steps.default does not say
GRACE_SECONDS = 60
GATE_SAID_NO, WRONG_CONFIGURATION = 3, 2  # exit codes of `penstock run`
PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306, "mssql": 1433, "oracle": 1521}


def cron_job(config: Config, place: Place) -> Part:
    """Returns the CronJob."""
    wanted = config.kubernetes
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": place.metadata(),
        "spec": {
            "schedule": wanted.schedule,
            "timeZone": wanted.time_zone,
            "concurrencyPolicy": "Forbid",
            "suspend": wanted.suspend,
            "startingDeadlineSeconds": seconds_of(wanted.start_within),
            "successfulJobsHistoryLimit": wanted.keep_succeeded,
            "failedJobsHistoryLimit": wanted.keep_failed,
            "jobTemplate": {"metadata": {"labels": place.labels()}, "spec": _job(config, place)},
        },
    }


def network_policy(config: Config, place: Place) -> Part:
    """Returns whom the pod may talk to."""
    ports = [{"protocol": "TCP", "port": port} for port in sorted(_ports(config))]
    if place.has_database:
        server = {"podSelector": {"matchLabels": place.labels("metadata")}}
        to_server: list[Part] = [{"to": [server], "ports": [{"protocol": "TCP", "port": PORTS["postgresql"]}]}]
    else:
        to_server = []
    anywhere: list[Part] = [{"ports": ports}] if ports else []
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": place.metadata(),
        "spec": {
            "podSelector": {"matchLabels": place.labels()},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [],
            "egress": [DNS, HTTPS, *GOOGLE_IDENTITY, AWS_IDENTITY, *to_server, *anywhere],
        },
    }


def _job(config: Config, place: Place) -> Part:
    wanted = settings(config)
    hopeless = {"containerName": CONTAINER, "operator": "In", "values": [WRONG_CONFIGURATION, GATE_SAID_NO]}
    evicted = [{"type": "DisruptionTarget", "status": "True"}]
    job: Part = {
        "backoffLimit": wanted.retries or 0,
        "podFailurePolicy": {
            "rules": [
                {"action": "FailJob", "onExitCodes": hopeless},
                {"action": "Ignore", "onPodConditions": evicted},
            ]
        },
        "template": {"metadata": {"labels": dict(wanted.labels) | place.labels()}, "spec": _pod(config, place)},
    }
    return job | ({"activeDeadlineSeconds": seconds_of(wanted.timeout)} if wanted.timeout else {})


def _pod(config: Config, place: Place) -> Part:
    wanted = settings(config)
    pod: Part = {
        "restartPolicy": "Never",
        "serviceAccountName": place.name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": {"runAsNonRoot": True, "fsGroup": USER, "fsGroupChangePolicy": "OnRootMismatch"},
    }
    if selector := node_labels(wanted):
        pod["nodeSelector"] = selector
    if tolerated := tolerations(_with_gpu_taint(wanted)):
        pod["tolerations"] = tolerated
    return pod | {"containers": [_container(config, place)], "volumes": _volumes(config, place)}


def _container(config: Config, place: Place) -> Part:
    wanted = settings(config)
    variables: list[Part] = [{"name": "HOME", "value": "/tmp"}]  # noqa: S108  # the container's own
    variables += [{"name": name, "value": value} for name, value in sorted(wanted.env.items())]
    for secret in wanted.secrets:
        for variable, key in sorted(secret.env.items()):
            variables.append({"name": variable, "valueFrom": {"secretKeyRef": {"name": secret.name, "key": key}}})
    return {
        "name": CONTAINER,
        "image": wanted.image or config.image,
        "command": ["penstock", "run", CONFIG, "--workdir", WORKDIR],
        "env": variables,
        "resources": _resources(wanted),
        "securityContext": security(USER),
        "volumeMounts": _mounts(config, place),
    }


def _resources(wanted: StepSettings) -> Part:
    amounts: Part = {"cpu": wanted.cpu or CPU, "memory": wanted.memory or MEMORY}
    gpus = {wanted.accelerator.type: wanted.accelerator.count} if wanted.accelerator else {}
    return {"requests": amounts, "limits": amounts | gpus}


def _mounts(config: Config, place: Place) -> list[Part]:
    """The mounts; the configuration's files by subPath, so that their paths, and so cache keys, stay as they are."""
    files = [CONFIG, *([SCHEMA] if config.schema_.path else [])]
    mounts: list[Part] = [
        {"name": "config", "mountPath": file, "subPath": file.removeprefix(f"{FOLDER}/"), "readOnly": True}
        for file in files
    ]
    mounts += [{"name": "workdir", "mountPath": WORKDIR}, {"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108
    if place.has_password:
        mounts.append({"name": "metadata", "mountPath": PASSWORD_FOLDER, "readOnly": True})
    wanted = settings(config)
    mounts += [{"name": f"claim-{at}", "mountPath": one.path} for at, one in enumerate(wanted.volumes)]
    secrets = [(at, one) for at, one in enumerate(wanted.secrets) if one.path]
    return mounts + [{"name": f"secret-{at}", "mountPath": one.path, "readOnly": True} for at, one in secrets]


def _volumes(config: Config, place: Place) -> list[Part]:
    claim = config.kubernetes.claim or f"{place.name}-data"
    volumes: list[Part] = [
        {"name": "config", "configMap": {"name": f"{place.name}-config"}},
        {"name": "workdir", "persistentVolumeClaim": {"claimName": claim}},
        {"name": "tmp", "emptyDir": {}},
    ]
    if place.has_password:
        volumes.append({"name": "metadata", "secret": {"secretName": place.secret, "defaultMode": 0o440}})
    wanted = settings(config)
    for at, volume in enumerate(wanted.volumes):
        volumes.append({"name": f"claim-{at}", "persistentVolumeClaim": {"claimName": volume.claim}})
    for at, secret in enumerate(wanted.secrets):
        if secret.path:
            volumes.append({"name": f"secret-{at}", "secret": {"secretName": secret.name, "defaultMode": 0o440}})
    return volumes


def _with_gpu_taint(wanted: StepSettings) -> StepSettings:
    """The settings of a pod that tolerates the taint that nodes with its GPU usually have."""
    if wanted.accelerator is None:
        return wanted
    taint = Toleration(key=wanted.accelerator.type, effect="NoSchedule")
    return wanted.model_copy(update={"tolerations": (*wanted.tolerations, taint)})


def _ports(config: Config) -> set[int]:
    """The ports of databases that are elsewhere, and those that the configuration names."""
    ports = set(config.kubernetes.egress_ports)
    metadata = config.metadata
    if metadata.backend != "sqlite":
        ports |= {metadata.port or PORTS.get(metadata.backend, 8080)}
    if config.data.source == "sql" and config.data.connection:
        address = urlsplit(config.data.connection)
        found = address.port or PORTS.get(address.scheme.partition("+")[0])
        ports |= {found} if found else set()
    return ports
