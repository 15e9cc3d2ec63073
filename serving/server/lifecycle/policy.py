"""Which versions are wanted, and what to do next so that a model that answers goes on answering."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from serving.server.lifecycle.states import State


def wanted(numbers: Collection[int], policy: Any) -> set[int]:
    """Returns which of the versions on disk a ServableVersionPolicy wants: by default the latest one."""
    match policy.WhichOneof("policy_choice"):
        case "all":
            return set(numbers)
        case "specific":
            return set(numbers) & set(policy.specific.versions)
        case _:
            return set(sorted(numbers)[-max(policy.latest.num_versions, 1) :])


def missing(numbers: Collection[int], policy: Any) -> list[int]:
    """Returns which versions a ServableVersionPolicy names that are not on disk."""
    return sorted(set(policy.specific.versions) - set(numbers))


class Verb(Enum):
    """What can be done with a version."""

    LOAD = "load"
    UNLOAD = "unload"


@dataclass(frozen=True)
class Action:
    """What to do with which version."""

    verb: Verb
    number: int


@dataclass(frozen=True)
class Snapshot:
    """A version as a policy sees it."""

    number: int
    state: State
    aspired: bool


def next_action(versions: Iterable[Snapshot]) -> Action | None:
    """Returns the next step towards the aspired versions of one model that leaves some version available.

    Versions that are no longer aspired go, the lowest first, once an aspired one is available, or while another of
    them is left, or if none is aspired at all. Otherwise the highest new version is loaded, beside the old one.
    Source: core/availability_preserving_policy.cc.
    """
    versions = list(versions)
    aspired = [one for one in versions if one.aspired]
    leftover = sorted(one.number for one in versions if one.state is State.AVAILABLE and not one.aspired)
    answered = any(one.state is State.AVAILABLE for one in aspired)
    if leftover and (not aspired or answered or len(leftover) > 1):
        return Action(Verb.UNLOAD, leftover[0])
    new = [one.number for one in aspired if one.state is State.START]
    return Action(Verb.LOAD, max(new)) if new else None
