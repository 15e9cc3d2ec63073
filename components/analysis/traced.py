"""A preprocessing_fn as a TensorFlow graph, before its analyzers have results."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
from tensorflow_transform import TFTransformOutput, annotators, graph_tools, impl_helper
from tensorflow_transform.analyzer_nodes import TENSOR_REPLACEMENTS, TensorSink
from tfx.dsl.io import fileio

from components.analysis.dag import is_known, sources
from components.analysis.frozen import Frozen, freeze

Known = Mapping[str, tf.Tensor]  # results of analyzers, by the names of the tensors that stand for them


@dataclass(frozen=True)
class Traced:
    """A preprocessing_fn and its graph.

    Args:
      preprocessing: the function.
      specs: the types of its inputs.
      aside: a folder for what is temporary.
      graph: its graph.
      inputs: the graph's inputs.
      outputs: the graph's outputs.
    """

    preprocessing: Callable[..., Any]
    specs: Mapping[str, tf.TypeSpec]
    aside: str
    graph: tf.Graph
    inputs: Mapping[str, Any]
    outputs: Any

    @property
    def sinks(self) -> list[TensorSink]:
        """The placeholders of results, and the analyzers whose results they are."""
        found: list[TensorSink] = self.graph.get_collection(TENSOR_REPLACEMENTS)
        return found

    def is_understood(self) -> bool:
        """Returns whether the analysis can be done here: TFT refuses some functions, with errors of its own."""
        refused = not self.outputs or not isinstance(self.outputs, dict)
        refused = refused or bool(self.graph.get_collection(tf.compat.v1.GraphKeys.TRAINABLE_VARIABLES))
        if refused or not all(is_known(sink.future) for sink in self.sinks):
            return False
        standing = {sink.tensor.name: tf.zeros([0]) for sink in self.sinks}
        return not self.sinks or self.part(self.sinks, standing).is_closed(self.graph)

    def part(self, sinks: Iterable[TensorSink], known: Known) -> Frozen:
        """Returns the part of the graph that gives what the analyzers before some sinks take."""
        return freeze(self.graph, self.inputs, [tensor for sink in sinks for tensor in sources(sink.future)], known)

    def ready(self, known: Known) -> list[TensorSink]:
        """Returns the sinks without a result whose analyzers need no result but those that are known."""
        sinks = self.sinks
        have = [(sink.tensor, sink.tensor.name in known) for sink in sinks]
        analyzer = graph_tools.InitializableGraphAnalyzer(self.graph, self.inputs, have)
        return [
            sink
            for sink in sinks
            if sink.tensor.name not in known and all(map(analyzer.ready_to_run, sources(sink.future)))
        ]

    def write(self, known: Known, graph: str) -> None:
        """Writes the transform_fn, with the results in their places, and the transformed_metadata."""
        model, metadata = (
            f"{graph}/{name}"
            for name in (TFTransformOutput.TRANSFORM_FN_DIR, TFTransformOutput.TRANSFORMED_METADATA_DIR)
        )
        impl_helper.trace_and_write_v2_saved_model(
            model,
            self.preprocessing,
            self.specs,
            self.aside,
            graph_tools.get_analyzers_fingerprint(self.graph, self.inputs),
            dict(known),
            {},
            None,
        )
        fileio.rename(f"{model}/{impl_helper.METADATA_DIR_NAME}", metadata, overwrite=True)
        assets = annotators.get_asset_annotations(self.graph)
        if assets:
            with fileio.open(f"{metadata}/{TFTransformOutput.ASSET_MAP}", "w") as file:
                file.write(json.dumps(assets))


def trace(preprocessing: Callable[..., Any], specs: Mapping[str, tf.TypeSpec], aside: str) -> Traced:
    """Traces a preprocessing_fn, with placeholders for the results of its analyzers."""
    graph, inputs, outputs = impl_helper.trace_preprocessing_function(
        preprocessing, specs, use_tf_compat_v1=False, base_temp_dir=aside
    )
    return Traced(preprocessing, specs, aside, graph, inputs, outputs)
