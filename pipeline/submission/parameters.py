"""`--parameter NAME=VALUE`: checked against what the compiled pipeline declares, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.parameters import read
from pipeline.submission.compiled import Parameter
from schema.errors import UsageError, did_you_mean


def parameter_values(given: Iterable[str], declared: Mapping[str, Parameter]) -> dict[str, Any]:
    """Returns the values by name, each of its parameter's type.

    Raises:
      UsageError: one is no NAME=VALUE, given twice, not declared, of another type; or a required one is missing.
    """
    values: dict[str, Any] = {}
    for word in given:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise UsageError(f"--parameter {word!r} is no NAME=VALUE.")
        if name in values:
            raise UsageError(f"--parameter {name} is given twice.")
        if name not in declared:
            raise UsageError(_unknown(name, declared))
        values[name] = read(name, text, declared[name].type)
    missing = [name for name, parameter in declared.items() if parameter.is_required and name not in values]
    if missing:
        wanted = " ".join(f"--parameter {name}=…" for name in missing)
        raise UsageError(f"The pipeline has no default for {', '.join(missing)}. Add {wanted}")
    return values


def _unknown(name: str, declared: Mapping[str, Parameter]) -> str:
    hint = did_you_mean(name, declared) if declared else "It has none."
    return f"The pipeline has no parameter {name!r}. {hint}"
