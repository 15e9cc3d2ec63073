"""What a target cannot run of a DAG: what TFX's compiler leaves out, gets wrong, or the platform does not know.

Measured with tfx 1.21 and kfp 2.16. A rule is one function and one row; it yields what is wrong with a step and the way
out. Without these rules some would fail in the compiler without a name, and others only when the step runs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tfx.components import InfraValidator
from tfx.dsl.components.common.resolver import RESOLVER_STRATEGY_CLASS, Resolver
from tfx.dsl.experimental.conditionals import conditional
from tfx.dsl.input_resolution.strategies.latest_artifact_strategy import LatestArtifactStrategy
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
from tfx.dsl.placeholder import artifact_placeholder
from tfx.dsl.placeholder.placeholder_base import Placeholder
from tfx.orchestration.kubeflow.v2.compiler_utils import get_artifact_schema
from tfx.orchestration.pipeline import Pipeline
from tfx.types.channel import Channel, UnionChannel
from tfx.types.channel_utils import get_dependent_channels

from pipeline.packed import pack
from pipeline.targets.refusals import refuse

KUBEFLOW, VERTEX = "kubeflow", "vertex"
BOTH = (KUBEFLOW, VERTEX)
STEP_NAME = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")
LONGEST = 112 * 1024  # bytes: of the 128 KiB that Linux takes in one argument (MAX_ARG_STRLEN), artifacts take some
Node = Any
Rule = Callable[[Node, Pipeline], Iterator[str]]


def is_no_pipeline(node: Node, dag: Pipeline) -> Iterator[str]:
    """A pipeline inside a pipeline ends in an assertion without a message."""
    del dag
    if isinstance(node, Pipeline):
        yield "is a pipeline inside the pipeline, which TFX compiles for neither. Put its steps into the outer one."


def is_no_resolver(node: Node, dag: Pipeline) -> Iterator[str]:
    """Kubeflow's driver has no executor for them."""
    del dag
    if isinstance(node, Resolver):
        yield (
            "is a Resolver, which open-source Kubeflow has not. For the latest blessed model take "
            "components.baseline.Baseline."
        )


def is_a_known_resolver(node: Node, dag: Pipeline) -> Iterator[str]:
    """Vertex has queries for two strategies."""
    del dag
    if isinstance(node, Resolver):
        strategy = node.exec_properties.get(RESOLVER_STRATEGY_CLASS)
        if not issubclass(strategy or object, (LatestArtifactStrategy, LatestBlessedModelStrategy)):
            name = getattr(strategy, "__name__", "a function")
            yield f"is a Resolver of {name}. Vertex has LatestArtifactStrategy and LatestBlessedModelStrategy only."


def is_not_the_stock_infra_validator(node: Node, dag: Pipeline) -> Iterator[str]:
    """TFX refuses to compile it."""
    del dag
    if isinstance(node, InfraValidator):
        yield "is TFX's InfraValidator, which needs Docker. Take components.infra_validator.InfraValidator."


def has_no_module_file(node: Node, dag: Pipeline) -> Iterator[str]:
    """It would be packed into a wheel at a path of this machine while the DAG is compiled."""
    del dag
    if _properties(node).get("module_file"):
        yield "has a module_file, which is a file of this machine. Name its function by dotted path, in the image."


def has_a_legal_name(node: Node, dag: Pipeline) -> Iterator[str]:
    """The name becomes part of Argo's names, which Kubeflow does not mend."""
    del dag
    if not STEP_NAME.fullmatch(node.id):
        yield "has a name that Argo refuses. Legal are letters, digits and dashes: with_id('…')."


def has_legal_types(node: Node, dag: Pipeline) -> Iterator[str]:
    """A type of one's own travels as the title of a schema."""
    del dag
    for channel in _outputs(node):
        try:
            get_artifact_schema(channel.type)
        except ValueError:
            yield (
                f"gives a {channel.type.TYPE_NAME!r}. The name of a type of one's own is like penstock.GateReport: "
                "3 to 21 small letters, a dot, and 3 to 50 letters of which the first is a capital."
            )


def takes_single_channels(node: Node, dag: Pipeline) -> Iterator[str]:
    """Unions and loops come down to several artifacts, which the compiler has no words for."""
    del dag
    for key, channel in _inputs(node):
        if isinstance(channel, UnionChannel):
            yield f"takes a union as {key!r}, which has no form in a spec. Give it one input for each channel."
        elif not isinstance(channel, Channel):
            yield f"takes a {type(channel).__name__} as {key!r}, which has no form in a spec. Give it one channel."


def has_fixed_properties(node: Node, dag: Pipeline) -> Iterator[str]:
    """The compiler names a task `<step>_task` that is not there."""
    del dag
    for key, value in _properties(node).items():
        if isinstance(value, Placeholder):
            yield (
                f"takes {key!r} from another step's output, for which TFX names a task that there is not. Give it the "
                "artifact as an input, and read the value in the step."
            )


def has_short_properties(node: Node, dag: Pipeline) -> Iterator[str]:
    """They travel together, as JSON, in one argument of the step's process."""
    del dag
    told = {key: pack(value) if isinstance(value, str) else value for key, value in _properties(node).items()}
    size = len(json.dumps(told, default=str, ensure_ascii=False).encode())
    if size > LONGEST:
        yield (
            f"is told {size} bytes, even packed, and a container's process takes {LONGEST} at most. Tell it less: "
            "fewer columns, or no schema.path, so that the schema is inferred and does not travel."
        )


def holds_no_placeholder(node: Node, dag: Pipeline) -> Iterator[str]:
    """Argo and Kubeflow replace what is in double braces, and Kubernetes makes two dollar signs one."""
    del dag
    for key, value in _properties(node).items():
        found = re.search(r"\{\{|\$\$", pack(value) if isinstance(value, str) else "")
        if found:
            yield f"has {found.group()} in {key!r}, which Kubeflow would take for its own. Write it in another way."


def waits_for_channels_it_does_not_take(node: Node, dag: Pipeline) -> Iterator[str]:
    """The condition of a channel that is an input too names an input that there is not."""
    taken = {(channel.producer_component_id, channel.output_key) for _, channel in _inputs(node) if _is_plain(channel)}
    for predicate in conditional.get_predicates(node, dag.dsl_context_registry):
        for channel in get_dependent_channels(predicate):
            if (channel.producer_component_id, channel.output_key) in taken:
                yield (
                    f"runs on a condition of {channel.producer_component_id}'s {channel.output_key!r}, which it also "
                    "takes as an input: TFX writes a condition that fails. Do not take it, or look at it in the step."
                )


def waits_for_no_value(node: Node, dag: Pipeline) -> Iterator[str]:
    """The value of an artifact is in its file, which no condition can read."""
    for predicate in conditional.get_predicates(node, dag.dsl_context_registry):
        if any(isinstance(part, artifact_placeholder._ArtifactValueOperator) for part in predicate.traverse()):  # noqa: SLF001  # TFX has no public name for it
            yield "runs on a condition of a value. Put it into a custom property of the artifact, and ask that."


RULES: Sequence[tuple[Rule, tuple[str, ...]]] = (
    (is_no_pipeline, BOTH),
    (is_no_resolver, (KUBEFLOW,)),
    (is_a_known_resolver, (VERTEX,)),
    (is_not_the_stock_infra_validator, BOTH),
    (has_no_module_file, BOTH),
    (has_a_legal_name, (KUBEFLOW,)),
    (has_legal_types, BOTH),
    (takes_single_channels, BOTH),
    (has_fixed_properties, BOTH),
    (has_short_properties, BOTH),
    (holds_no_placeholder, (KUBEFLOW,)),
    (waits_for_channels_it_does_not_take, BOTH),
    (waits_for_no_value, BOTH),
)


def check(dag: Pipeline, target: str) -> None:
    """Holds a DAG against what a target can run.

    Raises:
      UsageError: names each step and what is wrong with it, and the way out.
    """
    rules = [rule for rule, targets in RULES if target in targets]
    reasons = [f"step {node.id!r} {said}" for node in dag.components for rule in rules for said in rule(node, dag)]
    refuse(dag.pipeline_info.pipeline_name, target, reasons)


def _properties(node: Node) -> dict[str, Any]:
    return {} if isinstance(node, Pipeline) else dict(node.exec_properties)


def _inputs(node: Node) -> Iterator[tuple[str, Any]]:
    if not isinstance(node, Pipeline | Resolver):
        yield from node.inputs.items()


def _outputs(node: Node) -> Iterator[Any]:
    if not isinstance(node, Pipeline | Resolver):
        yield from node.outputs.values()


def _is_plain(channel: Any) -> bool:
    return isinstance(channel, Channel)
