"""Names for versions, which clients may call instead of numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from serving.server.status import failed_precondition

Labels = Mapping[str, Mapping[str, int]]


def assigned(
    config: ModelServerConfig, current: Labels, is_available: Callable[[str, int], bool], *, allow_unavailable: bool
) -> Labels:
    """Returns the labels of a configuration, by model.

    A label may point to a version that is available now. With `allow_unavailable` a new label may point to any
    version, and one that exists is moved only to an available version.

    Raises:
      StatusError: a label points to a version that it may not point to.
    """
    labels: dict[str, dict[str, int]] = {}
    for model in config.model_config_list.config:
        for label, number in model.version_labels.items():
            stays = current.get(model.name, {}).get(label, number) == number
            if not (allow_unavailable and stays) and not is_available(model.name, number):
                raise failed_precondition(
                    f"Request to assign label to version {number} of model {model.name}, "
                    "which is not currently available for inference"
                )
            labels.setdefault(model.name, {})[label] = number
    return labels
