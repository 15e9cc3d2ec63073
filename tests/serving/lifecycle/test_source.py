from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.server.lifecycle import source
from tests.serving.lifecycle.worlds import Disk, refusal


def test_folders_named_by_a_number_are_versions(disk: Disk) -> None:
    """Leading zeros do not count, names that are no number are ignored."""
    disk.add("m", "00000123", "1_tmp", "v2", "7")
    found = source.poll(disk.model("m", "model_version_policy { all {} }"))
    assert {number: path.name for number, path in found.versions.items()} == {7: "7", 123: "00000123"}
    assert found.warnings == ()


@given(st.integers(-(2**65), 2**65), st.integers(0, 3))
def test_a_number_is_a_version_if_it_fits_64_bits(number: int, zeros: int) -> None:
    """The text of an integer, with zeros or without, stands for it exactly if it is an int64."""
    text = f"{'-' if number < 0 else ''}{'0' * zeros}{abs(number)}"
    assert list(source._numbered([text])) == ([(number, text)] if -(2**63) <= number < 2**63 else [])


@given(st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"])))
def test_any_name_is_a_version_or_none(name: str) -> None:
    """No name of a file breaks the poll, and digits of other scripts are no digits."""
    for number, child in source._numbered([name]):
        assert child.isascii()
        assert int(child) == number


def test_two_folders_of_one_version_are_complained_of(disk: Disk) -> None:
    """One of them wins, and the log says which."""
    disk.add("m", "001", "01")
    found = source.poll(disk.model("m"))
    assert found.versions == {1: disk.root / "m" / "01"}
    assert found.warnings == (
        "Duplicate version directories detected. Version 1 will be loaded from 01, 001 will be ignored.",
    )


def test_specific_versions_that_are_not_there_are_complained_of(disk: Disk) -> None:
    """They are missed, the others found."""
    disk.add("m", 42)
    found = source.poll(disk.model("m", "model_version_policy { specific { versions: 42 versions: 43 } }"))
    assert list(found.versions) == [42]
    assert found.warnings == (
        (
            "Version 43 of servable m, which was requested to be served as a 'specific' version in the servable's "
            "version policy, was not found in the file system"
        ),
    )


@pytest.mark.parametrize(("version", "policy"), [("one", ""), (1, "model_version_policy { specific {} }")])
def test_no_versions_are_complained_of(disk: Disk, version: int | str, policy: str) -> None:
    """A base path without numbers, and a policy that names no version, aspire to nothing."""
    disk.add("m", version)
    found = source.poll(disk.model("m", policy))
    assert found.versions == {}
    assert found.warnings == (
        (
            f"No versions of servable m found under base path {disk.root}/m. Did you forget to name your leaf "
            "directory as a number (eg. '/1/')?"
        ),
    )


def test_a_missing_base_path_is_an_error(disk: Disk) -> None:
    """Which says where it looked, for which model, and what the file system said."""
    path = disk.root / "m"
    assert refusal(lambda: source.poll(disk.model("m"))) == (
        "INVALID_ARGUMENT",
        f"Could not find base path {path} for servable m with error NOT_FOUND: {path}; No such file or directory",
    )


def test_a_base_path_that_is_a_file_is_an_error(disk: Disk) -> None:
    """Nothing is unloaded because somebody put a file there."""
    (disk.root / "m").write_text("")
    assert refusal(lambda: source.poll(disk.model("m")))[1].endswith("m; Not a directory")


def test_local_uris_are_paths_and_others_are_refused(disk: Disk) -> None:
    """The scheme file: is this machine's disk; there is no other file system here."""
    disk.add("m", 1)
    model = disk.model("m")
    model.base_path = f"file://{disk.root}/m"
    assert source.poll(model).versions == {1: disk.root / "m" / "1"}
    model.base_path = "gs://bucket/m"
    assert "UNIMPLEMENTED: File system scheme 'gs' not implemented" in refusal(lambda: source.poll(model))[1]
