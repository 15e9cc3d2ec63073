from __future__ import annotations

import pytest

from serving.server.lifecycle import labels
from tests.serving.lifecycle.worlds import Disk, refusal

AVAILABLE = {("m", 1), ("m", 2)}
REFUSAL = (
    "FAILED_PRECONDITION",
    "Request to assign label to version 3 of model m, which is not currently available for inference",
)


def assigned(disk: Disk, current: dict[str, int], allow: bool, **wanted: int) -> labels.Labels:  # noqa: FBT001  a column of the tables below
    """Returns the labels that m gets, of which versions 1 and 2 are available."""
    text = " ".join(f'version_labels {{ key: "{label}" value: {number} }}' for label, number in wanted.items())
    return labels.assigned(
        disk.config(m=text), {"m": current}, lambda *version: version in AVAILABLE, allow_unavailable=allow
    )


@pytest.mark.parametrize("allow", [False, True])
def test_labels_point_to_available_versions(disk: Disk, allow: bool) -> None:  # noqa: FBT001
    """Several may point to one, and those that are left out are gone."""
    assert assigned(disk, {"old": 1, "stable": 1}, allow, stable=2, canary=2) == {"m": {"stable": 2, "canary": 2}}


def test_a_label_to_another_version_is_refused(disk: Disk) -> None:
    """Also one that is as it was before: its version has gone."""
    assert refusal(lambda: assigned(disk, {}, allow=False, next=3)) == REFUSAL
    assert refusal(lambda: assigned(disk, {"next": 3}, allow=False, next=3)) == REFUSAL


def test_with_the_flag_a_new_label_may_point_anywhere(disk: Disk) -> None:
    """--allow_version_labels_for_unavailable_models is for the first configuration and new labels."""
    assert assigned(disk, {}, allow=True, next=3) == {"m": {"next": 3}}
    assert assigned(disk, {"next": 3}, allow=True, next=3) == {"m": {"next": 3}}


def test_with_the_flag_a_label_is_still_moved_only_to_an_available_version(disk: Disk) -> None:
    """Who calls it now must not be sent to nothing."""
    assert refusal(lambda: assigned(disk, {"stable": 1}, allow=True, stable=3)) == REFUSAL
