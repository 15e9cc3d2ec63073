"""Is the default model good on any clean table? On each of those of the tests, for several seeds, beside the peer.

    python -m benchmarks.datasets [--seeds 1 2 3] [--only iris wine]

Each table goes its way by `init`, `run` and `predict` alone. A seed is that of the model and of the hash that splits
the rows; the run `init` has the seed that `init` chose for the split, and the model's default. The bars that `init`
wrote are for its own split: for another seed they are loosened. The peer and the gaps are those of tests/e2e/peer.py.
Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import yaml

from tests.e2e.datasets import DATASETS, Dataset
from tests.e2e.journey import Journey
from tests.e2e.peer import compare

FAR = 1e9
MEASURED = ("ours", "peer", "gap")


def main() -> None:
    """Measures each table, and prints what came out."""
    names = [dataset.name for dataset in DATASETS]
    parser = argparse.ArgumentParser(description="the default model beside gradient-boosted trees, on many tables")
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    arguments = parser.parse_args()
    found = {one.name: measure(one, arguments.seeds) for one in DATASETS if one.name in arguments.only}
    print(json.dumps(found, indent=2))


def measure(dataset: Dataset, seeds: Sequence[int]) -> dict[str, Any]:
    """Returns what one table came to: as `init` left it, for each seed, and on average."""
    with tempfile.TemporaryDirectory() as folder:
        journey = Journey(Path(folder), dataset)
        told = journey.init()
        loose = loosened(Path(folder, journey.config))
        runs = {"init": run(journey, [])}
        for seed in seeds:
            runs[str(seed)] = run(journey, [f"data.split_seed={seed}", f"model.seed={seed}", *loose])
    bars = {name: {key: value for key, value in bar.items() if key != "why"} for name, bar in told["bars"].items()}
    return {"bars": bars, "runs": runs, "mean": {key: mean(one[key] for one in runs.values()) for key in MEASURED}}


def run(journey: Journey, settings: Sequence[str]) -> dict[str, Any]:
    """Returns what one run came to."""
    outcome = journey.run(settings)
    found = compare(outcome)
    print(f"{journey.dataset}: {' '.join(settings[:2])} {found}", file=sys.stderr, flush=True)
    return {
        "metric": found.metric,
        "ours": found.ours,
        "peer": found.peer,
        "gap": found.gap,
        "is_good_enough": found.gap <= found.bar,
        "rows": outcome.summary["rows"],
        "seconds": {name: round(seconds, 1) for name, seconds in outcome.seconds.items()},
    }


def loosened(config: Path) -> list[str]:
    """Returns the settings with which every bar of a configuration is cleared."""
    bars = yaml.safe_load(config.read_text())["evaluation"]["bars"]
    limits = {"min": -FAR, "max": FAR}
    return [f"evaluation.bars.{name}.{bound}={limits[bound]}" for name, bar in bars.items() for bound in bar]


if __name__ == "__main__":
    main()
