"""A compose file: one server on one machine, on its CPU or its GPU."""

from __future__ import annotations

import os
from typing import Any

from schema.errors import UsageError
from serving.deploy.model import Model
from serving.deploy.server import FOLDER, config_files, flags, is_loaded
from serving.deploy.text import document

CPU, GPU = "compose", "compose-gpu"
USER = "1000:1000"
UNITS = {"Mi": "m", "Gi": "g"}
COMMENT = """TensorFlow Serving on one machine: docker compose up --wait. It is healthy once a version of the model is
loaded, and answers on this machine only (it asks nobody who they are): put a proxy with TLS and a login before it. It
stops at once: TensorFlow Serving does not wait for requests in flight."""


def render(model: Model) -> dict[str, str]:
    """Returns the files by name.

    Raises:
      UsageError: the versions lie where a container on one machine cannot read them.
    """
    base_path = _base_path(model)
    texts = config_files(model, base_path)
    content = {"name": model.resource_name, "services": {"model-server": _service(model, base_path)}}
    return {"compose.yaml": document(COMMENT, content)} | {f"config/{name}": text for name, text in texts.items()}


def _base_path(model: Model) -> str:
    store = model.store
    if store is None:
        return f"/models/{model.name}"
    if store.scheme == "gs":
        return store.uri
    raise UsageError(
        f"serving.deploy.models is {model.deploy.models!r}, which TensorFlow Serving cannot read in a container of "
        "compose: it reads folders and gs:// (s3:// no longer since 2.7). Leave the key out and copy the versions to "
        "this machine, or choose --target kubernetes or kserve."
    )


def _service(model: Model, base_path: str) -> dict[str, Any]:
    ports = model.serving.grpc_port, model.serving.rest_port
    return {
        "image": model.image,
        "entrypoint": ["tensorflow_model_server"],
        "command": flags(model, base_path, *ports),
        "ports": [f"127.0.0.1:{port}:{port}" for port in ports],
        "volumes": _volumes(model),
        "healthcheck": {
            "test": ["CMD", *is_loaded(model, model.serving.rest_port)],
            "interval": "10s",
            "timeout": "5s",
            "retries": 3,
            "start_period": f"{model.deploy.start_seconds}s",
            "start_interval": "1s",
        },
        "restart": "unless-stopped",
        "init": True,  # without a first process that passes SIGTERM on, stopping would take 10 s and a SIGKILL
        "user": USER,
        "read_only": True,
        "tmpfs": ["/tmp"],  # noqa: S108  # the container's own
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "deploy": {"resources": _resources(model)},
    }


def _volumes(model: Model) -> list[dict[str, Any]]:
    config = _bound("./config", FOLDER)
    if model.store is not None:
        return [config]
    pushed = os.path.relpath(model.pushed, model.written).replace("$", "$$")  # a single one names a variable
    return [config, _bound(pushed if pushed.startswith(".") else f"./{pushed}", f"/models/{model.name}")]


def _bound(source: str, target: str) -> dict[str, Any]:
    bound = {"type": "bind", "source": source, "target": target, "read_only": True}
    return bound | {"bind": {"create_host_path": False}}  # a folder that is not there is an error, not an empty one


def _resources(model: Model) -> dict[str, Any]:
    memory = model.deploy.memory[:-2] + UNITS[model.deploy.memory[-2:]]
    limits = {"limits": {"cpus": str(model.deploy.cpus), "memory": memory}}
    if not model.on_gpu:
        return limits
    device = {"driver": "nvidia", "count": max(model.deploy.gpus, 1), "capabilities": ["gpu"]}
    return limits | {"reservations": {"devices": [device]}}
