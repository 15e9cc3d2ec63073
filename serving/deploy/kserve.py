"""A KServe InferenceService on its TensorFlow runtime, and the configuration that the runtime's server reads."""

from __future__ import annotations

from typing import Any

from serving.deploy import around, workload
from serving.deploy.model import Model
from serving.deploy.server import FOLDER, METRICS_PATH, config_files, flags
from serving.deploy.text import document

Part = dict[str, Any]
GRPC_PORT, REST_PORT = 9000, 8080  # the runtime's own
BASE_PATH = "/mnt/models"  # where KServe's storage initializer puts them
STOCK_IMAGE = "tensorflow/serving"
ANNOTATIONS = {"serving.kserve.io/deploymentMode": "Standard", "serving.kserve.io/autoscalerClass": "hpa"}
COMMENTS = {
    "configmap": """What the server reads at /etc/model-server, over the flags of KServe's runtime.""",
    "serviceaccount": """Who the pods are. For a bucket, annotate it with the cloud's role, or give it a secret as
KServe's documentation has it.""",
    "pvc": """Where the versions lie: MODELS/<number>/saved_model.pb. The pipeline writes here, all servers read, so the
storage class must offer ReadWriteMany.""",
    "inferenceservice": """The model on KServe's TensorFlow runtime, kserve-tensorflow-serving. From a bucket the
versions that are there are copied when a server starts: roll the service out again to serve a newer one; from a claim
they are served as they appear. A server is ready once its port opens, which is after the model is loaded and warmed
up. KServe 0.16 or later, without Knative, whose pods may neither scale by CPU nor wait before they stop.""",
}


def render(model: Model) -> dict[str, str]:
    """Returns the files by name, the kustomization first."""
    parts = {
        "configmap": around.config_map(model, "-config", config_files(model, BASE_PATH)),
        "serviceaccount": around.service_account(model),
        "inferenceservice": inference_service(model),
    }
    if model.store is None:
        parts["pvc"] = around.claim(model)
    files = {f"{name}.yaml": document(COMMENTS[name], parts[name]) for name in COMMENTS if name in parts}
    comment = f"The model {model.name} on KServe: kubectl apply -k ."
    return {"kustomization.yaml": document(comment, around.kustomization(model, list(files)))} | files


def inference_service(model: Model) -> Part:
    """Returns the InferenceService (serving.kserve.io/v1beta1)."""
    deploy = model.deploy
    predictor = {
        "minReplicas": deploy.min_replicas,
        "maxReplicas": deploy.max_replicas,
        "scaleMetric": "cpu",
        "scaleTarget": deploy.cpu_percent,
        "serviceAccountName": model.resource_name,
        "annotations": {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": str(REST_PORT),
            "prometheus.io/path": METRICS_PATH,
        },
        "model": _model(model),
        "volumes": [{"name": "config", "configMap": {"name": f"{model.resource_name}-config"}}, workload.SCRATCH],
    }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": workload.metadata(model) | {"annotations": ANNOTATIONS},
        "spec": {"predictor": predictor},
    }


def _model(model: Model) -> Part:
    image, _, tag = model.image.rpartition(":")
    return {
        "modelFormat": {"name": "tensorflow"},
        **({} if image == STOCK_IMAGE else {"image": model.image}),
        "runtimeVersion": tag,
        "protocolVersion": "v1",
        "storageUri": model.store.uri if model.store else f"pvc://{model.resource_name}-models",
        "args": flags(model, BASE_PATH, GRPC_PORT, REST_PORT),
        "resources": workload.resources(model),
        "readinessProbe": {"tcpSocket": {"port": REST_PORT}, "periodSeconds": workload.PROBE_SECONDS},
        "lifecycle": {"preStop": {"sleep": {"seconds": model.deploy.drain_seconds}}},
        "securityContext": workload.CONTAINER_SECURITY,
        "volumeMounts": [{"name": "config", "mountPath": FOLDER, "readOnly": True}, workload.SCRATCH_MOUNT],
    }
