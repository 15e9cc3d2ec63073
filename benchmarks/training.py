"""Does the model wait for its rows? Examples a second from files, from memory, and of one batch repeated: the limit.

    python -m benchmarks.training [--config configs/taxi.yaml] [--workdir var] [--steps 400] [--rounds 3]

The rows are those that a run's Transform has left in the workdir; the model, its batches and its optimizer those of the
configuration. What is fed is all that differs. The three take turns, and a round before has traced the model. Prints
one JSON object: examples a second in each round, and the middle ones as shares of the limit.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from statistics import median

import keras
import tensorflow as tf
import tensorflow_transform as tft

from components.data import ExampleSource
from components.model import shape_of
from components.settings import BUILD_MODEL
from components.training import batch_size_for, compile_model, make_reproducible
from components.user_code import load_function
from pipeline.config import Config
from pipeline.loading import load
from pipeline.workdir import workdir_of

LIMIT = "one batch"


def main() -> None:
    """Measures, and prints what came out."""
    parser = argparse.ArgumentParser(description="examples a second, beside those of a model that is fed from memory")
    parser.add_argument("--config", type=Path, default=Path("configs/taxi.yaml"))
    parser.add_argument("--workdir", type=Path, default=None)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    config = load([arguments.config])
    root = workdir_of(config.name, arguments.workdir).root
    batch_size, model, feeds = prepared(config, root)
    rounds: dict[str, list[float]] = {name: [] for name in feeds}
    for number in range(1 + arguments.rounds):
        for name, feed in feeds.items():
            speed = batch_size * arguments.steps / seconds_of(model, feed, arguments.steps)
            rounds[name] += [speed] * (number > 0)  # the first traces the model
    shares = {name: round(median(found) / median(rounds[LIMIT]), 3) for name, found in rounds.items() if name != LIMIT}
    told = {name: [round(one) for one in found] for name, found in rounds.items()}
    print(json.dumps({"batch_size": batch_size, "examples_per_second": told, "of_the_limit": shares}, indent=2))


def prepared(config: Config, root: Path) -> tuple[int, keras.Model, dict[str, tf.data.Dataset]]:
    """Returns the size of a batch, the compiled model, and what it is fed with, by name, without an end."""
    graph = tft.TFTransformOutput(str(latest(root / "Transform" / "transform_graph")))
    examples = latest(root / "Transform" / "transformed_examples") / "Split-train"
    files = tuple(sorted(map(str, examples.glob("*.gz"))))
    make_reproducible(config.model)
    held, streamed = (ExampleSource(files, graph, in_memory=is_held) for is_held in (True, False))
    labels = held.labels()
    shape = shape_of(config.features, config.problem, graph, labels)
    build_model = config.user_code.build_model or BUILD_MODEL
    model = held.packing.model(load_function(build_model)(shape, config.model))
    compile_model(model, shape, config.model)
    batch_size = config.model.batch_size or batch_size_for(len(labels))
    memory, stream = (one.training(batch_size, config.model.seed) for one in (held, streamed))
    one_batch = tf.data.Dataset.from_tensors(next(iter(memory)))
    return batch_size, model, {LIMIT: one_batch.repeat(), "memory": memory.repeat(), "files": stream.repeat()}


def seconds_of(model: keras.Model, feed: tf.data.Dataset, steps: int) -> float:
    """Returns how long a fit of so many steps takes."""
    began = time.perf_counter()
    model.fit(feed, epochs=1, steps_per_epoch=steps, verbose=0)
    return time.perf_counter() - began


def latest(folder: Path) -> Path:
    """Returns the folder of the artifact that was made last."""
    return max(folder.iterdir(), key=lambda made: int(made.name))


if __name__ == "__main__":
    main()
