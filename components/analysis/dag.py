"""TFT's analyzers as a graph of nodes: what of it is understood here, what it takes, and what it gives.

A `tft` function in a preprocessing_fn leaves nodes from the tensors that it analyses (TensorSource) to the placeholder
that stands for its result (TensorSink): either accumulate, merge and extract, with a Combiner, or accumulate, merge,
prune and write, for a vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_transform import analyzer_nodes as kinds
from tensorflow_transform.nodes import OperationDef, ValueNode, Visitor

from components.analysis.tokens import TokenCounts, prune, write

KNOWN = (
    kinds.TensorSource,
    kinds.CacheableCombineAccumulate,
    kinds.CacheableCombineMerge,
    kinds.ExtractCombineMergeOutputs,
    kinds.VocabularyMerge,
    kinds.VocabularyCount,
)


@dataclass(frozen=True)
class Analyzer:
    """What combines the values of some tensors of each batch.

    Args:
      combiner: TFT's, or of tokens ours.
      tensors: the names of the tensors.
    """

    combiner: kinds.Combiner
    tensors: tuple[str, ...]


def is_known(value: ValueNode) -> bool:
    """Returns whether all nodes before a value are understood here."""
    inputs = value.parent_operation.inputs
    return _is_known(value.parent_operation.operation_def, inputs) and all(map(is_known, inputs))


def sources(value: ValueNode) -> Iterator[tf.Tensor]:
    """Yields the tensors that are analysed for a value."""
    definition = value.parent_operation.operation_def
    if isinstance(definition, kinds.TensorSource):
        yield from definition.tensors
    for one in value.parent_operation.inputs:
        yield from sources(one)


def analyzers_of(value: ValueNode) -> dict[str, Analyzer]:
    """Returns the analyzers that a value needs, by their labels, which are unique."""
    found: dict[str, Analyzer] = {}
    definition = value.parent_operation.operation_def
    match definition:
        case kinds.CacheableCombineAccumulate():
            found[definition.label] = Analyzer(definition.combiner, tuple(tensor.name for tensor in sources(value)))
        case kinds.VocabularyAccumulate():
            found[definition.label] = Analyzer(TokenCounts(), tuple(tensor.name for tensor in sources(value)))
    for one in value.parent_operation.inputs:
        found |= analyzers_of(one)
    return found


class Evaluation(Visitor):
    """Computes the values of nodes from what the analyzers have accumulated.

    Args:
      accumulators: of all rows, by the analyzers' labels.
      folder: where vocabularies are written.
    """

    def __init__(self, accumulators: Mapping[str, Any], folder: str) -> None:
        self._accumulators, self._folder = accumulators, folder

    def visit(self, operation_def: OperationDef, input_values: tuple[Any, ...]) -> tuple[Any, ...]:
        """Returns the node's outputs.

        Raises:
          TypeError: the node is not understood; see `is_known`.
        """
        outputs: tuple[Any, ...]
        match operation_def:
            case kinds.TensorSource():
                outputs = (operation_def.tensors,)
            case kinds.CacheableCombineAccumulate():
                outputs = (self._accumulators[operation_def.label],)
            case kinds.VocabularyAccumulate():
                outputs = (TokenCounts().extract_output(self._accumulators[operation_def.label]),)
            case kinds.CacheableCombineMerge(combiner=combiner):
                outputs = (combiner.extract_output(combiner.merge_accumulators([*input_values])),)
            case kinds.ExtractCombineMergeOutputs():
                outputs = tuple(input_values[0])
            case kinds.VocabularyMerge():
                outputs = input_values
            case kinds.VocabularyPrune():
                outputs = (prune(input_values[0], operation_def),)
            case kinds.VocabularyCount():  # an empty one is written with one token
                outputs = (np.int64(max(len(input_values[0]), 1)),)
            case kinds.VocabularyOrderAndWrite():
                outputs = (np.array(write(input_values[0], operation_def, self._folder)),)
            case _:
                raise TypeError(f"{operation_def.label}: a {type(operation_def).__name__} is left to TFT.")
        return outputs

    def validate_value(self, value: Any) -> None:
        """Accepts any value: TFT's traverser asks."""


def _is_known(definition: OperationDef, inputs: tuple[ValueNode, ...]) -> bool:
    match definition:
        case kinds.VocabularyAccumulate():  # with weights or labels there are more tensors
            return len(list(sources(inputs[0]))) == 1
        case kinds.VocabularyPrune():
            return definition.key_fn is None
        case kinds.VocabularyOrderAndWrite():  # reserved tokens are a second input
            return definition.file_format == "text" and len(inputs) == 1
    return isinstance(definition, KNOWN)
