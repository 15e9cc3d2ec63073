"""What the manifests promise: they fit Kubernetes' schemas, find each other, are hardened, run this configuration."""

from __future__ import annotations

import copy
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import ValidationError

from pipeline.config import Config
from pipeline.loading import load
from pipeline.targets.kubernetes_parts import CONFIG, PASSWORD_FILE, SCHEMA
from tests.serving.deploy.schemas import NEWEST, OLDEST, check_manifest
from tests.targets.kubernetes.cases import CASES, CLOUD, configured, of_kind, parsed, pods, rendered, schema_file

Change = Callable[[dict[str, Any]], object]
WRONG: dict[str, tuple[str, Change]] = {
    "an unknown key": ("CronJob", lambda part: part["spec"].update(timezone="Etc/UTC")),
    "a number for a text": ("CronJob", lambda part: part["spec"].update(schedule=5)),
    "no selector": ("StatefulSet", lambda part: part["spec"].pop("selector")),
    "an unknown key of a claim": ("PersistentVolumeClaim", lambda part: part["spec"].update(storageClass="fast")),
}


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("name", CASES)
def test_every_manifest_fits_its_schema(name: str, version: str) -> None:
    """Each document is valid to the oldest and the newest Kubernetes, with no key that they do not know."""
    for manifest in parsed(rendered(name)):
        check_manifest(manifest, version)


@pytest.mark.parametrize(("kind", "change"), WRONG.values(), ids=WRONG)
def test_the_schemas_refuse_what_is_wrong(kind: str, change: Change) -> None:
    """A manifest that is spoilt in one place is refused: the check above can fail."""
    manifest = copy.deepcopy(of_kind(rendered("plain"), kind))
    change(manifest)
    with pytest.raises(ValidationError):
        check_manifest(manifest, NEWEST)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_kustomize_builds_the_folder(tmp_path: Path) -> None:
    """`kubectl kustomize` makes one stream of the folder, in the namespace that was asked for."""
    for file, text in rendered("gpu").items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    built = subprocess.run(["kubectl", "kustomize", tmp_path], capture_output=True, text=True, check=True)
    assert {part["metadata"]["namespace"] for part in yaml.safe_load_all(built.stdout)} == {"rides"}


@pytest.mark.parametrize("name", CASES)
def test_every_container_is_hardened(name: str) -> None:
    """No container is root, gains rights, keeps a capability, writes where no volume is, or knows the cluster."""
    for pod in (template["spec"] for template in pods(rendered(name))):
        assert pod["automountServiceAccountToken"] is False
        for security in (part["securityContext"] for part in pod["containers"]):
            assert security["runAsNonRoot"]
            assert security["runAsUser"] == pod["securityContext"]["fsGroup"] != 0
            assert security["readOnlyRootFilesystem"]
            assert not security["allowPrivilegeEscalation"]
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert security["seccompProfile"] == {"type": "RuntimeDefault"}


@pytest.mark.parametrize("name", CASES)
def test_volumes_and_mounts_are_the_same_ones(name: str) -> None:
    """Each mount has its volume, each volume is mounted, and no two mounts have one place."""
    for pod in (template["spec"] for template in pods(rendered(name))):
        mounts = [mount for part in pod["containers"] for mount in part["volumeMounts"]]
        of_templates = {"data"} if pod["containers"][0]["name"] == "postgresql" else set()
        assert {mount["name"] for mount in mounts} == {volume["name"] for volume in pod["volumes"]} | of_templates
        assert len({mount["mountPath"] for mount in mounts}) == len(mounts)


def test_the_pod_finds_its_metadata_server() -> None:
    """The host, the port, the database, the user and the password of the configuration are PostgreSQL's own."""
    texts = rendered("plain")
    told = yaml.safe_load(of_kind(texts, "ConfigMap")["data"]["pipeline.yaml"])["metadata"]
    server = of_kind(texts, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]
    variables = {one["name"]: one["value"] for one in server["env"]}
    assert told["host"] == of_kind(texts, "Service")["metadata"]["name"]
    assert told["port"] == server["ports"][0]["containerPort"]
    assert (told["database"], told["user"]) == (variables["POSTGRES_DB"], variables["POSTGRES_USER"])
    assert told["password_file"] == variables["POSTGRES_PASSWORD_FILE"] == PASSWORD_FILE
    secrets = {
        volume["secret"]["secretName"]
        for template in pods(texts)
        for volume in template["spec"]["volumes"]
        if "secret" in volume
    }
    assert secrets == {"taxi-pipeline-metadata"}
    assert "taxi-pipeline-metadata" in texts["kustomization.yaml"]


def test_selectors_choose_one_kind_of_pod() -> None:
    """The Service and the policy of the metadata server choose its pod, the run's policy that of the run, only."""
    run, server = pods(rendered("plain"))
    assert run["metadata"]["labels"] != server["metadata"]["labels"]
    for part in parsed(rendered("plain")):
        spec = part.get("spec", {})
        if part["kind"] == "Service":
            assert spec["selector"] == server["metadata"]["labels"]
        if part["kind"] == "NetworkPolicy":
            of_server = part["metadata"]["name"].endswith("-metadata")
            assert spec["podSelector"]["matchLabels"] == (server if of_server else run)["metadata"]["labels"]


def test_the_network_policies_agree() -> None:
    """The run may call the metadata server at the port at which that one lets it in, and nobody else is let in."""
    run, server = (part["spec"] for part in parsed(rendered("plain")) if part["kind"] == "NetworkPolicy")
    (entry,) = server["ingress"]
    (way,) = [rule for rule in run["egress"] if rule.get("to") == [{"podSelector": server["podSelector"]}]]
    assert entry == {"from": [{"podSelector": run["podSelector"]}], "ports": way["ports"]}
    assert run["ingress"] == server["egress"] == []


def test_a_server_of_its_own_needs_no_postgresql() -> None:
    """Where the configuration names a metadata server, none is made, and its password comes from the named Secret."""
    texts = rendered("own-server")
    assert "postgresql.yaml" not in texts
    pod = pods(texts)[0]["spec"]
    assert {"name": "metadata", "secret": {"secretName": "mysql", "defaultMode": 0o440}} in pod["volumes"]
    assert {"name": "workdir", "persistentVolumeClaim": {"claimName": "taxi"}} in pod["volumes"]
    assert "pvc.yaml" not in texts


def test_a_server_without_a_password_needs_no_secret() -> None:
    """Where the metadata server asks for no password, no Secret is mounted or spoken of."""
    metadata = {"backend": "postgresql", "host": "db.example", "database": "mlmd", "user": "penstock"}
    texts = rendered("plain", metadata=metadata)
    assert "ecret" not in "".join(texts.values())


def test_the_pod_reads_the_configuration_that_was_compiled(tmp_path: Path) -> None:
    """The files of the ConfigMap, where they lie in the pod, load as the same configuration but for its places."""
    written = configured("plain", schema={"path": schema_file(tmp_path)}, model={"epochs": 3})
    texts = rendered("plain", schema={"path": schema_file(tmp_path)}, model={"epochs": 3})
    files = of_kind(texts, "ConfigMap")["data"]
    assert files["schema.pbtxt"] == Path(written.schema_.path or "").read_text("utf-8")
    pod = pods(texts)[0]["spec"]["containers"][0]
    assert {mount["mountPath"] for mount in pod["volumeMounts"] if mount["name"] == "config"} == {CONFIG, SCHEMA}
    (tmp_path / "pipeline.yaml").write_text(files["pipeline.yaml"], encoding="utf-8")
    read = load([tmp_path / "pipeline.yaml"])
    assert read.schema_.path == SCHEMA
    assert _without_places(read) == _without_places(written)


def test_a_gate_that_said_no_is_not_asked_again() -> None:
    """A run that ends with exit code 3 or 2 fails the Job at once, whatever its retries; an eviction costs none."""
    job = of_kind(rendered("gpu"), "CronJob")["spec"]["jobTemplate"]["spec"]
    failing, ignored = job["podFailurePolicy"]["rules"]
    assert job["backoffLimit"] == 2
    assert failing["onExitCodes"]["values"] == [2, 3]
    assert failing["onExitCodes"]["containerName"] == job["template"]["spec"]["containers"][0]["name"]
    assert ignored["action"] == "Ignore"


def test_the_ports_of_databases_are_open() -> None:
    """The pod reaches the table's server, the metadata server and the ports that were named, beside HTTPS."""
    rules = of_kind(rendered("own-server"), "NetworkPolicy")["spec"]["egress"]
    anywhere = {port["port"] for rule in rules if "to" not in rule for port in rule["ports"]}
    assert anywhere == {53, 443, 1444, 3306, 9000}
    without = of_kind(rendered("plain", data=CLOUD), "NetworkPolicy")["spec"]["egress"]
    assert {port["port"] for rule in without if "to" not in rule for port in rule["ports"]} == {53, 443}


def _without_places(config: Config) -> dict[str, Any]:
    return config.model_dump(exclude={"schema_", "metadata", "image", "kubernetes"})
