"""The pipeline, in the order in which it runs."""

from __future__ import annotations

from ml_metadata.proto import metadata_store_pb2
from tfx.components.example_validator.component import ExampleValidator
from tfx.components.trainer.component import Trainer
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import trainer_pb2

from components.baseline import Baseline
from components.data_gate import DataGate
from components.evaluator import Evaluator
from components.infra_validator import InfraValidator
from components.pusher import Pusher
from components.report.step import then_report
from components.statistics_gen import StatisticsGen
from components.transform import Transform
from pipeline.config import Config
from pipeline.evaluation import eval_config
from pipeline.options import preprocessing_options, training_options
from pipeline.schemas import column_types, data_gate_options, schema_gen, severity_options
from pipeline.sources import example_gen


def create_pipeline(
    config: Config,
    root: str,
    destination: str,
    blessed_models: str,
    metadata: metadata_store_pb2.ConnectionConfig,
    beam_args: list[str],
    *,
    enable_cache: bool = True,
) -> Pipeline:
    """Returns the DAG of a configuration.

    Args:
      config: the pipeline.
      root: the folder of the artifacts.
      destination: the folder to which versions of the model are pushed.
      blessed_models: the folder of the models that were blessed, with the latest of which a candidate is compared.
      metadata: the metadata store.
      beam_args: what Beam is told, by all steps that run on it.
      enable_cache: whether a step may take an earlier result.
    """
    examples = example_gen(config, column_types(config), root)
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    schema = schema_gen(config, statistics.outputs["statistics"])
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
    gate = DataGate(
        examples=examples.outputs["examples"],
        statistics=statistics.outputs["statistics"],
        schema=schema.outputs["schema"],
        anomalies=validator.outputs["anomalies"],
        **data_gate_options(config),
    )
    transform = Transform(
        examples=examples.outputs["examples"], schema=schema.outputs["schema"], **preprocessing_options(config)
    )
    transform.add_upstream_node(gate)
    trainer = Trainer(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        train_args=trainer_pb2.TrainArgs(splits=["train"]),
        eval_args=trainer_pb2.EvalArgs(splits=["eval"]),
        **training_options(config, root),
    )
    baseline = Baseline(candidate=trainer.outputs["model"], blessed_models=blessed_models)
    evaluator = Evaluator(
        examples=examples.outputs["examples"],
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["model"],
        eval_config=eval_config(config),
        schema=schema.outputs["schema"],
        example_splits=["test"],
        blessed_models=blessed_models,
    )
    infra_validator = InfraValidator(
        model=trainer.outputs["model"], examples=examples.outputs["examples"], **config.infra_validation.model_dump()
    )
    pusher = Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=infra_validator.outputs["blessing"],
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        destination=destination,
        model_name=config.model_name,
        warmup_rows=config.serving.warmup_rows,
        **severity_options(config),
    )
    steps: list[BaseNode] = [examples, statistics, schema, validator, gate, transform, trainer]
    steps = then_report(config.name, [*steps, baseline, evaluator, infra_validator, pusher])
    return Pipeline(config.name, root, metadata, steps, enable_cache=enable_cache, beam_pipeline_args=beam_args)
