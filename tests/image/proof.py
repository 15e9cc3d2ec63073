"""`make image-check`: builds kubeflow/Dockerfile in Debian roots, tries the image, and measures it.

As root, about five minutes and 12 GB of disk, which it gives back. It writes kubeflow/image-size.json.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.image.bases import beam_with_boot, python_on_trixie
from tests.image.building import Builder, Built
from tests.image.dockerfile import Stage, parse
from tests.image.roots import Root, RunFailed, lacking

TOP = Path(__file__).parents[2]
DOCKERFILE = TOP / "kubeflow" / "Dockerfile"
RECORD = TOP / "kubeflow" / "image-size.json"
LARGEST = 3_000_000_000  # bytes of the CPU image, its base included; stock TFX's takes 12.3 GB
HEAVY = ("tensorflow", "apache_beam", "pyarrow", "scipy", "google", "pandas", "sklearn", "tfx", "numpy", "keras")
SITE = "/opt/venv/lib/python3.11/site-packages"
IMPORTS = """import tfx.v1, tensorflow_data_validation, tensorflow_model_analysis, tensorflow_transform, kfp
from tfx.v1.components import Tuner, Evaluator, StatisticsGen, Transform
from google.cloud import aiplatform
import keras, sklearn.ensemble, scipy.stats, pandas, apache_beam, boto3, psycopg, fastavro, lxml, h5py, numpy.testing
from apache_beam.runners.worker import sdk_worker_main, worker_pool_main
import tensorflow as tf
print('tensorflow', tf.__version__, float(tf.linalg.matmul([[2.0]], [[3.0]])[0][0]))"""
PINS = """from importlib.metadata import distributions
print(*sorted(f'{d.name.lower().replace("_", "-").replace(".", "-")}=={d.version}' for d in distributions()))"""
BOOT = "Beam's boot"
DATA = "/examples/chicago_taxi_pipeline/data/simple/data.csv"
CHECKS = {
    "is not root": "test $(id -u) = 1000 && ! touch /pipeline/x /opt/venv/x 2>/dev/null",
    "imports": f"python -c {shlex.quote(IMPORTS)}",
    "has no broken requirement": "python -m pip check",
    "doctor": "penstock doctor",
    "the container's entry point": "python -m pipeline.container 2>&1 | grep json_serialized_invocation_args",
    BOOT: "/opt/apache/beam/boot --help 2>&1 | grep -e -worker_pool",
    "the whole pipeline": "penstock run /pipeline/configs/taxi.yaml --workdir /work/var",
    "a prediction": f"head -n 3 $(python -c 'import tfx; print(tfx.__path__[0])'){DATA} >/tmp/rows.csv && "
    "penstock predict /pipeline/configs/taxi.yaml --workdir /work/var --input /tmp/rows.csv",
}


def main() -> None:
    """Builds, tries, measures; exit code 1 where a check fails or the image is too large."""
    arguments = _arguments()
    if missing := lacking():
        sys.exit(f"image-check: this machine lacks {', '.join(missing)} (apt-get install debootstrap, as root).")
    scratch = Path(tempfile.mkdtemp(prefix="penstock-image-", dir=arguments.scratch))
    try:
        sys.exit(_prove(scratch, arguments.images or scratch, arguments.variant))
    except RunFailed as error:
        sys.exit(f"image-check: {error}")
    finally:
        if not arguments.keep:
            shutil.rmtree(scratch, ignore_errors=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make image-check", description=__doc__)
    parser.add_argument("--scratch", type=Path, help="where the roots are made")
    parser.add_argument("--images", type=Path, help="a folder that keeps the images to start from, for the next time")
    parser.add_argument("--variant", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--keep", action="store_true", help="leave the roots where they are")
    return parser.parse_args()


def _prove(scratch: Path, place: Path, variant: str) -> int:
    log = scratch / "log"
    stages = parse(DOCKERFILE.read_text("utf-8"))
    start = time.monotonic()
    images = _images(stages, place, log)
    _say(f"{time.monotonic() - start:6.1f} s  the images that it starts from")
    builder = Builder(TOP, {"VARIANT": variant}, images, scratch, log, _say)
    image = builder.build(stages)
    for missing in builder.left_out:
        _say(f"left out: {missing}, since no Go is here to build Beam's boot")
    base = next(root for root in images.values() if root and (root.folder / "usr/bin/python3.11").exists())
    record = _measured(image, base, variant)
    checks = {name: command for name, command in CHECKS.items() if name != BOOT or "beam" in builder.built}
    failed = _tried(image, checks)
    if not failed and variant == "cpu":
        RECORD.write_text(json.dumps(record, indent=2) + "\n")
    tried = {"tried": list(checks), "failed": failed}
    print(json.dumps(record | tried, indent=2))  # noqa: T201  # this is a command
    return int(bool(failed) or (variant == "cpu" and record["bytes"] >= LARGEST))


def _images(stages: list[Stage], place: Path, log: Path) -> dict[str, Root | None]:
    """Makes the roots of the images, or takes those that an earlier run has left in the same place."""
    images: dict[str, Root | None] = {}
    for name in dict.fromkeys(stage.image for stage in stages):
        folder, unfinished = place / re.sub(r"\W", "-", name), place / "unfinished"
        if not folder.exists() and _make(name, unfinished, place, log):
            unfinished.rename(folder)
        images[name] = Root(folder) if folder.exists() else None
    return images


def _make(name: str, folder: Path, place: Path, log: Path) -> Root | None:
    if name.startswith("apache/beam"):
        return beam_with_boot(folder, name.partition(":")[2], place, log)
    return python_on_trixie(folder, log)


def _tried(image: Built, checks: dict[str, str]) -> list[str]:
    """Runs each check as the image's user, through its entry point, and returns those that fail."""
    failed = []
    for name, command in checks.items():
        start = time.monotonic()
        words = shlex.join([*image.entrypoint, "sh", "-c", command])
        try:
            said = image.root.run(words, image.variables, user=image.user, cwd=image.cwd)
        except RunFailed as error:
            failed.append(name)
            _say(f"FAILED {name}: {error}")
        else:
            last = said.strip().splitlines()[-1:] or [""]
            _say(f"{time.monotonic() - start:6.1f} s  {name}: {last[0][:100]}")
    return failed


def _measured(image: Built, base: Root, variant: str) -> dict[str, Any]:
    root = image.root
    said = root.run(f"python -c {shlex.quote(PINS)}", image.variables, user=image.user, cwd=image.cwd)
    return {
        "variant": variant,
        "bytes": root.bytes_of("/"),
        "base": base.bytes_of("/"),
        "environment": root.bytes_of("/opt/venv"),
        "project": root.bytes_of("/pipeline"),
        "largest": {name: root.bytes_of(f"{SITE}/{name}") for name in HEAVY},
        "packages": said.split(),
    }


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201  # this is a command


if __name__ == "__main__":
    main()
