"""What ExampleGen's driver puts on ExampleGen's output: the span, its version, and the fingerprint of the files."""

from __future__ import annotations

from tfx.components.example_gen import driver, utils

from pipeline.container.artifacts import Artifacts
from pipeline.container.properties import Properties


def describe_examples(outputs: Artifacts, properties: Properties) -> None:
    """Does to the output `examples` what TFX's driver does; nothing where the properties hold no span.

    A version that lacks becomes None, which is what TFX says where the files have none: no backend can carry it.
    """
    if utils.SPAN_PROPERTY_NAME not in properties:
        return
    properties.setdefault(utils.VERSION_PROPERTY_NAME, None)
    for artifact in outputs.get("examples", []):
        driver.update_output_artifact(properties, artifact.mlmd_artifact)
