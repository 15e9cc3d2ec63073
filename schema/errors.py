"""Every error that Penstock raises on purpose, and the exit code it ends a command with.

PenstockError                1   something failed
├── StepFailed               1   a step of the DAG raised what nobody foresaw
├── PipelineBusy             1   another run holds this pipeline
├── Interrupted              1   Ctrl-C or a termination signal
├── ServerError              1   a model server did not answer; its kinds are in serving/client/errors.py
├── RowRefused               1   a row that was to be predicted does not fit what the model reads
├── UsageError               2   the command line or the configuration is wrong
└── GateRefusal              3   a gate said no, and nothing was pushed
    ├── DataAnomaly              the data does not fit its schema, or cannot be read as what it says it is
    ├── ModelNotBlessed          the model missed a bar
    └── InfraNotBlessed          the model does not load, or does not answer as it should
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PenstockError(Exception):
    """A failure with a one-paragraph message for a person: what was given, what is legal, what to do."""

    exit_code = 1


class StepFailed(PenstockError):
    """A step of the DAG failed in a way that its code did not foresee."""


class PipelineBusy(PenstockError):
    """Another process is running this pipeline."""


class Interrupted(PenstockError):
    """The run was asked to stop."""


class RowRefused(PenstockError):
    """A row that was to be predicted does not fit what the model reads; other rows have nothing to do with it."""


class UsageError(PenstockError):
    """The command line or the configuration is wrong; nothing was started."""

    exit_code = 2


class GateRefusal(PenstockError):
    """A gate said no; nothing was pushed."""

    exit_code = 3


class DataAnomaly(GateRefusal):
    """The data does not fit its schema, or cannot be read as what it says it is."""


class ModelNotBlessed(GateRefusal):
    """The model missed a bar."""


class InfraNotBlessed(GateRefusal):
    """The model does not load, or does not answer as it should."""


def did_you_mean(given: str, legal: Iterable[str]) -> str:
    """Returns a sentence that names the legal word nearest to `given`, or all legal words when none is near."""
    words = sorted(legal)
    near = difflib.get_close_matches(given, words, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"Legal here: {', '.join(words)}."
