"""REST: the status of a model's versions."""

from __future__ import annotations

import pytest

from tests.conformance.rest import Rest


def available(version: str) -> object:
    """A version's entry when all is well: numbers as texts, names for enums, empty fields too."""
    return {"version": version, "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}


@pytest.mark.parametrize(
    ("target", "versions"),
    [
        ("half_plus_two", ["123"]),
        ("half_plus_two/versions/123", ["123"]),
        ("versions", ["2", "1"]),
        ("versions/versions/1", ["1"]),
        ("versions/labels/canary", ["2", "1"]),
    ],
)
def test_status(rest: Rest, target: str, versions: list[str]) -> None:
    """A version has its own status; without one all are listed, the highest first."""
    answer = rest.get(f"/v1/models/{target}")
    assert (answer.status, answer.json) == (200, {"model_version_status": [available(each) for each in versions]})


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("nobody", "Could not find any versions of model nobody"),
        ("nobody/versions/1", "Could not find version 1 of model nobody"),
        ("nobody/labels/stable", "Could not find any versions of model nobody"),
        ("half_plus_two/versions/9", "Could not find version 9 of model half_plus_two"),
        ("half_plus_two/versions/0", "Could not find version 0 of model half_plus_two"),
    ],
)
def test_unknown(rest: Rest, target: str, error: str) -> None:
    """What has never been there is not found."""
    answer = rest.get(f"/v1/models/{target}")
    assert (answer.status, answer.error) == (404, error)
