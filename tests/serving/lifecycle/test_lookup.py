from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from serving.server.lifecycle.fakes import FakeLoad
from serving.server.lifecycle.lookup import Directory, Use
from serving.server.lifecycle.version import Version
from tests.serving.lifecycle.worlds import refusal, spec


def loaded(number: int) -> Version:
    """Returns a version of m that can be used."""
    version = Version("m", number, Path())
    version.servable = FakeLoad()("m", number, Path())
    return version


@pytest.fixture
def directory() -> Directory:
    """Versions 1 and 3 of m, version 1 labelled."""
    directory = Directory(labels={"m": {"stable": 1, "next": 4}})
    directory.replace("m", {number: loaded(number) for number in (3, 1)})
    return directory


@pytest.mark.parametrize(
    ("version", "label", "number"), [(None, None, 3), (1, None, 1), (3, None, 3), (None, "stable", 1)]
)
def test_a_spec_means_a_version(directory: Directory, version: int | None, label: str | None, number: int) -> None:
    """The one that it names or labels, else the highest available."""
    with Use(directory, spec("m", version, label)) as servable:
        assert servable.version == number


@pytest.mark.parametrize(
    ("name", "version", "label", "code", "message"),
    [
        ("", None, None, "INVALID_ARGUMENT", "ModelSpec has no name specified."),
        ("", 1, None, "INVALID_ARGUMENT", "ModelSpec has no name specified."),
        ("x", None, None, "NOT_FOUND", "Servable not found for request: Latest(x)"),
        ("x", 7, None, "NOT_FOUND", "Servable not found for request: Specific(x, 7)"),
        ("m", 0, None, "NOT_FOUND", "Servable not found for request: Specific(m, 0)"),
        ("m", None, "next", "NOT_FOUND", "Servable not found for request: Specific(m, 4)"),
        ("m", None, "old", "INVALID_ARGUMENT", "Unrecognized servable version label: old"),
        ("m", None, "", "INVALID_ARGUMENT", "Unrecognized servable version label: "),
        ("x", None, "stable", "INVALID_ARGUMENT", "Unrecognized servable version label: stable"),
    ],
)
def test_what_is_not_there_is_refused(
    directory: Directory, name: str, version: int | None, label: str | None, code: str, message: str
) -> None:
    """With TensorFlow Serving's codes and words."""
    assert refusal(lambda: Use(directory, spec(name, version, label)).__enter__()) == (code, message)


class Overtaken(Directory):
    """A directory whose first answer is out of date when it arrives."""

    def __init__(self, old: Version, new: Mapping[int, Version]) -> None:
        super().__init__()
        self._new = new
        self.replace("m", {old.number: old})

    def find(self, spec: object) -> Version:
        """Finds a version that is unloaded at that very moment."""
        version = super().find(spec)
        if version.number not in self._new:
            self.replace("m", self._new)
            version.drain()
        return version


def test_a_request_that_finds_a_version_on_its_way_out_takes_the_next() -> None:
    """An unload between the look and the hold is not seen by the client."""
    with Use(Overtaken(loaded(1), {2: loaded(2)}), spec("m")) as servable:
        assert servable.version == 2


def test_a_request_that_finds_the_last_version_on_its_way_out_is_refused() -> None:
    """As if it had come a moment later."""
    use = Use(Overtaken(loaded(1), {}), spec("m"))
    assert refusal(use.__enter__) == ("NOT_FOUND", "Servable not found for request: Latest(m)")


def test_a_version_is_let_go_when_the_request_fails(directory: Directory) -> None:
    """An error in the block counts the request out, and is not swallowed."""
    version = directory.models["m"].latest
    with pytest.raises(ZeroDivisionError), Use(directory, spec("m")):
        raise ZeroDivisionError
    version.drain()
    assert not version.enter()
