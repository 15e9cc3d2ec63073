"""Which inputs each output of a transform graph depends on, beside TFT's own answer."""

from __future__ import annotations

import tensorflow as tf

from components.transform_layer import inputs_by_output, of_each_output
from tests.components.graphs import Graph


def test_inputs_are_those_that_tft_finds(graph: Graph) -> None:
    """For each output of a graph with every role, from one walk, the same placeholders as from a walk of its own."""
    function = tf.saved_model.load(graph.output.transform_savedmodel_dir).transform_fn.graph
    outputs = tf.nest.pack_sequence_as(function.structured_outputs, function.outputs, expand_composites=True)
    found, expected = inputs_by_output(outputs), of_each_output(outputs)
    assert found.keys() == expected.keys()
    for name, inputs in expected.items():
        assert {one.ref() for one in found[name]} == {one.ref() for one in inputs}, name


def test_a_graph_where_outputs_differ() -> None:
    """An output of one input, of two, and of none have one, two and none."""

    @tf.function(input_signature=[tf.TensorSpec([None], name=name) for name in ("a", "b")])
    def function(a: tf.Tensor, b: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"one": a + 1.0, "two": a * b, "none": tf.constant(1.0)}

    outputs = function.get_concrete_function().graph.structured_outputs
    assert {name: {one.op.name for one in inputs} for name, inputs in inputs_by_output(outputs).items()} == {
        "one": {"a"},
        "two": {"a", "b"},
        "none": set(),
    }
