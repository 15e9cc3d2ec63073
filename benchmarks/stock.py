"""The stock TFX taxi template, run in this process and timed: the pipeline that a user would start from instead.

    python -m benchmarks.stock FOLDER

FOLDER is one that `make_template` made. Prints one JSON object: seconds by component, of the import, and in all.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

COMMENTED_OUT = re.compile(r"^(\s+)# (components\.append)", re.MULTILINE)


def make_template(folder: Path, copies: int) -> Path:
    """Writes what `tfx template copy` gives, with every step switched on; returns the file of its trips, repeated."""
    command = [str(Path(sys.executable).with_name("tfx")), "template", "copy", "--model", "taxi"]
    command += ["--pipeline-name", "taxi", "--destination-path", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    dag = folder / "pipeline" / "pipeline.py"
    dag.write_text(COMMENTED_OUT.sub(r"\1\2", dag.read_text(encoding="utf-8")), encoding="utf-8")
    data = folder / "data" / "data.csv"
    header, rows = data.read_text(encoding="utf-8").split("\n", 1)
    data.write_text(f"{header}\n" + f"{rows.rstrip()}\n" * copies, encoding="utf-8")
    return data


def run(folder: Path) -> dict[str, Any]:
    """Runs the template with its own LocalDagRunner."""
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    began = time.perf_counter()
    import local_runner  # type: ignore[import-not-found]  # the template's own
    from tfx.orchestration.portable.launcher import Launcher

    imported = time.perf_counter() - began
    seconds: dict[str, float] = {}
    launch = Launcher.launch

    def timed(self: Launcher) -> Any:
        start = time.perf_counter()
        try:
            return launch(self)
        finally:
            seconds[self._pipeline_node.node_info.id] = round(time.perf_counter() - start, 2)

    Launcher.launch = timed
    local_runner.run()
    return {"import": round(imported, 2), "steps": seconds, "seconds": round(time.perf_counter() - began, 2)}


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]).resolve())))
