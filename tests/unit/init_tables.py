"""Small tables for `penstock init`, written as files, and what it makes of them."""

from __future__ import annotations

import csv
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.init.command import look
from pipeline.init.decisions import Decision
from pipeline.init.plan import Plan

ROWS = 240
Column = Sequence[Any]


def write_csv(folder: Path, columns: Mapping[str, Column], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    """Writes columns as a CSV; None is an empty value."""
    file = folder / "rows.csv"
    with file.open("w", newline="", encoding=encoding) as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return file


def numbers(seed: int = 0, rows: int = ROWS) -> list[float]:
    """Numbers with a fraction, none twice but by chance."""
    generator = random.Random(seed)
    return [round(generator.gauss(10, 3), 3) for _ in range(rows)]


def answers(rows: int = ROWS) -> list[str]:
    """Yes or no, for the numbers of seed 0: yes where they are large, with some noise."""
    noise = random.Random(7)
    return ["yes" if number + noise.gauss(0, 2) > 10.5 else "no" for number in numbers(0, rows)]


def learnable(**more: Column) -> dict[str, Column]:
    """A table with one useful number and a label, and whatever else is given."""
    return {"size": numbers(), **more, "answer": answers()}


def silent(text: str) -> None:
    """Takes a note of progress, and tells nobody."""
    del text


def plan_of(folder: Path, columns: Mapping[str, Column], label: str = "answer", problem: str = "auto") -> Plan:
    """What `penstock init` decides about columns that stand in a CSV."""
    return look("mine", str(write_csv(folder, columns)), label, problem, 200_000, silent)


def decision_on(folder: Path, values: Column, name: str = "c") -> Decision:
    """What becomes of one more column of a learnable table."""
    made = plan_of(folder, learnable(**{name: values}))
    return next(decision for decision in made.decisions if decision.name == name)


def roles_of(decision: Decision) -> list[str]:
    """The names of a column's roles."""
    return [str(role["role"]) for role in decision.roles]
