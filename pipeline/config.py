"""The YAML file as frozen, typed objects. Every number that a pipeline uses stands in it, or is a default here."""

from __future__ import annotations

import codecs
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from components.settings import ModelSettings
from components.spans import check_pattern, has_spans
from pipeline.runner_settings import Dataflow, Flink, Spark
from pipeline.targets.airflow_settings import Airflow
from pipeline.targets.kubernetes_settings import Kubernetes
from pipeline.targets.settings import Kubeflow, StepSettings, Vertex
from schema.errors import UsageError
from schema.expression import Expression
from schema.names import identifier
from schema.roles import AnyRole
from schema.section import Section
from serving.settings import Serving

Problem = Literal["binary", "multiclass", "regression"]
Severity = Literal["fail", "warn"]
Bound = Annotated[float, Field(allow_inf_nan=False)]
DottedPath = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$", description="package.module.function")]
METRICS = {
    "binary": ("auc", "log_loss", "accuracy", "pr_auc", "precision", "recall", "calibration"),
    "multiclass": ("accuracy", "log_loss", "macro_f1", "macro_auc", "macro_precision", "macro_recall", "micro_auc"),
    "regression": ("rmse", "mae", "r2", "mean_prediction"),
}
SMALLER_IS_BETTER = frozenset({"log_loss", "rmse", "mae"})
DATABASE_SERVERS = ("mysql", "postgresql")
SERVER_KEYS = {"grpc": ("host",)} | dict.fromkeys(DATABASE_SERVERS, ("host", "database", "user"))


class Data(Section):
    """Where the rows come from, and how they are split."""

    source: str = Field(
        "csv", description="csv, jsonl, parquet, avro, tfrecord, sql or bigquery: a row of pipeline/sources.py"
    )
    path: str = Field(
        "",
        description="a file or a glob: local (relative to this YAML file), at gs:// or s3://, or pkg://package/file; "
        "{SPAN}, {VERSION} and {YYYY}/{MM}/{DD} stand for spans",
    )
    delimiter: str = Field(",", min_length=1, max_length=1, description="what separates the values of a CSV")
    encoding: str = Field("utf-8", description="of a text file, as Python names it, for example latin-1")
    missing: tuple[str, ...] = Field((), description='texts that say that a value is missing, beside ""')
    connection: str | None = Field(None, description="of source sql: SQLAlchemy's URL, for example sqlite:///trips.db")
    password_file: str | None = Field(None, description="a file that holds the password, so that no YAML does")
    query: str | None = Field(None, description="of source sql and bigquery: a SELECT")
    span: int | None = Field(None, ge=0, description="the span to read, a number or a date; the latest by default")
    version: int | None = Field(None, ge=0, description="the version of that span; the latest by default")
    window: int = Field(1, ge=1, description="how many spans to read: `span` and those before it")
    test_spans: int = Field(
        0,
        ge=0,
        description="how many of these spans, the latest, are the test split; by default a row's hash decides",
    )
    splits: dict[str, int] = Field(
        {"train": 8, "eval": 1, "test": 1}, description="hash buckets of each split, out of their sum"
    )
    split_seed: int = Field(0, ge=0, description="another seed, another division of the same rows")
    gzip_level: int = Field(
        1,
        ge=0,
        le=9,
        description="how hard gzip tries at the splits' files: 0 is quick, 9 small; all are gzipped TFRecords",
    )

    @field_validator("path")
    @classmethod
    def _placeholders_are_whole(cls, path: str) -> str:
        check_pattern(path)
        return path

    @field_validator("encoding")
    @classmethod
    def _encoding_exists(cls, encoding: str) -> str:
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise ValueError("Python knows no such encoding; legal are for example utf-8, latin-1, utf-16") from None
        return encoding

    @field_validator("span", mode="before")
    @classmethod
    def _date_as_span(cls, span: object) -> object:
        return (span - date(1970, 1, 1)).days if type(span) is date else span

    @field_validator("splits")
    @classmethod
    def _has_the_three_splits(cls, splits: dict[str, int]) -> dict[str, int]:
        if set(splits) != {"train", "eval", "test"} or min(splits.values()) < 1:
            raise ValueError("needs train, eval and test, each a whole number of at least 1")
        return splits

    @model_validator(mode="after")
    def _source_has_what_it_needs(self) -> Data:
        needed = {"sql": ("connection", "query"), "bigquery": ("query",)}.get(self.source, ("path",))
        missing = [key for key in needed if not getattr(self, key)]
        if missing:
            raise ValueError(f"source {self.source} also needs {' and '.join(missing)}")
        return self

    @model_validator(mode="after")
    def _some_span_is_left_to_train_on(self) -> Data:
        if self.test_spans >= self.window and self.test_spans:
            raise ValueError(f"test_spans is {self.test_spans}, of a window of {self.window}: none is left to train on")
        return self

    @model_validator(mode="after")
    def _spans_have_a_place(self) -> Data:
        keys = ("span", "version", "window", "test_spans")
        asked = [key for key in keys if getattr(self, key) != type(self).model_fields[key].default]
        if asked and not has_spans(self.path):
            raise ValueError(f"{asked[0]} needs a path with {{SPAN}}, or with {{YYYY}}, {{MM}} and {{DD}}")
        return self


class Schema(Section):
    """The curated schema, if there is one; without it SchemaGen infers one from the data."""

    path: str | None = Field(None, description="a TFDV schema in protobuf's text format, relative to this YAML file")


class DataGate(Section):
    """What an anomaly does: stop the run, or be told at its end."""

    default: Severity = Field("fail", description="what an anomaly of any other feature does")
    features: dict[str, Severity] = Field(
        {}, description="severity by feature; of one that only warns, requests are asked its type alone"
    )


class RowsGate(Section):
    """How many rows may go to the quarantine before the run stops."""

    max_quarantined: float = Field(
        0.001,
        ge=0,
        le=1,
        description="the fraction of rows that may be broken, of a wrong type, or without a label",
    )


class Gates(Section):
    """The gates' settings other than the bars of `evaluation`."""

    rows: RowsGate = RowsGate()
    data: DataGate = DataGate()


class Bounds(Section):
    """The least or the most that a metric may be."""

    min: Bound | None = Field(None, description="the least that is good enough")
    max: Bound | None = Field(None, description="the most that is good enough")

    @model_validator(mode="after")
    def _bounds_something(self) -> Bounds:
        if self.min is None and self.max is None:
            raise ValueError("needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("has a min above its max")
        return self


class SliceBar(Section):
    """Bars that each value of a slice, or one value of it, must clear."""

    slice: dict[str, str | None] = Field(
        description="feature: value, or feature: null for each of its values", min_length=1
    )
    metrics: dict[str, Bounds] = Field(min_length=1, description="bounds by metric")


class Evaluation(Section):
    """What is measured on the test split, and the bars that a model must clear to be blessed."""

    metrics: tuple[str, ...] = Field((), description="the problem's usual ones by default")
    threshold: float = Field(
        0.5, gt=0, lt=1, description="the probability from which accuracy, precision and recall take a row for a yes"
    )
    slices: tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...] = Field(
        (), description="columns by whose values the metrics are split: [[city], [city, plan]]"
    )
    bars: dict[str, Bounds] = Field({}, description="bars on all of the test split")
    slice_bars: tuple[SliceBar, ...] = Field((), description="bars on single slices of it")
    worst_change: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(
        {}, description="how much worse than the latest blessed model a metric may be"
    )


class InfraValidation(Section):
    """How the exported model is tried before it is pushed."""

    rows: int = Field(16, ge=1, description="real rows that are sent to each signature")
    timeout_seconds: float = Field(180.0, gt=0, description="how long loading and answering may take")
    tolerance: float = Field(
        1e-5, gt=0, description="the largest difference between an answer and the model in process"
    )


class Metadata(Section):
    """Where lineage (MLMD) is kept."""

    backend: Literal["sqlite", "mysql", "postgresql", "grpc"] = Field(
        "sqlite", description="a file in the work folder, a database server, or a metadata server"
    )
    host: str | None = Field(None, description="of a server")
    port: int | None = Field(None, ge=1, le=65535, description="of a server; its usual one by default, 8080 for grpc")
    database: str | None = Field(None, description="of a database server: the name of the database")
    user: str | None = Field(None, description="of a database server: who logs in")
    password_file: str | None = Field(None, description="a file that holds the password, so that no YAML does")
    ca_file: str | None = Field(
        None, description="of grpc: a PEM file with who signed the server's certificate; without it there is no TLS"
    )

    @model_validator(mode="after")
    def _a_server_has_an_address(self) -> Metadata:
        needed = SERVER_KEYS.get(self.backend, ())
        missing = [key for key in needed if getattr(self, key) is None]
        if missing:
            raise ValueError(f"{self.backend} also needs {', '.join(missing)}")
        if self.ca_file is not None and self.backend in DATABASE_SERVERS:
            raise ValueError(f"ca_file is for grpc only, not for {self.backend}")
        return self


class Runner(Section):
    """Where Beam and the DAG run."""

    name: str = Field("local", description="local, flink, spark or dataflow: a row of pipeline/runners.py")
    beam_args: tuple[str, ...] = Field((), description="more options for Beam, as on its command line")
    flink: Flink = Flink()
    spark: Spark = Spark()
    dataflow: Dataflow = Dataflow()


class UserCode(Section):
    """Functions of the user that replace ours, by dotted path."""

    preprocessing_fn: DottedPath | None = Field(
        None, description="package.module.function, called as components.preprocessing.preprocessing_fn is"
    )
    build_model: DottedPath | None = Field(
        None, description="package.module.function, called as components.model.build_model is"
    )


class Config(Section):
    """One pipeline."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,127}$", description="lower-case letters, digits and dashes")
    problem: Problem = Field(description="what is foretold: yes or no, one of several classes, or a number")
    label: str = Field(description="a column, or an expression over columns such as tips > 0.2 * fare")
    data: Data
    schema_: Schema = Field(Schema(), alias="schema")
    features: tuple[AnyRole, ...] = Field(description="what each column is to the model")
    user_code: UserCode = UserCode()
    gates: Gates = Gates()
    model: ModelSettings = ModelSettings()
    evaluation: Evaluation = Evaluation()
    infra_validation: InfraValidation = InfraValidation()
    serving: Serving = Serving()
    metadata: Metadata = Metadata()
    runner: Runner = Runner()
    image: str | None = Field(None, description="the container image of the steps on a cluster: kubeflow/Dockerfile")
    steps: dict[str, StepSettings] = Field(
        {}, description="what each step gets on a cluster, by its name; `default` is for all"
    )
    kubeflow: Kubeflow = Kubeflow()
    vertex: Vertex = Vertex()
    airflow: Airflow = Airflow()
    kubernetes: Kubernetes = Kubernetes()

    @field_validator("label")
    @classmethod
    def _label_parses(cls, label: str) -> str:
        try:
            Expression(label)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return label

    @field_validator("features")
    @classmethod
    def _has_features(cls, features: tuple[AnyRole, ...]) -> tuple[AnyRole, ...]:
        if not features:
            raise ValueError("needs at least one, such as {column: fare, role: numeric}")
        return features

    @property
    def label_expression(self) -> Expression:
        """The parsed label."""
        return Expression(self.label)

    @property
    def feature_columns(self) -> tuple[str, ...]:
        """The raw columns that the model reads, each once, in the file's order."""
        return tuple(dict.fromkeys(column for role in self.features for column in role.columns))

    @property
    def numeric_columns(self) -> frozenset[str]:
        """The raw columns that some role reads as a number."""
        return frozenset(column for role in self.features if role.wants == "number" for column in role.columns)

    @property
    def model_name(self) -> str:
        """The name under which the model is served."""
        return self.serving.model_name or self.name

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics to compute, those that a bar names included."""
        named = (*self.evaluation.bars, *self.evaluation.worst_change)
        named += tuple(metric for bar in self.evaluation.slice_bars for metric in bar.metrics)
        return tuple(dict.fromkeys((*(self.evaluation.metrics or METRICS[self.problem]), *named)))

    @model_validator(mode="after")
    def _metrics_are_of_the_problem(self) -> Config:
        for metric in self.metrics:
            if metric not in METRICS[self.problem]:
                legal = ", ".join(METRICS[self.problem])
                raise ValueError(f"evaluation: metric {metric!r} is none of a {self.problem} problem's: {legal}")
        return self

    @model_validator(mode="after")
    def _tensor_names_are_unique(self) -> Config:
        first: dict[str, str] = {}
        for column in self.feature_columns:
            other = first.setdefault(identifier(column).lower(), column)
            if other != column:
                raise ValueError(
                    f"features: {other!r} and {column!r} would both be {identifier(column)!r} to the model's callers; "
                    "rename one of the columns"
                )
        return self

    @model_validator(mode="after")
    def _transformed_names_are_unique(self) -> Config:
        names = [name for role in self.features for name in (*role.dense, *role.ids)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"features: {', '.join(twice)} is made twice; give each column one entry per role")
        return self
