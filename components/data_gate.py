"""DataGate: anomalies stop the run. The stock ExampleValidator only records them."""

import glob
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import tensorflow as tf
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import ExampleAnomalies, Examples, ExampleStatistics, Schema

from components.anomalies import Anomaly, describe
from components.artifacts import GateReport
from components.offenders import offending_rows
from components.preprocessing import to_column
from components.raw_examples import raw_feature_spec
from components.row_counts import ROWS_PROPERTY
from schema.contract import columns_of
from schema.errors import DataAnomaly, StepFailed
from schema.expression import Expression

BATCH = 4096
ROWS_SHOWN = 2


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


def check_label_presence(source: str, missing: Mapping[str, Mapping[str, int]]) -> None:
    """Checks that every row has a label; `missing` gives, by split and column of the label, the rows without a value.

    Raises:
      DataAnomaly: some row has none; the message says how many, where.
    """
    lacking = [
        f"{rows} rows of the {split} split have no {column!r}"
        for split, columns in missing.items()
        for column, rows in columns.items()
        if rows
    ]
    if lacking:
        raise DataAnomaly(
            f"{source}: rows without a label can neither train nor test a model: {'; '.join(lacking)}. "
            "Leave these rows out, or fill the column."
        )


def check_rows(source: str, written: Mapping[str, int], counted: Mapping[str, int]) -> None:
    """Holds the rows that ExampleGen says it wrote against those that StatisticsGen read, by split.

    Raises:
      StepFailed: rows were lost between the two.
    """
    lost = [
        f"{split}: {rows} written, {counted.get(split, 0)} read"
        for split, rows in written.items()
        if counted.get(split, 0) != rows
    ]
    if lost:
        raise StepFailed(f"{source}: rows were lost after they were split. {'; '.join(lost)}.")


@component
def DataGate(
    examples: InputArtifact[Examples],
    statistics: InputArtifact[ExampleStatistics],
    schema: InputArtifact[Schema],
    anomalies: InputArtifact[ExampleAnomalies],
    report: OutputArtifact[GateReport],
    source: Parameter[str],
    label: Parameter[str],
    problem: Parameter[str],
    default_severity: Parameter[str],
    severities: Parameter[str],
) -> None:
    """Stops the run on an anomaly, a label that does not vary or a lost row; writes what it lets pass as warnings."""
    curated = tfdv.load_schema_text(str(Path(schema.uri, "schema.pbtxt")))
    found = describe(_load_anomalies(anomalies), curated, default_severity, json.loads(severities))
    warnings = check_anomalies(source, [_with_rows(anomaly, examples, curated) for anomaly in found])
    loaded = _load_statistics(statistics)
    check_rows(source, rows_by_split(examples), {split: one.num_examples for split, one in loaded.items()})
    check_label_presence(source, _missing(loaded, Expression(label).columns))
    if problem != "regression":
        check_label(
            source, glob.glob(f"{artifact_utils.get_split_uri([examples], 'train')}/*"), Expression(label), curated
        )
    Path(report.uri, "warnings.json").write_text(json.dumps(warnings))


def _with_rows(anomaly: Anomaly, examples: Examples, curated: schema_pb2.Schema) -> Anomaly:
    """The anomaly with the first rows behind it, where it stops the run and single rows are to blame."""
    columns = {column.name: column for column in columns_of(curated)}
    if anomaly.severity != "fail" or anomaly.feature not in columns:
        return anomaly
    files = glob.glob(f"{artifact_utils.get_split_uri([examples], anomaly.split)}/*")
    return replace(anomaly, rows=tuple(offending_rows(files, columns[anomaly.feature], ROWS_SHOWN)))


def rows_by_split(examples: Examples) -> dict[str, int]:
    """Returns the rows that ExampleGen says it wrote; nothing where it is not ours."""
    rows: dict[str, int] = json.loads(examples.get_string_custom_property(ROWS_PROPERTY) or "{}")
    return rows


def _load_statistics(artifact: ExampleStatistics) -> dict[str, statistics_pb2.DatasetFeatureStatistics]:
    return {
        split: stats_artifact_utils.load_statistics(artifact, split).proto().datasets[0]
        for split in artifact_utils.decode_split_names(artifact.split_names)
    }


def _missing(
    statistics: Mapping[str, statistics_pb2.DatasetFeatureStatistics], columns: Iterable[str]
) -> dict[str, dict[str, int]]:
    """The rows without a value, by split and column."""
    return {split: _missing_of_split(dataset, columns) for split, dataset in statistics.items()}


def _missing_of_split(dataset: statistics_pb2.DatasetFeatureStatistics, columns: Iterable[str]) -> dict[str, int]:
    present = {
        feature.path.step[0]: getattr(feature, feature.WhichOneof("stats")).common_stats.num_non_missing
        for feature in dataset.features
    }
    return {column: dataset.num_examples - present.get(column, 0) for column in columns}


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
    if not rows:
        return set()
    tensors = {name: tf.constant(column) for name, column in kept.items()}
    return set(tf.reshape(expression.evaluate(tensors), [-1]).numpy().tolist())
