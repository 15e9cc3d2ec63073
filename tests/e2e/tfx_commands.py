"""Runs several `tfx` commands in one process, which pays for the imports once: `python -m tests.e2e.tfx_commands OUT`.

The commands come on standard input as JSON: the words of each, and variables that only it sees. How each ended goes to
OUT, as JSON.
"""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from tfx.tools.cli.cli_main import cli_group


def main(out: Path) -> None:
    """Runs the commands one after the other."""
    out.write_text(json.dumps([ended(*command) for command in json.load(sys.stdin)]), encoding="utf-8")


def ended(words: list[str], variables: dict[str, str]) -> dict[str, Any]:
    """Returns a command's exit code and what it printed, a traceback included."""
    result = CliRunner().invoke(cli_group, words, env=variables)
    said = result.output
    if result.exception and not isinstance(result.exception, SystemExit):
        said += "".join(traceback.format_exception(result.exception))
    return {"exit_code": result.exit_code, "said": said}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
