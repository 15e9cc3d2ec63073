"""A small component and small drivers, with which the entry point is tried where the real ones would take minutes."""

import json
import logging
from pathlib import Path
from typing import Any

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, OutputDict, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types.standard_artifacts import Examples

from components.artifacts import HTML, GateReport, Metrics
from components.row_counts import ROWS_PROPERTY
from schema.errors import DataAnomaly

TOO_MANY = 100  # times at which Counter's gate says no


@component
def Counter(
    examples: InputArtifact[Examples],
    report: OutputArtifact[GateReport],
    page: OutputArtifact[HTML],
    numbers: OutputArtifact[Metrics],
    times: Parameter[int],
    rate: Parameter[float],
    note: Parameter[str] = "none",
) -> OutputDict(rows=int):  # type: ignore[valid-type]  # TFX's own notation
    """Writes down what it was given; as a gate, it refuses to count too many times.

    Raises:
      DataAnomaly: `times` is too large.
    """
    if times > TOO_MANY:
        raise DataAnomaly(f"{times} times are too many. Count at most {TOO_MANY} times.")
    logging.getLogger("tensorflow").info("chatter")
    read = sorted(path.name for path in Path(examples.uri).iterdir())
    said = {"read": read, "times": times, "rate": rate, "note": note, "type": type(times).__name__}
    said |= {name: examples.get_custom_property(name) for name in ("bounds", "sides", "stored_uri")}
    Path(report.uri, "warnings.json").write_text(json.dumps(said))
    Path(page.uri, "report.html").write_text("<p>counted</p>")
    report.set_string_custom_property("read_from", f"{examples.uri}/Split-train")
    report.set_string_custom_property("destination", "/minio/a/place/of/its/own")
    report.set_bool_custom_property("passed", value=True)
    numbers.set_float_custom_property("accuracy", 0.75)
    numbers.set_float_custom_property("auc", float("nan"))
    return {"rows": sum(json.loads(examples.get_string_custom_property(ROWS_PROPERTY)).values()) * times}


class Recorder(BaseBeamExecutor):
    """Writes the execution properties and its Beam arguments, as JSON, into the folder of its only output."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:
        """Writes them down."""
        del input_dict
        ((examples,),) = output_dict.values()
        said = {"properties": exec_properties, "beam_args": self._beam_pipeline_args}
        Path(examples.uri, "said.json").write_text(json.dumps(said, sort_keys=True))


class FolderDriver:
    """A driver like ours: finds the names of the files in the folder `folder`, and is given no metadata store."""

    def __init__(self, metadata_handle: None) -> None:
        self._metadata = metadata_handle

    def resolve(self, input_dict: dict[str, list[Any]], exec_properties: dict[str, Any]) -> dict[str, Any]:
        """Returns the properties, with `files`; and with `candidate`, the path of an input of that name."""
        names = sorted(path.name for path in Path(exec_properties["folder"]).iterdir())
        candidates = [artifact.uri for artifact in input_dict.get("candidate", [])]
        return exec_properties | {"files": len(names), "first": names[0] if names else None, "candidates": candidates}
