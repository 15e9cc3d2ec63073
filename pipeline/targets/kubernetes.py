"""Kubernetes without Kubeflow: a CronJob whose pod runs the whole DAG with the local runner, and PostgreSQL for MLMD.

`manifests` gives the files of `penstock compile --target kubernetes`, for `kubectl apply -k`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.config import Config
from pipeline.targets import kubernetes_database, kubernetes_job
from pipeline.targets.kubernetes_parts import CONFIG, PASSWORD_FILE, SCHEMA, WORKDIR, Place, claim, mounted
from pipeline.targets.refusals import gpus_are_resources, image_is_given, refuse
from pipeline.targets.settings import DEFAULT
from schema.errors import UsageError
from serving.deploy.text import document, documents

Texts = dict[str, str]
ELSEWHERE = frozenset({"image", "steps", "kubeflow", "vertex", "airflow", "kubernetes"})
LARGEST_SCHEMA = 900_000  # bytes; Kubernetes takes a ConfigMap of one mebibyte
LONGEST_NAME = 32  # of 63 that a label may have: StatefulSets label pods with -pipeline-metadata and a hash behind it
SQLITE = "sqlite:///"
COMMENTS = {
    "configmap": """What the pod runs. Change the pipeline's YAML and compile it again, rather than this file; the next
run reads it.""",
    "serviceaccount": """Who the pods are. For a bucket, annotate it with the cloud's role: Workload Identity, IRSA.""",
    "pvc": """The workdir: artifacts, logs, pushed and blessed models. It outlasts every run. A model server finds the
versions on it in the folder NAME/serving/MODEL.""",
    "cronjob": """One run at a time, of all steps in one pod. A run that a gate has stopped (exit code 3) or whose
configuration is wrong (2) is not tried again: it would end in the same way. To run it now:
kubectl create job --from=cronjob/{name} {name}-now.""",
    "networkpolicy": """Nobody talks to the pod. It talks to DNS, to HTTPS, to what gives it the cloud's identity, and
to the ports of its databases.""",
    "postgresql": """The lineage of all runs (MLMD). The password is in a Secret that is made by hand, so that it stands
in no file; see kustomization.yaml.""",
}


def manifests(config: Config) -> Texts:
    """Returns the files by name, the kustomization first.

    Raises:
      UsageError: one pod of a cluster cannot run the configuration; the message names each reason, and the way out.
    """
    refuse(config.name, "kubernetes", list(_reasons(config)))
    place = Place.of(config)
    files = {
        "configmap": document(COMMENTS["configmap"], _config_map(config, place)),
        "serviceaccount": document(COMMENTS["serviceaccount"], _service_account(place)),
        "cronjob": document(COMMENTS["cronjob"].format(name=place.name), kubernetes_job.cron_job(config, place)),
        "networkpolicy": document(COMMENTS["networkpolicy"], kubernetes_job.network_policy(config, place)),
    }
    if config.kubernetes.claim is None:
        files["pvc"] = document(COMMENTS["pvc"], _claim(config, place))
    if place.has_database:
        parts = kubernetes_database.parts(config, place)
        comments = (COMMENTS["postgresql"], *[""] * (len(parts) - 1))
        files["postgresql"] = documents(*map(document, comments, parts))
    ordered = {f"{name}.yaml": files[name] for name in COMMENTS if name in files}
    return {"kustomization.yaml": _kustomization(config, place, list(ordered))} | ordered


def _reasons(config: Config) -> Iterator[str]:
    yield from image_is_given(config)
    yield from gpus_are_resources(config)
    yield from _name_is_short(config)
    yield from _steps_share_a_pod(config)
    yield from _files_are_in_the_pod(config)


def _name_is_short(config: Config) -> Iterator[str]:
    if len(config.name) > LONGEST_NAME:
        yield f"'name' has {len(config.name)} letters; here at most {LONGEST_NAME}, since names are made from it."


def _steps_share_a_pod(config: Config) -> Iterator[str]:
    for name in config.steps:
        if name != DEFAULT:
            yield f"'steps.{name}': here one pod runs all steps, and gets what 'steps.{DEFAULT}' says. Leave it out."


def _files_are_in_the_pod(config: Config) -> Iterator[str]:
    connection = config.data.connection or ""
    of_sqlite = connection.removeprefix(SQLITE) if connection.startswith(SQLITE) else ""
    files = {
        "data.path": config.data.path,
        "data.password_file": config.data.password_file or "",
        "data.connection": of_sqlite,
    }
    for key, path in files.items():
        if path.startswith("/") and not any(path.startswith(f"{folder}/") for folder in mounted(config)):
            yield (
                f"'{key}' is {path!r}, a file of this machine, which no pod has. Give a path at s3:// or gs://, in an "
                f"installed package (pkg://), below {WORKDIR}, or on a volume or Secret of 'steps.{DEFAULT}'."
            )


def _config_map(config: Config, place: Place) -> dict[str, Any]:
    import yaml

    texts = {CONFIG: yaml.safe_dump(_in_the_pod(config, place), sort_keys=False, allow_unicode=True)}
    if config.schema_.path:
        texts[Path(SCHEMA).name] = _schema(config.schema_.path)
    named = {Path(name).name: text for name, text in texts.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": place.metadata("-config"), "data": named}


def _in_the_pod(config: Config, place: Place) -> dict[str, Any]:
    """The configuration as the pod reads it: with its own files, and the metadata server that it reaches."""
    content = config.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude=set(ELSEWHERE))
    if config.schema_.path:
        content["schema"] = {"path": SCHEMA}
    if place.has_database:
        content["metadata"] = kubernetes_database.connection(place)
    elif place.has_password:
        content["metadata"] |= {"password_file": PASSWORD_FILE}
    return content


def _schema(path: str) -> str:
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"'schema.path' is {path!r}, which cannot be read: {error}.") from None
    if len(text.encode()) > LARGEST_SCHEMA:
        raise UsageError(
            f"'schema.path' is {path!r}, of {len(text.encode()):,} bytes. A ConfigMap holds at most "
            f"{LARGEST_SCHEMA:,}: leave columns out that the model does not read."
        )
    return text


def _service_account(place: Place) -> dict[str, Any]:
    head = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": place.metadata()}
    return head | {"automountServiceAccountToken": False}


def _claim(config: Config, place: Place) -> dict[str, Any]:
    wanted = config.kubernetes
    spec = claim(wanted.storage, wanted.storage_class, wanted.access)
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": place.metadata("-data"),
        "spec": spec,
    }


def _kustomization(config: Config, place: Place, resources: list[str]) -> str:
    comment = f"The pipeline {config.name} on a schedule: kubectl apply -k . (Kubernetes 1.30 or later)."
    if place.has_password:
        comment += f""" Before the first time, make the metadata server's password: kubectl create secret generic
{place.secret} --from-literal=password="$(openssl rand -hex 24)"{_namespace_flag(config)}; of a server that is there
already, give its own."""
    head: dict[str, Any] = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    where = {"namespace": config.kubernetes.namespace} if config.kubernetes.namespace else {}
    return document(comment, head | where | {"resources": resources})


def _namespace_flag(config: Config) -> str:
    return f" --namespace={config.kubernetes.namespace}" if config.kubernetes.namespace else ""
