"""Kubernetes manifests, for `kubectl apply -k`: what is in each file, and what its reader should know."""

from __future__ import annotations

from serving.deploy import around, fetching, workload
from serving.deploy.model import Model
from serving.deploy.server import config_files
from serving.deploy.text import document, documents

SCALING_ON_GPU = """Servers are counted by their CPU, which decodes requests before the GPU computes them; for the load
of the GPU itself, give the autoscaler a metric of NVIDIA's DCGM exporter."""
COMMENTS = {
    "configmap": """What the server reads at /etc/model-server. A change of models.config is taken up by running servers
within two minutes: labels move without a restart. Change the pipeline's YAML rather than this file.""",
    "fetch": """How versions come from S3 to the pods.""",
    "serviceaccount": """Who the pods are. For a bucket, annotate it with the cloud's role: Workload Identity, IRSA.""",
    "pvc": """Where the versions lie: MODELS/<number>/saved_model.pb. The pipeline writes here, all servers read, so the
storage class must offer ReadWriteMany. Publish a version by renaming its folder, never by writing into it.""",
    "deployment": """A server has started once gRPC health says so, which TensorFlow Serving does only after every model
is loaded and warmed up. It is ready while a version is AVAILABLE: the status page is HTTP 200 whatever the state, so
the probe reads it. TensorFlow Serving ignores SIGTERM, so a server that is to stop still answers while the Service
forgets it, and is then ended. The container's own SIGTERM does nothing: the grace period bounds it.""",
    "service": """For REST, and for gRPC through a proxy that spreads calls. A gRPC client holds one connection, and so
one server: let it resolve the headless Service below with the policy round_robin (dns:///…).""",
    "hpa": """How many servers there are; the Deployment does not say it.""",
    "pdb": """Drains of nodes take one server at a time.""",
    "networkpolicy": """Pods of this namespace may ask for predictions, and the namespace `monitoring` for metrics. The
servers reach nothing but their bucket. An ingress of another namespace needs a rule of its own.""",
    "servicemonitor": """For the Prometheus Operator; leave it out of kustomization.yaml where there is none. Where its
Prometheus selects monitors by a label (release: …), add that label.""",
}


def render(model: Model) -> dict[str, str]:
    """Returns the files by name, the kustomization first."""
    base_path = base_path_of(model)
    texts = config_files(model, base_path)
    fetches = bool(model.store and model.store.scheme == "s3")
    parts = {
        "configmap": around.config_map(model, "-config", texts),
        "serviceaccount": around.service_account(model),
        "deployment": workload.deployment(model, base_path, texts),
        "hpa": around.autoscaler(model),
        "pdb": around.disruption_budget(model),
        "networkpolicy": around.network_policy(model),
        "servicemonitor": around.service_monitor(model),
    }
    if fetches:
        parts["fetch"] = around.config_map(model, "-fetch", {fetching.SCRIPT_NAME: fetching.SCRIPT})
    if model.store is None:
        parts["pvc"] = around.claim(model)
    files = {f"{name}.yaml": document(_comment(name, model), part) for name, part in parts.items()}
    both = (around.service(model), around.headless_service(model))
    files["service.yaml"] = documents(document(COMMENTS["service"], both[0]), document("", both[1]))
    order = [f"{name}.yaml" for name in COMMENTS if f"{name}.yaml" in files]
    return {"kustomization.yaml": _kustomization(model, order)} | {name: files[name] for name in order}


def base_path_of(model: Model) -> str:
    """Returns the folder or URI of the versions as the server sees it."""
    return model.store.uri if model.store and model.store.scheme == "gs" else f"/models/{model.name}"


def _comment(name: str, model: Model) -> str:
    return f"{COMMENTS[name]} {SCALING_ON_GPU}" if name == "hpa" and model.on_gpu else COMMENTS[name]


def _kustomization(model: Model, resources: list[str]) -> str:
    comment = f"The model {model.name} on TensorFlow Serving: kubectl apply -k . (Kubernetes 1.30 or later)."
    return document(comment, around.kustomization(model, resources))
