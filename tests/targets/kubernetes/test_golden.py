"""What is written, file by file. `python -m tests.targets.kubernetes.test_golden` writes the golden files again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.targets.kubernetes.cases import CASES, rendered

GOLDEN = Path(__file__).parents[2] / "golden" / "kubernetes"


@pytest.mark.parametrize("name", CASES)
def test_the_files_are_the_golden_ones(name: str) -> None:
    """Each configuration becomes just the files that are kept, letter by letter."""
    assert rendered(name) == {file.name: file.read_text("utf-8") for file in (GOLDEN / name).iterdir()}


def test_no_golden_file_is_left_over() -> None:
    """Each folder of golden files belongs to a case."""
    assert {folder.name for folder in GOLDEN.iterdir()} == set(CASES)


def main() -> None:
    """Writes all golden files again."""
    shutil.rmtree(GOLDEN, ignore_errors=True)
    for name in CASES:
        (GOLDEN / name).mkdir(parents=True)
        for file, text in rendered(name).items():
            (GOLDEN / name / file).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
