from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, InfraBlessing, Model, ModelBlessing, PushedModel, Schema

from components.pusher import Pusher, warned
from serving.local import LocalModel
from tests.components import fleet
from tests.components.conftest import Exporter
from tests.components.graphs import Graph
from tests.components.tables import write_records


def push(model_folder: Path, examples: list[bytes], folder: Path, *, blessed: int = 1) -> PushedModel:
    """Runs the component where every value is asked for, and of a missing city is only warned."""
    model, rows, schema, pushed = Model(), Examples(), Schema(), PushedModel()
    model.uri, rows.uri = str(model_folder), str(folder / "examples")
    schema.uri, pushed.uri = str(folder), str(folder / "pushed")
    rows.split_names = artifact_utils.encode_split_names(["train", "test"])
    write_records(folder / "examples" / "Split-train" / "rows.gz", examples)
    strict = fleet.schema()
    for feature in strict.feature:
        feature.presence.min_fraction = 1.0
    (folder / "schema.pbtxt").write_text(text_format.MessageToString(strict))
    model_blessing, infra_blessing = ModelBlessing(), InfraBlessing()
    for blessing in (model_blessing, infra_blessing):
        blessing.set_int_custom_property("blessed", blessed)
    Pusher.test_call(
        model=model, model_blessing=model_blessing, infra_blessing=infra_blessing, examples=rows, schema=schema,
        pushed_model=pushed, destination=str(folder / "serving"), model_name="fleet", warmup_rows=2,
        default_severity="fail", severities=json.dumps({"city": "warn"}),
    )  # fmt: skip
    return pushed


def test_a_pushed_version_carries_its_contract(exporter: Exporter, class_graph: Graph, tmp_path: Path) -> None:
    """It holds what the model reads: without its constraints what training was only warned of, with them the rest."""
    pushed = push(exporter("multiclass").parent, class_graph.examples, tmp_path)
    version = Path(pushed.get_string_custom_property("pushed_destination"))
    part = text_format.Parse((version / "assets.extra" / "schema.pbtxt").read_text(), schema_pb2.Schema())
    assert {feature.name: feature.presence.min_fraction for feature in part.feature} == {"distance": 1.0, "city": 0.0}
    answered, refused = LocalModel(version).predict([{"distance": 3}, {"city": "Rome"}])
    assert answered["label"]
    assert refused == {"error": "row 2: 'distance' is missing, and the schema asks for it in every row"}


def test_what_a_gate_refused_is_not_pushed(exporter: Exporter, class_graph: Graph, tmp_path: Path) -> None:
    """Without both blessings no version appears."""
    pushed = push(exporter("multiclass").parent, class_graph.examples, tmp_path, blessed=0)
    assert pushed.get_int_custom_property("pushed") == 0
    assert not (tmp_path / "serving").exists()


@pytest.mark.parametrize(
    ("default", "severities", "expected"),
    [("fail", {}, set()), ("warn", {}, {"a", "b"}), ("warn", {"a": "fail"}, {"b"}), ("fail", {"a": "warn"}, {"a"})],
)
def test_a_features_severity_overrides_the_default(
    default: str, severities: dict[str, str], expected: set[str]
) -> None:
    """A column is warned of by its own severity, or else by that of all."""
    curated = text_format.Parse('feature { name: "a" } feature { name: "b" }', schema_pb2.Schema())
    assert warned(curated, default, json.dumps(severities)) == expected
