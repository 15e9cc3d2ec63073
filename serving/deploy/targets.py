"""Where TensorFlow Serving can run: a target is a function from a model to files, and one row here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from serving.deploy import compose, kserve, kubernetes
from serving.deploy.model import Model


@dataclass(frozen=True)
class Target:
    """A place to serve from.

    Attributes:
      render: gives the files by their names, relative to one folder.
      needs_gpu: whether it is for a GPU even where the configuration asks for none.
      may_have_gpu: whether it uses the GPUs that the configuration asks for.
      command: what to type next, in terms of {folder}.
    """

    render: Callable[[Model], dict[str, str]]
    command: str
    needs_gpu: bool = False
    may_have_gpu: bool = True

    def is_on_gpu(self, gpus: int) -> bool:
        """Whether a GPU computes the model, where the configuration asks for so many."""
        return self.needs_gpu or (self.may_have_gpu and gpus > 0)


TARGETS = {
    "compose": Target(compose.render, "docker compose -f {folder}/compose.yaml up --wait", may_have_gpu=False),
    "compose-gpu": Target(compose.render, "docker compose -f {folder}/compose.yaml up --wait", needs_gpu=True),
    "kubernetes": Target(kubernetes.render, "kubectl apply -k {folder}"),
    "kserve": Target(kserve.render, "kubectl apply -k {folder}"),
}
