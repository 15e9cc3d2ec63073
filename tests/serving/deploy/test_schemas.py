from __future__ import annotations

import copy
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import ValidationError

from tests.serving.deploy.cases import CASES, of_kind, parsed, rendered
from tests.serving.deploy.schemas import CRDS, NEWEST, OLDEST, check_compose, check_manifest

ON_KUBERNETES = [name for name in CASES if not name.startswith("compose")]
ON_COMPOSE = [name for name in CASES if name.startswith("compose")]
Change = Callable[[dict[str, Any]], object]
WRONG: dict[str, tuple[str, str, Change]] = {
    "an unknown key": ("kubernetes", "Deployment", lambda part: part["spec"].update(replica=2)),
    "an unknown key of a container": (
        "kubernetes",
        "Deployment",
        lambda part: part["spec"]["template"]["spec"]["containers"][0].update(readynessProbe={}),
    ),
    "a text for a number": ("kubernetes", "HorizontalPodAutoscaler", lambda part: part["spec"].update(maxReplicas="6")),
    "an unknown key of a monitor": (
        "kubernetes",
        "ServiceMonitor",
        lambda part: part["spec"]["endpoints"][0].update(pathh="/"),
    ),
    "no selector of a monitor": ("kubernetes", "ServiceMonitor", lambda part: part["spec"].pop("selector")),
    "an unknown key of KServe": (
        "kserve",
        "InferenceService",
        lambda part: part["spec"]["predictor"]["model"].update(storageUrl="x"),
    ),
    "a wrong type of KServe": (
        "kserve",
        "InferenceService",
        lambda part: part["spec"]["predictor"].update(minReplicas="two"),
    ),
    "a wrong probe of KServe": (
        "kserve",
        "InferenceService",
        lambda part: part["spec"]["predictor"]["model"]["readinessProbe"].update(tcp=1),
    ),
}


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("name", ON_KUBERNETES)
def test_every_manifest_fits_its_schema(name: str, version: str) -> None:
    """Each document is valid to Kubernetes, the Prometheus Operator or KServe, with no key that they do not know."""
    for manifest in parsed(rendered(name)):
        check_manifest(manifest, version)


@pytest.mark.parametrize("name", ON_COMPOSE)
def test_every_compose_file_fits_its_schema(name: str) -> None:
    """Each compose file is valid to the Compose Specification."""
    (content,) = parsed(rendered(name))
    check_compose(content)


@pytest.mark.parametrize(("name", "kind", "change"), WRONG.values(), ids=WRONG)
def test_the_schemas_refuse_what_is_wrong(name: str, kind: str, change: Change) -> None:
    """A manifest that is spoilt in one place is refused: the checks above can fail."""
    manifest = copy.deepcopy(of_kind(rendered(name), kind))
    change(manifest)
    with pytest.raises(ValidationError):
        check_manifest(manifest, NEWEST)


def test_the_compose_schema_refuses_what_is_wrong() -> None:
    """A compose file with a misspelt key is refused."""
    (content,) = parsed(rendered("compose"))
    content["services"]["model-server"]["readonly"] = True
    with pytest.raises(ValidationError):
        check_compose(content)


@pytest.mark.parametrize("file", sorted(CRDS.iterdir()), ids=lambda file: file.stem)
def test_a_copied_schema_names_its_source(file: Path) -> None:
    """Each schema that is a copy says of what, of which version, and under which licence."""
    comment = json.loads(file.read_text("utf-8"))["$comment"]
    assert "Apache License 2.0" in comment
    assert any(letter.isdecimal() for letter in comment.partition("Apache")[0])


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
@pytest.mark.parametrize("name", ON_KUBERNETES)
def test_kustomize_builds_the_folder(name: str, tmp_path: Path) -> None:
    """`kubectl kustomize` makes of the folder one stream with every manifest, in the namespace that was asked for."""
    texts = rendered(name)
    for file, text in texts.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
    built = subprocess.run(["kubectl", "kustomize", tmp_path], capture_output=True, text=True, check=True)
    manifests = list(yaml.safe_load_all(built.stdout))
    expected = [(part["kind"], part["metadata"]["name"]) for part in parsed(texts) if part["kind"] != "Kustomization"]
    assert sorted((part["kind"], part["metadata"]["name"]) for part in manifests) == sorted(expected)
    namespace = of_kind(texts, "Kustomization").get("namespace")
    assert {part["metadata"].get("namespace") for part in manifests} == {namespace}


@pytest.mark.parametrize("name", ON_COMPOSE)
def test_docker_compose_reads_the_file(name: str, tmp_path: Path) -> None:
    """`docker compose config` takes the file, where Docker has compose."""
    if not shutil.which("docker") or subprocess.run(["docker", "compose", "version"], check=False).returncode:
        pytest.skip("docker has no compose plugin here")
    for file, text in rendered(name).items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text, encoding="utf-8")
    subprocess.run(["docker", "compose", "-f", tmp_path / "compose.yaml", "config", "--quiet"], check=True)
