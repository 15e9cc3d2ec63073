"""What grows with the features of a table, and what with the slices of an evaluation?

    python -m benchmarks.growth [--copies 10]

Each run is `benchmarks/as_stock.yaml` on the 15,002 trips, repeated, in a new folder: with columns of random numbers
added, each of which is a feature; then with more slices. Prints one JSON object: seconds by step and memory by run.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from benchmarks.pipeline import run_ours
from components.files import local_path

TRIPS = "pkg://tfx/examples/chicago_taxi_pipeline/data/simple/data.csv"
SCHEMA = Path("schema/taxi.pbtxt")
FEATURE = '\nfeature {{ name: "{}" type: FLOAT value_count {{ min: 1 max: 1 }} presence {{ min_fraction: 1 }} }}'
OWN = ("{column: trip_miles, role: numeric}", "{column: trip_start_hour, role: categorical}")
ADDED = (0, 20, 80, 320)
SLICES = {
    "hours": "[trip_start_hour]",
    "hours and months": "[trip_start_hour, trip_start_month]",
    "hours, days and months": "[trip_start_hour, trip_start_day, trip_start_month]",
}
Figures = dict[str, Any]


def main() -> None:
    """Measures, and prints what came out."""
    parser = argparse.ArgumentParser(description="what grows with features, and with slices")
    parser.add_argument("--copies", type=int, default=10, help="how many times the 15,002 trips are repeated")
    copies = parser.parse_args().copies
    with tempfile.TemporaryDirectory(prefix="growth-") as folder:
        found = {"features": list(by_features(Path(folder), copies)), "slices": list(by_slices(Path(folder), copies))}
    print(json.dumps({"rows": 15_002 * copies, **found}, indent=2))


def by_features(folder: Path, copies: int) -> Iterator[Figures]:
    """Yields the figures of tables with more and more columns, all of which are features but the label's."""
    for added in ADDED:
        names = [f"random_{index}" for index in range(added)]
        data, schema = folder / f"{added}.csv", folder / f"{added}.pbtxt"
        write_table(data, copies, names)
        schema.write_text(SCHEMA.read_text(encoding="utf-8") + "".join(map(FEATURE.format, names)), encoding="utf-8")
        roles = [*OWN, *(f"{{column: {name}, role: numeric}}" for name in names)]
        settings = (f"schema.path={schema}", f"features=[{', '.join(roles)}]")
        yield {"features": len(roles), **run_ours(folder / f"with-{added}", data, *settings)}


def by_slices(folder: Path, copies: int) -> Iterator[Figures]:
    """Yields the figures of evaluations by more and more slices."""
    data = folder / "trips.csv"
    write_table(data, copies, [])
    for name, columns in SLICES.items():
        workdir = folder / name.replace(" ", "-")
        figures = run_ours(workdir, data, f"evaluation.slices=[{columns}]")
        yield {"by": name, **figures}


def write_table(path: Path, copies: int, names: list[str]) -> None:
    """Writes the trips, repeated, with columns of random numbers added."""
    random, trips = np.random.default_rng(0), csv.read_csv(local_path(TRIPS))
    table = pa.concat_tables([trips] * copies)
    for name in names:
        table = table.append_column(name, pa.array(random.normal(size=len(table)).round(6)))
    csv.write_csv(table, path)


if __name__ == "__main__":
    main()
