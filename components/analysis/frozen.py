"""The part of a traced preprocessing_fn that feeds analyzers, as a GraphDef that a worker applies to batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_transform import graph_tools

Apply = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Frozen:
    """A part of a graph.

    Args:
      definition: a serialised GraphDef.
      columns: the inputs that it takes.
      feeds: the tensors of the inputs in the order in which tf.nest flattens them, and their types.
      constants: what earlier phases found, by the names of the tensors in whose place it is.
      fetches: the names of the tensors that it gives.
    """

    definition: bytes
    columns: tuple[str, ...]
    feeds: Mapping[str, tf.TensorSpec]
    constants: Mapping[str, Any]
    fetches: tuple[str, ...]

    def is_closed(self, graph: tf.Graph) -> bool:
        """Returns whether the part of `graph` holds all that it needs: no tables or variables, nothing from outside."""
        definition = tf.compat.v1.GraphDef.FromString(self.definition)
        given = {name.partition(":")[0] for name in (*self.feeds, *self.constants)}
        operations = [graph.get_operation_by_name(node.name) for node in definition.node]
        return not any(
            (operation.type == "Placeholder" and operation.name not in given)
            or any(output.dtype == tf.resource for output in operation.outputs)
            for operation in operations
        )

    def load(self) -> Apply:
        """Returns what computes the fetches, as arrays by name, from the tensors of a batch by column."""
        definition = tf.compat.v1.GraphDef.FromString(self.definition)

        @tf.function(input_signature=list(self.feeds.values()), autograph=False)
        def apply(*tensors: tf.Tensor) -> list[tf.Tensor]:
            given = dict(zip(self.feeds, tensors, strict=True))
            given |= {name: tf.constant(value) for name, value in self.constants.items()}
            found: list[tf.Tensor] = tf.graph_util.import_graph_def(definition, given, list(self.fetches), name="")
            return found

        def applied(batch: Mapping[str, Any]) -> dict[str, Any]:
            found = apply(*tf.nest.flatten({name: batch[name] for name in self.columns}, expand_composites=True))
            return {name: np.asarray(tensor) for name, tensor in zip(self.fetches, found, strict=True)}

        return applied


def freeze(
    graph: tf.Graph, inputs: Mapping[str, Any], fetches: Iterable[tf.Tensor], constants: Mapping[str, tf.Tensor]
) -> Frozen:
    """Returns the part of a graph between its inputs and some tensors.

    Args:
      graph: of a preprocessing_fn.
      inputs: its inputs by column; there must be one.
      fetches: the tensors.
      constants: what is put in the place of tensors, by their names.
    """
    wanted = {tensor.name: tensor for tensor in fetches}
    needed = graph_tools.get_dependent_inputs(graph, inputs, list(wanted.values()))
    needed = needed or dict([next(iter(inputs.items()))])  # which says how many rows there are
    feeds = {tensor.name: tensor for tensor in tf.nest.flatten(needed, expand_composites=True)}
    kept = [tensor.op.name for tensor in (*wanted.values(), *feeds.values())]
    definition = tf.compat.v1.graph_util.extract_sub_graph(graph.as_graph_def(), kept)
    held = {node.name for node in definition.node}
    return Frozen(
        definition.SerializeToString(),
        tuple(sorted(needed)),
        {name: tf.TensorSpec.from_tensor(tensor) for name, tensor in feeds.items()},
        {name: value.numpy() for name, value in constants.items() if name.partition(":")[0] in held},
        tuple(wanted),
    )
