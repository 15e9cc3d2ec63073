"""Writes the taxi trips that TFX carries as one CSV a year, DESTINATION/<year>/trips.csv, as spans of data arrive.

python scripts/taxi_by_year.py var/data/taxi
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

from pipeline.loading import resolve_path

TRIPS = "pkg://tfx/examples/chicago_taxi_pipeline/data/simple/data.csv"


def main(destination: Path) -> None:
    """Divides the trips by the year in which they began."""
    with Path(resolve_path(TRIPS, Path())).open(newline="", encoding="utf-8") as file:
        header, *trips = csv.reader(file)
    by_year = defaultdict(list)
    began = header.index("trip_start_timestamp")
    for trip in trips:
        by_year[datetime.fromtimestamp(int(trip[began]), UTC).year].append(trip)
    for year, rows in sorted(by_year.items()):
        write(destination / str(year) / "trips.csv", [header, *rows])


def write(file: Path, rows: list[list[str]]) -> None:
    """Writes a CSV, and says so."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows(rows)
    sys.stdout.write(f"{file}: {len(rows) - 1:,} trips\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
