"""The models that the tests ask: small TF1-style SavedModels around y = 0.5 x + 2, as upstream's test data has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.compat import v1
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

PREDICT = "tensorflow/serving/predict"
CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"
WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
TYPES = ("bool", "double", "float", "half", "int16", "int32", "int64", "int8", "string", "uint32", "uint64", "uint8")

Signatures = dict[str, Any]
Tensors = Mapping[str, Any]


def half_plus_two(path: Path, bias: float = 2.0) -> None:
    """Writes y = 0.5 x + bias, with the signatures of upstream's half_plus_two."""
    with _saving(path) as signatures:
        examples, features = _examples("x", "x2")
        x, x2 = (_named(features[name], name) for name in ("x", "x2"))
        slope = v1.get_variable("a", initializer=0.5, use_resource=True)
        y, y2, y3 = (slope * of + added for of, added in ((x, bias), (x, bias + 1), (x2, bias + 1)))
        signatures["serving_default"] = _signature({"x": x}, {"y": y})
        signatures["classify_x_to_y"] = _signature({"inputs": examples}, {"scores": y}, CLASSIFY)
        signatures["classify_x2_to_y3"] = _signature({"inputs": x2}, {"scores": y3}, CLASSIFY)
        signatures["regress_x_to_y"] = _signature({"inputs": examples}, {"outputs": y}, REGRESS)
        signatures["regress_x_to_y2"] = _signature({"inputs": examples}, {"outputs": y2}, REGRESS)


def tf2_half_plus_two(path: Path) -> None:
    """Writes y = 0.5 x + 2 as TensorFlow 2 exports it: a function, and predict for a method whatever it does."""
    module = tf.Module()
    module.slope = tf.Variable(0.5)
    spec = tf.TensorSpec([None, 1], tf.float32, name="x")
    serve = tf.function(lambda x: {"y": module.slope * x + 2.0}, input_signature=[spec])
    tf.saved_model.save(module, str(path), signatures=serve)


def two_by_two(path: Path) -> None:
    """Writes sum = a + b and difference = a - b; in one signature of it b is 10 unless a request says otherwise."""
    with _saving(path) as signatures:
        a, b = (v1.placeholder(tf.float32, [None], name=name) for name in ("a", "b"))
        outputs = {"sum": a + b, "difference": a - b}
        signatures["serving_default"] = _signature({"a": a, "b": b}, outputs)
        signatures["b_is_ten"] = _signature({"a": a, "b": b}, outputs)
        signatures["b_is_ten"].defaults["b"].CopyFrom(tf.make_tensor_proto([10.0], tf.float32))


def texts(path: Path) -> None:
    """Writes an echo of texts, under a plain name and under one that ends in _bytes."""
    with _saving(path) as signatures:
        text = v1.placeholder(tf.string, [None], name="text")
        echo = tf.identity(text)
        signatures["serving_default"] = _signature({"text": text}, {"echo": echo, "echo_bytes": echo})
        signatures["plain"] = _signature({"text": text}, {"echo": echo})
        signatures["bytes"] = _signature({"text": text}, {"echo_bytes": echo})


def types(path: Path) -> None:
    """Writes an echo for each of TYPES, in a signature that has its name."""
    with _saving(path) as signatures:
        for name in TYPES:
            x = v1.placeholder(tf.as_dtype(name), name=f"x_{name}")
            signatures[name] = _signature({"x": x}, {"y": tf.identity(x)})


def shapes(path: Path) -> None:
    """Writes outputs without rows, of uneven length, or of a type that JSON lacks; and one input must be a matrix."""
    with _saving(path) as signatures:
        x = v1.placeholder(tf.float32, name="x")
        longer = tf.concat([x, x], axis=0)
        signatures["total"] = _signature({"x": x}, {"total": tf.reduce_sum(x)})
        signatures["uneven"] = _signature({"x": x}, {"longer": longer, "same": tf.identity(x)})
        signatures["longer"] = _signature({"x": x}, {"longer": longer})
        signatures["nothing"] = _signature({"x": x}, {"nothing": x[:0]})
        signatures["half"] = _signature({"x": x}, {"half": tf.cast(x, tf.half)})
        pairs = v1.placeholder(tf.float32, [None, 2], name="pairs")
        signatures["product"] = _signature({"x": pairs}, {"y": tf.matmul(pairs, [[1.0], [10.0]])})


def counter(path: Path) -> None:
    """Writes a number that requests count up; some of its signatures have no inputs."""
    with _saving(path) as signatures:
        count = v1.get_variable("count", initializer=0.0, use_resource=True)
        delta = v1.placeholder(tf.float32, [], name="delta")
        signatures["get_counter"] = _signature({}, {"output": count.read_value()})
        signatures["incr_counter"] = _signature({}, {"output": count.assign_add(1.0).read_value()})
        signatures["incr_counter_by"] = _signature({"delta": delta}, {"output": count.assign_add(delta).read_value()})
        signatures["reset_counter"] = _signature({}, {"output": count.assign(0.0).read_value()})


def classes(path: Path) -> None:
    """Writes a classifier with class names, a regressor of rank 1, and signatures that are neither."""
    with _saving(path) as signatures:
        examples, features = _examples("x")
        x = features["x"]
        scores = tf.concat([x, 1.0 - x], axis=1)
        names = tf.tile([["yes", "no"]], [tf.shape(x)[0], 1])
        both = {"classes": names, "scores": scores}
        inputs = {"inputs": examples}
        signatures["serving_default"] = _signature(inputs, both, CLASSIFY)
        signatures["named_predict"] = _signature(inputs, both)
        signatures["only_classes"] = _signature(inputs, {"classes": names}, CLASSIFY)
        signatures["rank_1"] = _signature(inputs, {"outputs": tf.squeeze(0.5 * x + 2.0, axis=1)}, REGRESS)
        signatures["rank_1_scores"] = _signature(inputs, {"scores": tf.squeeze(x, axis=1)}, CLASSIFY)
        signatures["rank_2"] = _signature(inputs, {"outputs": scores}, REGRESS)
        signatures["no_scores"] = _signature(inputs, {"probabilities": scores}, CLASSIFY)
        signatures["other_input"] = _signature({"examples": examples}, both, CLASSIFY)


def slow(path: Path) -> None:
    """Writes y = 0.5 x + 2, which takes as many seconds as the largest of `seconds` says."""
    with _saving(path) as signatures:
        x, seconds = (v1.placeholder(tf.float32, [None], name=name) for name in ("x", "seconds"))
        end = tf.timestamp() + tf.cast(tf.reduce_max(seconds), tf.float64)
        spun = v1.while_loop(lambda _: tf.timestamp() < end, lambda count: count + 1.0, [0.0])
        signatures["serving_default"] = _signature({"x": x, "seconds": seconds}, {"y": 0.5 * x + 2.0 + 0.0 * spun})


def broken(path: Path) -> None:
    """Writes what looks like a version and cannot be loaded."""
    path.mkdir(parents=True)
    (path / "saved_model.pb").write_bytes(b"this is no SavedModel")


def warm_half_plus_two(path: Path, name: str, records: int = 1, alias: str = "x") -> None:
    """Writes half_plus_two with a warm-up file; an `alias` other than x makes its requests wrong ones."""
    aside = path.with_name(f"aside-{path.name}")
    half_plus_two(aside)
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    request.inputs[alias].CopyFrom(tf.make_tensor_proto([[1.0]], tf.float32))
    log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
    (aside / WARMUP_FILE).parent.mkdir()
    with tf.io.TFRecordWriter(str(aside / WARMUP_FILE)) as writer:
        for _ in range(records):
            writer.write(log.SerializeToString())
    aside.rename(path)


def example(**features: Any) -> Any:
    """Returns a tf.Example of numbers, as float_lists, and of bytes."""
    made = tf.train.Example()
    for name, value in features.items():
        feature = made.features.feature[name]
        (feature.bytes_list if isinstance(value, bytes) else feature.float_list).value.append(value)
    return made


def in_process(path: Path, signature: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a signature of a SavedModel answers, run by a session in this process."""
    with tf.Graph().as_default(), v1.Session() as session:
        graph = v1.saved_model.load(session, ["serve"], str(path))
        found = graph.signature_def[signature]
        feeds = {found.inputs[alias].name: np.asarray(value) for alias, value in values.items()}
        fetches = {alias: info.name for alias, info in found.outputs.items()}
        answer: dict[str, Any] = session.run(fetches, feeds)
    return answer


def _examples(*names: str) -> tuple[Any, dict[str, Any]]:
    """A placeholder of serialised tf.Examples, and their features of one number each; all but the first may miss."""
    serialised = v1.placeholder(tf.string, name="tf_example")
    specs = {name: tf.io.FixedLenFeature([1], tf.float32, default_value=[0.0]) for name in names}
    specs[names[0]] = tf.io.FixedLenFeature([1], tf.float32)
    return serialised, tf.io.parse_example(serialised, specs)


def _named(tensor: Any, name: str) -> Any:
    """A tensor that requests may feed, with the shape that upstream's has."""
    named = tf.identity(tensor, name=name)
    named.set_shape([None, 1])
    return named


def _signature(inputs: Tensors, outputs: Tensors, method: str = PREDICT) -> Any:
    info: Callable[[Any], Any] = v1.saved_model.build_tensor_info
    aliases = ({alias: info(tensor) for alias, tensor in tensors.items()} for tensors in (inputs, outputs))
    return v1.saved_model.build_signature_def(*aliases, method)


@contextmanager
def _saving(path: Path) -> Iterator[Signatures]:
    """Saves the graph that is made inside, with the signatures put into the dictionary; appears whole, by a rename."""
    aside = path.with_name(f"aside-of-{path.name}")
    signatures: Signatures = {}
    with tf.Graph().as_default(), v1.Session() as session:
        yield signatures
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(aside))
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map=signatures)
        builder.save()
    aside.rename(path)
