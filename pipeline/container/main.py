"""From the process's arguments to its exit code. Whatever is said goes to standard error, the step's log."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.container.arguments import parse
from schema.errors import PenstockError

MOUNT = "PENSTOCK_ARTIFACT_MOUNT"  # the folder that holds minio/, s3/ and gcs/; a pod's are at the root


def main(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Runs a step's executor or its driver, and returns the process's exit code.

    An error that Penstock raises on purpose becomes a paragraph and its own exit code: 3 where a gate said no, 2 where
    the arguments are wrong. Any other error is left to the interpreter: a traceback and exit code 1.
    """
    _lower_voices()
    try:
        arguments = parse(words)
        root = Path(environment.get(MOUNT) or "/").absolute()
        if arguments.is_driver:
            from pipeline.container.driver_step import run
        else:
            from pipeline.container.executor_step import run
        run(arguments, root)
    except PenstockError as error:
        sys.stderr.write(f"penstock: {error}\n")
        return error.exit_code
    return 0


def _lower_voices() -> None:
    """Has libraries say only what went wrong; our own loggers say how it goes."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    warnings.simplefilter("ignore")
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("penstock").setLevel(logging.INFO)
