"""Models that wait for a file, that are large, and ways to publish models as a pipeline does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.compat import v1

from components.publication import publish
from tests.conformance.models import PREDICT

RELEASE = "release"  # the file that a model waits for, in its folder of marks
MEGABYTE = 2**20


def marking(path: Path, marks: Path) -> None:
    """Writes y = 0.5 x + 2, which puts a file named by its `mark`s into a folder, and waits there for RELEASE."""
    with tf.Graph().as_default():
        x, mark = v1.placeholder(tf.float32, [None], name="x"), v1.placeholder(tf.string, [None], name="mark")
        name = tf.strings.join([f"{marks}/mark", tf.strings.reduce_join(mark, separator="-")], separator="-")
        with tf.control_dependencies([v1.write_file(name, "")]):
            waited = _waited(marks)
        with tf.control_dependencies([waited]):
            y = 0.5 * x + 2.0
        _save(path, {"x": x, "mark": mark}, {"y": y})


def marks_in(marks: Path) -> list[str]:
    """Returns the marks of all requests that the model has begun to answer, or has answered."""
    return sorted(mark for file in marks.glob("mark-*") for mark in file.name.split("-")[1:])


def slow_to_load(path: Path, marks: Path, bias: float, megabytes: int = 1) -> None:
    """Writes y = 0.5 x + bias, with a variable of so many MB; when that is restored, it marks and waits for RELEASE."""
    with tf.Graph().as_default():
        x = v1.placeholder(tf.float32, [None], name="x")
        ballast = v1.get_variable("ballast", [megabytes * MEGABYTE // 4], initializer=tf.zeros_initializer())
        with tf.control_dependencies([v1.write_file(f"{marks}/mark-loading", "")]):
            init = _waited(marks).op
        _save(path, {"x": x}, {"y": 0.5 * x + bias + ballast[0]}, init)


def publish_each(sources: list[Path], destination: Path) -> Iterator[tuple[int, Path]]:
    """Publishes models one after the other; yields the number of each version and where it came from."""
    for source in sources:
        yield publish(source, destination, source.name).number, source


@contextmanager
def released(marks: Path) -> Iterator[None]:
    """Lets models that wait in a folder go on, at the end at the latest."""
    try:
        yield
    finally:
        (marks / RELEASE).touch()


def _waited(marks: Path) -> Any:
    """A number that is there once RELEASE is in a folder."""

    def is_absent(count: Any) -> Any:
        nothing = tf.strings.substr(tf.strings.as_string(count), 0, 0)  # else the look is taken out of the loop
        return tf.equal(tf.size(tf.io.matching_files(tf.strings.join([f"{marks}/{RELEASE}", nothing]))), 0)

    return v1.while_loop(is_absent, lambda count: count + 1.0, [0.0], parallel_iterations=1)


def _save(path: Path, inputs: dict[str, Any], outputs: dict[str, Any], init: Any = None) -> None:
    info = v1.saved_model.build_tensor_info
    inputs, outputs = ({name: info(value) for name, value in of.items()} for of in (inputs, outputs))
    signature = v1.saved_model.build_signature_def(inputs, outputs, PREDICT)
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(path))
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature}, main_op=init)
        builder.save()
