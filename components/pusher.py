"""Pusher: a blessed model becomes a version that a model server can load."""

from pathlib import Path

from tfx.components.evaluator import constants
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, InfraBlessing, Model, ModelBlessing, PushedModel
from tfx.utils import path_utils

from components.model_probe import load
from components.publication import publish
from components.raw_examples import read_serialized, requests_for
from components.warmup import write_warmup


@component
def Pusher(
    model: InputArtifact[Model],
    model_blessing: InputArtifact[ModelBlessing],
    infra_blessing: InputArtifact[InfraBlessing],
    examples: InputArtifact[Examples],
    pushed_model: OutputArtifact[PushedModel],
    destination: Parameter[str],
    model_name: Parameter[str],
    warmup_rows: Parameter[int],
) -> None:
    """Publishes the model if both gates blessed it; `pushed_model` says whether, and where."""
    blessed = model_blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY)
    if not (blessed and infra_blessing.get_int_custom_property("blessed")):
        pushed_model.set_int_custom_property("pushed", 0)
        return
    path = path_utils.serving_model_path(model.uri)

    def add_warmup(version: Path) -> None:
        rows = read_serialized(artifact_utils.get_split_uri([examples], "train"), warmup_rows)
        if rows:
            write_warmup(version, model_name, requests_for(load(path), rows))

    version = publish(Path(path), Path(destination), origin=model.uri, prepare=add_warmup)
    pushed_model.set_int_custom_property("pushed", 1)
    pushed_model.set_int_custom_property("is_new", int(version.is_new))
    pushed_model.set_string_custom_property("pushed_destination", str(version.path))
    pushed_model.set_string_custom_property("pushed_version", str(version.number))
