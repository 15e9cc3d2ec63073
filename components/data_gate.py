"""DataGate: anomalies stop the run. The stock ExampleValidator only records them."""

import glob
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import tensorflow as tf
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import ExampleAnomalies, Examples, Schema

from components.anomalies import Anomaly, describe
from components.artifacts import GateReport
from components.preprocessing import to_column
from components.raw_examples import raw_feature_spec
from schema.errors import DataAnomaly
from schema.expression import Expression

BATCH = 4096


def check_anomalies(source: str, anomalies: Iterable[Anomaly]) -> list[str]:
    """Returns the warnings among the anomalies of a source's rows, as sentences.

    Raises:
      DataAnomaly: some anomaly is to stop the run; the message names them all.
    """
    found = list(anomalies)
    failures = [str(anomaly) for anomaly in found if anomaly.severity == "fail"]
    if failures:
        raise DataAnomaly(
            f"{source}: does not fit its schema.\n"
            + "\n".join(failures)
            + "\nMend the data, or, where the data is right, "
            "change the schema, or let a feature pass with gates.data.features: {<feature>: warn}."
        )
    return [str(anomaly) for anomaly in found]


def check_label(source: str, files: Iterable[str], expression: Expression, schema: schema_pb2.Schema) -> None:
    """Reads until two different labels are seen.

    Raises:
      DataAnomaly: no row has a label, or all have the same.
    """
    spec = {name: kind for name, kind in raw_feature_spec(schema).items() if name in expression.columns}
    seen: set[object] = set()
    for batch in tf.data.TFRecordDataset(list(files), "GZIP").batch(BATCH):
        seen |= _labels(tf.io.parse_example(batch, spec), expression)
        if len(seen) > 1:
            return
    what = f"every row has the same label, {seen.pop()!r}" if seen else "no row has a label"
    raise DataAnomaly(
        f"{source}: the label {expression.text!r} cannot be learned: in the train split {what}. "
        "Check the label's columns, or give data in which the label varies."
    )


@component
def DataGate(
    examples: InputArtifact[Examples],
    schema: InputArtifact[Schema],
    anomalies: InputArtifact[ExampleAnomalies],
    report: OutputArtifact[GateReport],
    source: Parameter[str],
    label: Parameter[str],
    problem: Parameter[str],
    default_severity: Parameter[str],
    severities: Parameter[str],
) -> None:
    """Stops the run on an anomaly, or on a label that does not vary; writes what it lets pass as warnings."""
    curated = tfdv.load_schema_text(str(Path(schema.uri, "schema.pbtxt")))
    found = describe(_load_anomalies(anomalies), curated, default_severity, json.loads(severities))
    warnings = check_anomalies(source, found)
    if problem != "regression":
        check_label(
            source, glob.glob(f"{artifact_utils.get_split_uri([examples], 'train')}/*"), Expression(label), curated
        )
    Path(report.uri, "warnings.json").write_text(json.dumps(warnings))


def _load_anomalies(artifact: ExampleAnomalies) -> Mapping[str, anomalies_pb2.Anomalies]:
    splits = artifact_utils.decode_split_names(artifact.split_names)
    paths = {split: Path(artifact_utils.get_split_uri([artifact], split), "SchemaDiff.pb") for split in splits}
    return {split: anomalies_pb2.Anomalies.FromString(path.read_bytes()) for split, path in paths.items()}


def _labels(columns: Mapping[str, tf.SparseTensor], expression: Expression) -> set[object]:
    values = {name: to_column(column) for name, column in columns.items()}
    rows = set.intersection(*({int(row) for row, _ in column.indices.numpy()} for column in values.values()))
    kept = {
        name: [
            value for (row, _), value in zip(column.indices.numpy(), column.values.numpy(), strict=True) if row in rows
        ]
        for name, column in values.items()
    }
    arrays = {name: tf.constant(column).numpy() for name, column in kept.items()}
    if not rows:
        return set()
    return set(tf.reshape(expression.evaluate(arrays), [-1]).numpy().tolist())
