"""How much faster than the stock TFX taxi template is this one, on the same rows, the same machine, in one run?

    python -m benchmarks.pipeline [--copies 1] [--rounds 1] [--ours-only]

Both pipelines run in turn on the template's 15,002 trips, repeated; ours with `benchmarks/as_stock.yaml`, which asks
for the template's features, network, 1000 training steps of 40 rows, and rows to test on. All of ours is on:
quarantine, data gate, infra validation, report. Then ours runs again, with nothing changed, and with another threshold.
Prints one JSON object: seconds by step, the ratio in all and by step, and the peak of the memory of all processes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.stock import make_template
from benchmarks.watched import Watched, watch

CONFIG = "benchmarks/as_stock.yaml"
OTHER_THRESHOLD = "evaluation.bars.accuracy.min=0.61"
SAME_WORK = {  # the template's step, and ours
    "CsvExampleGen": "ExampleGen",
    "StatisticsGen": "StatisticsGen",
    "Transform": "Transform",
    "Trainer": "Trainer",
    "Evaluator": "Evaluator",
}
A_STEP_BEGINS = ": running"
Figures = dict[str, Any]


def main() -> None:
    """Measures, and prints what came out."""
    parser = argparse.ArgumentParser(description="this pipeline beside the stock taxi template")
    parser.add_argument("--copies", type=int, default=1, help="how many times the 15,002 trips are repeated")
    parser.add_argument("--rounds", type=int, default=1, help="how many times both run, in turn")
    parser.add_argument("--ours-only", action="store_true", help="leave the stock template out")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pipeline-") as top:
        folder = Path(top, "stock")
        data = make_template(folder, arguments.copies)
        rounds = [one_round(folder, data, number, arguments.ours_only) for number in range(arguments.rounds)]
    print(json.dumps({"rows": 15_002 * arguments.copies, "rounds": rounds}, indent=2))


def one_round(folder: Path, data: Path, number: int, ours_only: bool) -> Figures:  # noqa: FBT001
    """Returns the figures of one run of each."""
    workdir = folder.with_name(f"ours-{number}")
    stock = None if ours_only else run_stock(folder)
    ours = run_ours(workdir, data)
    again = run_ours(workdir, data)
    other = run_ours(workdir, data, OTHER_THRESHOLD)
    return {
        "ours": ours,
        "nothing changed": again,
        "another threshold": other,
        **({"stock": stock, "ratios": ratios(stock, ours)} if stock else {}),
    }


def run_stock(folder: Path) -> Figures:
    """Returns what a run of the template came to; it caches nothing, unless it is told to."""
    variables = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1"}
    log = folder.with_suffix(".log")
    done = watch([sys.executable, "-m", "benchmarks.stock", str(folder)], log, variables)
    said = json.loads(_succeeded(done, log).splitlines()[-1])
    return {"import": said["import"], "steps": said["steps"]} | _figures(done)


def run_ours(workdir: Path, data: Path, *settings: str) -> Figures:
    """Returns what a run of this pipeline came to."""
    command = [str(Path(sys.executable).with_name("penstock")), "run", CONFIG, "--json", "--workdir", str(workdir)]
    for setting in (f"data.path={data}", *settings):
        command += ["--set", setting]
    log = workdir.with_suffix(".log")
    done = watch(command, log, words=A_STEP_BEGINS)
    summary = json.loads(_succeeded(done, log))
    steps = summary["steps"]
    cached = [step["name"] for step in steps if step["state"] == "cached"]
    seconds = {step["name"]: step["seconds"] for step in steps}
    said = {"first_step_after": done.seconds_to_words, "steps": seconds, "cached": cached}
    return said | {"slices": len(summary["metrics"])} | _figures(done)


def ratios(stock: Figures, ours: Figures) -> Figures:
    """Returns how many times longer the template took, and how much of its memory ours needed."""
    of_steps = {name: round(stock["steps"][theirs] / ours["steps"][name], 2) for theirs, name in SAME_WORK.items()}
    return {
        "whole run": round(stock["seconds"] / ours["seconds"], 2),
        "memory": round(ours["peak_mib"] / stock["peak_mib"], 2),
        **of_steps,
    }


def _figures(done: Watched) -> Figures:
    names = ("seconds", "cpu_seconds", "disk_seconds", "stolen_seconds", "peak_mib")
    return {name: getattr(done, name) for name in names}


def _succeeded(done: Watched, log: Path) -> str:
    if done.exit_code:
        sys.exit(f"exit code {done.exit_code}\n{log.read_text(encoding='utf-8')[-4000:]}")
    return done.out


if __name__ == "__main__":
    main()
