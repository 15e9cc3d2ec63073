from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tfx import v1 as tfx
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.control_flow.for_each import ForEach
from tfx.orchestration.pipeline import Pipeline
from tfx.types.channel import union

from pipeline.targets import dag_refusals
from schema.errors import UsageError
from tests.targets.steps import Hear, Make, Strange, Take, Wait

Model = tfx.types.standard_artifacts.Model
Blessing = tfx.types.standard_artifacts.ModelBlessing
Steps = list[BaseNode]


def plain() -> Steps:
    """Two steps that every target runs."""
    make = Make()
    return [make, Take(model=make.outputs["model"])]


def inner_pipeline() -> Steps:
    """A pipeline as a step."""
    return [Pipeline("inner", "/root", components=[Make()]), Wait()]


def resolver() -> Steps:
    """The stock way to the latest blessed model."""
    return [
        tfx.dsl.Resolver(
            strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
            model=tfx.dsl.Channel(type=Model),
            model_blessing=tfx.dsl.Channel(type=Blessing),
        ).with_id("Latest")
    ]


def resolver_of_spans() -> Steps:
    """A strategy that Vertex has no query for."""
    return [
        tfx.dsl.Resolver(
            strategy_class=tfx.dsl.experimental.SpanRangeStrategy,
            config={"range_config": tfx.proto.RangeConfig()},
            examples=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Examples),
        ).with_id("Spans")
    ]


def stock_infra_validator() -> Steps:
    """The stock InfraValidator."""
    make = Make()
    spec = tfx.proto.ServingSpec(tensorflow_serving=tfx.proto.TensorFlowServing(tags=["latest"]))
    return [make, tfx.components.InfraValidator(model=make.outputs["model"], serving_spec=spec)]


def module_file() -> Steps:
    """A stock Transform with a file of this machine."""
    examples = tfx.components.CsvExampleGen(input_base="/data")
    schema = tfx.dsl.Importer(source_uri="/schema", artifact_type=tfx.types.standard_artifacts.Schema).with_id("Schema")
    module = Path(__file__).parent / "specs.py"
    transform = tfx.components.Transform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["result"],
        module_file=str(module),
        force_tf_compat_v1=False,
    )
    return [examples, schema, transform]


def illegal_name() -> Steps:
    """An underscore, which Argo refuses."""
    return [Make().with_id("make_it")]


def illegal_type() -> Steps:
    """A type whose name has no dot."""
    return [Strange()]


def union_of_channels() -> Steps:
    """Two models as one input."""
    first, second = Make().with_id("First"), Make().with_id("Second")
    return [first, second, Take(model=union([first.outputs["model"], second.outputs["model"]]))]


def loop() -> Steps:
    """A step for each model."""
    make = Make()
    with ForEach(make.outputs["model"]) as model:
        take = Take(model=model)
    return [make, take]


def dynamic_property() -> Steps:
    """A property that another step gives."""
    make = Make()
    return [make, Wait(number=make.outputs["number"].future()[0].value)]


def long_text() -> Steps:
    """More than Linux takes as one argument, and nothing to pack it by."""
    return [Hear(text=random.Random(0).randbytes(120_000).hex())]


def double_braces() -> Steps:
    """What Argo takes for a variable."""
    return [Hear(text="tips > {{item}}")]


def two_dollars() -> Steps:
    """What Kubernetes makes one."""
    return [Hear(text="in $$")]


def condition_on_an_input() -> Steps:
    """A condition of what the step takes."""
    make = Make()
    with tfx.dsl.Cond(make.outputs["model"].future()[0].custom_property("good") == 1):
        take = Take(model=make.outputs["model"])
    return [make, take]


def condition_on_a_value() -> Steps:
    """A condition of what is in an artifact's file."""
    make = Make()
    with tfx.dsl.Cond(make.outputs["number"].future()[0].value == 1):
        wait = Wait()
    return [make, wait]


CASES: dict[str, list[tuple[str, Callable[[], Steps], str]]] = {
    "is_no_pipeline": [("kubeflow", inner_pipeline, "step 'inner' is a pipeline inside the pipeline")],
    "is_no_resolver": [("kubeflow", resolver, "step 'Latest' is a Resolver, which open-source Kubeflow has not")],
    "is_a_known_resolver": [("vertex", resolver_of_spans, "step 'Spans' is a Resolver of SpanRangeStrategy")],
    "is_not_the_stock_infra_validator": [("vertex", stock_infra_validator, "step 'InfraValidator' is TFX's")],
    "has_no_module_file": [("vertex", module_file, "step 'Transform' has a module_file")],
    "has_a_legal_name": [("kubeflow", illegal_name, "step 'make_it' has a name that Argo refuses")],
    "has_legal_types": [("vertex", illegal_type, "step 'Strange' gives a 'Nameless'")],
    "takes_single_channels": [
        ("vertex", union_of_channels, "step 'Take' takes a union as 'model'"),
        ("vertex", loop, "step 'Take' takes a ResolvedChannel as 'model'"),
    ],
    "has_fixed_properties": [("vertex", dynamic_property, "step 'Wait' takes 'number' from another step's output")],
    "has_short_properties": [
        (target, long_text, "bytes, even packed, and a container's process takes 114688 at most")
        for target in dag_refusals.BOTH
    ],
    "holds_no_placeholder": [
        ("kubeflow", double_braces, "step 'Hear' has {{ in 'text'"),
        ("kubeflow", two_dollars, "step 'Hear' has $$ in 'text'"),
    ],
    "waits_for_channels_it_does_not_take": [
        ("vertex", condition_on_an_input, "step 'Take' runs on a condition of Make's 'model'")
    ],
    "waits_for_no_value": [("vertex", condition_on_a_value, "step 'Wait' runs on a condition of a value")],
}


def pipeline(steps: Steps, root: Path) -> Pipeline:
    """A pipeline of these steps."""
    return Pipeline("tried", str(root), components=steps)


@pytest.mark.parametrize(
    ("target", "steps", "said"),
    [case for cases in CASES.values() for case in cases],
    ids=[case[1].__name__ for cases in CASES.values() for case in cases],
)
def test_a_step_that_a_target_cannot_run_is_refused(
    target: str, steps: Callable[[], Steps], said: str, tmp_path: Path
) -> None:
    """The message names the step, what is wrong with it, and the way out."""
    with pytest.raises(UsageError) as raised:
        dag_refusals.check(pipeline(steps(), tmp_path), target)
    assert str(raised.value).startswith(f"tried cannot run on {target}:\n")
    assert said in str(raised.value)


def test_every_rule_has_a_test() -> None:
    """A rule that is added is tried here too."""
    assert {rule.__name__ for rule, _ in dag_refusals.RULES} == set(CASES)


@pytest.mark.parametrize("target", dag_refusals.BOTH)
def test_plain_steps_pass(target: str, tmp_path: Path) -> None:
    """Steps with artifacts between them are what both targets run."""
    dag_refusals.check(pipeline(plain(), tmp_path), target)


def test_braces_and_dollars_by_themselves_pass(tmp_path: Path) -> None:
    """JSON within JSON closes with two braces, and a dollar sign alone is nobody's."""
    dag_refusals.check(pipeline([Hear(text='{"price in $": {"min": 1}}')], tmp_path), "kubeflow")


def test_vertex_has_the_resolver_of_blessed_models(tmp_path: Path) -> None:
    """What only Kubeflow lacks is not refused elsewhere."""
    dag_refusals.check(pipeline(resolver(), tmp_path), "vertex")
