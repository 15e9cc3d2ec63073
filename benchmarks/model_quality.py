"""Is the default model worth having? Its metrics on held-out trips, beside gradient-boosted trees on the same splits.

    python -m benchmarks.model_quality [--seeds 1 2 3] [--config configs/taxi.yaml]

For each seed the whole pipeline runs with that seed for the model and for the hash that splits the rows. The peer is
scikit-learn's HistGradientBoostingClassifier with its defaults, on the raw columns, fitted on the train and eval splits
together. Both are measured on the test split, which neither has seen. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean

from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from pipeline.config import Config
from pipeline.loading import load
from tests.e2e.journey import read_split
from tests.e2e.peer import answers_of_peer, labels

METRICS = ("auc", "log_loss", "accuracy")
Metrics = dict[str, float]


def main() -> None:
    """Measures each seed, and prints what came out."""
    parser = argparse.ArgumentParser(description="the default model beside gradient-boosted trees")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--config", type=Path, default=Path("configs/taxi.yaml"))
    arguments = parser.parse_args()
    config = load([arguments.config])
    ours, peer = {}, {}
    for seed in arguments.seeds:
        with tempfile.TemporaryDirectory() as workdir:
            ours[str(seed)] = run_penstock(arguments.config, seed, workdir)
            peer[str(seed)] = fit_peer(config, Path(workdir, config.name, "root", "ExampleGen", "examples"))
    print(json.dumps({"penstock": with_mean(ours), "hist_gradient_boosting": with_mean(peer)}, indent=2))


def run_penstock(config: Path, seed: int, workdir: str) -> Metrics:
    """Returns the metrics that the pipeline itself reports; a refused push does not matter here."""
    settings = (f"model.seed={seed}", f"data.split_seed={seed}")
    command = [str(Path(sys.executable).with_name("penstock")), "run", str(config), "--json", "--workdir", workdir]
    done = subprocess.run(
        [*command, *(word for setting in settings for word in ("--set", setting))], stdout=subprocess.PIPE, check=False
    )
    all_rows = next(one for one in json.loads(done.stdout)["metrics"] if not one["slice"])
    return {name: all_rows["metrics"][name] for name in METRICS}


def fit_peer(config: Config, examples: Path) -> Metrics:
    """Returns the peer's metrics on the same splits."""
    fitted_on = [*read_split(examples, "train"), *read_split(examples, "eval")]
    held_out = read_split(examples, "test")
    truth, probabilities = labels(held_out, config), answers_of_peer(config, fitted_on, held_out)
    return {
        "auc": float(roc_auc_score(truth, probabilities)),
        "log_loss": float(log_loss(truth, probabilities)),
        "accuracy": float(accuracy_score(truth, probabilities > 0.5)),  # noqa: PLR2004
    }


def with_mean(by_seed: dict[str, Metrics]) -> dict[str, Metrics]:
    """Returns the metrics of each seed, and their means."""
    return by_seed | {"mean": {name: mean(metrics[name] for metrics in by_seed.values()) for name in METRICS}}


if __name__ == "__main__":
    main()
