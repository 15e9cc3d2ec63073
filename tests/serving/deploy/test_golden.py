"""What is written, file by file. `python -m tests.serving.deploy.test_golden` writes the golden files again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.serving.deploy.cases import CASES, rendered

GOLDEN = Path(__file__).parents[2] / "golden" / "deploy"


@pytest.mark.parametrize("name", CASES)
def test_the_files_are_the_golden_ones(name: str) -> None:
    """Each target writes, for a small configuration, just the files that are kept, letter by letter."""
    folder = GOLDEN / name
    kept = {str(file.relative_to(folder)): file.read_text("utf-8") for file in folder.rglob("*") if file.is_file()}
    assert rendered(name) == kept


def test_no_golden_file_is_left_over() -> None:
    """Each folder of golden files belongs to a case."""
    assert {folder.name for folder in GOLDEN.iterdir()} == set(CASES)


def main() -> None:
    """Writes all golden files again."""
    shutil.rmtree(GOLDEN, ignore_errors=True)
    for name in CASES:
        for file, text in rendered(name).items():
            (GOLDEN / name / file).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / name / file).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
