"""What `make airflow` installs, and what it says where it cannot."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.samples import REPOSITORY

PINNED = re.compile(r"^([a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==(\S+)", re.MULTILINE)
ALIKE = (
    "tfx",
    "tensorflow",
    "apache-beam",
    "ml-metadata",
    "tensorflow-transform",
    "tensorflow-model-analysis",
    "keras",
)


def pinned(lock: str) -> dict[str, str]:
    """The versions of a lock file by package."""
    return dict(PINNED.findall((REPOSITORY / lock).read_text(encoding="utf-8")))


def test_airflows_environment_has_the_same_tfx() -> None:
    """A step under Airflow runs on the versions that it runs on without."""
    ours, airflows = pinned("requirements.lock"), pinned("requirements-airflow.lock")
    assert {name: airflows[name] for name in ALIKE} == {name: ours[name] for name in ALIKE}
    assert airflows["apache-airflow"].startswith("2.11.")


def test_what_we_need_is_in_it() -> None:
    """All that requirements.in names is locked there too, SQLAlchemy in the version that Airflow takes."""
    names = re.findall(r"^([a-z0-9-]+)", (REPOSITORY / "requirements.in").read_text(encoding="utf-8"), re.MULTILINE)
    airflows = pinned("requirements-airflow.lock")
    assert set(names) <= set(airflows)
    assert airflows["sqlalchemy"].startswith("1.4.")


def test_every_package_has_its_hash() -> None:
    """Whatever the index, what is installed is what was resolved; the file names no index and no MySQL client."""
    text = (REPOSITORY / "requirements-airflow.lock").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=\S)", text.partition("absl-py")[2])
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text
    assert "mysqlclient" not in text


@pytest.mark.parametrize(
    ("words", "said"), [((), "Make it: make install"), (("locks",), ".venv is not there")], ids=["install", "locks"]
)
def test_without_the_main_environment_it_says_so(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """The script takes its interpreter from .venv; where there is none it makes nothing, and says what to do."""
    (tmp_path / "scripts").mkdir()
    script = shutil.copy(REPOSITORY / "scripts" / "airflow.sh", tmp_path / "scripts")
    done = subprocess.run(["bash", script, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert said in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scripts"]
