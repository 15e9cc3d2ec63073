"""What lock files pin."""

from __future__ import annotations

import re
from pathlib import Path

from tests.image.proof import TOP

LOCK = TOP / "requirements.lock"
PIN = re.compile(r"^([\w.-]+)==([^\s;\\]+)", re.MULTILINE)


def pins(file: Path) -> dict[str, str]:
    """Returns the versions of a lock by name."""
    return dict(PIN.findall(file.read_text("utf-8")))
