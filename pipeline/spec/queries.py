"""The queries of a resolver, as TFX compiles LatestBlessedModelStrategy: which of all artifacts a step is given."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import yaml

from pipeline.spec.store import Artifact
from schema.errors import StepFailed

CLAUSE = re.compile(
    r"""(?P<field>schema_title|state|name|uri|metadata\.(?P<key>[\w-]+)\.(?P<kind>number_value|string_value|bool_value))
    \s*=\s*(?:"(?P<text>[^"]*)"|(?P<bare>[\w.+-]+))""",
    re.VERBOSE,
)
LIVE = "LIVE"


def latest(artifacts: Iterable[Artifact], query: str) -> Artifact | None:
    """Returns the first artifact that fits a query such as `schema_title="tfx.Model" AND state=LIVE`.

    Args:
      artifacts: the latest first.
      query: clauses `field=value`, joined by AND; every artifact's state is LIVE.

    Raises:
      StepFailed: the query is of another form.
    """
    tests = [_test(clause, query) for clause in re.split(r"\s+AND\s+", query.strip())]
    return next((artifact for artifact in artifacts if all(test(artifact) for test in tests)), None)


def _test(clause: str, query: str) -> Callable[[Artifact], bool]:
    found = CLAUSE.fullmatch(clause)
    if found is None:
        raise StepFailed(
            f"The artifact query {query!r} cannot be read at {clause!r}: known are schema_title, state, name, uri and "
            "metadata.KEY.number_value (string_value, bool_value), each = a value, joined by AND."
        )
    wanted = found["bare"] if found["text"] is None else found["text"]
    if found["key"]:
        return lambda artifact: _text(artifact.metadata.get(found["key"])) == _normal(wanted)
    fields: dict[str, Callable[[Artifact], str]] = {
        "schema_title": title_of,
        "state": lambda _: LIVE,
        "name": lambda artifact: str(artifact.id),
        "uri": lambda artifact: artifact.uri,
    }
    field = fields[found["field"]]
    return lambda artifact: field(artifact) == wanted


def title_of(artifact: Artifact) -> str:
    """Returns the title of an artifact's type: `tfx.Model`, `system.HTML`."""
    if title := artifact.type.get("schemaTitle"):
        return str(title)
    described: Any = yaml.safe_load(str(artifact.type.get("instanceSchema", "")))
    return str(described.get("title", "")) if isinstance(described, dict) else ""


def _text(value: Any) -> str | None:
    return None if value is None else _normal(str(value))


def _normal(text: str) -> str:
    """Numbers are written in more than one way: 1, 1.0."""
    try:
        return repr(float(text))
    except ValueError:
        return text.lower() if text.lower() in {"true", "false"} else text
