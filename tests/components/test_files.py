from __future__ import annotations

import os
from pathlib import Path

import pytest

import schema
from components.files import Found, copy_folder, find, fingerprint, is_remote, local_copy, local_path, open_local
from schema.errors import UsageError

SCHEMAS = Path(schema.__file__ or "").parent


def test_files_are_found_in_the_order_of_their_names(tmp_path: Path) -> None:
    """Folders are no files, and ** goes down into them."""
    for name in ("b.csv", "a.csv", "deep/er/c.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "folder.csv").mkdir()
    assert [Path(file.path).name for file in find(str(tmp_path / "**" / "*.csv"))] == ["a.csv", "b.csv", "c.csv"]
    assert [file.size for file in find(str(tmp_path / "*.csv"))] == [5, 5]


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    """A glob without a match is no error here; who asked knows what to say."""
    assert find(str(tmp_path / "*.csv")) == []


def test_the_fingerprint_changes_with_a_file(tmp_path: Path) -> None:
    """Another size, another time or another file are other data; reading is no change."""
    file = tmp_path / "a.csv"
    seen = []
    for content, time in (("1", 1000), ("12", 1000), ("12", 2000)):
        file.write_text(content)
        os.utime(file, (time, time))
        seen.append(fingerprint(find(str(tmp_path / "*"))))
    assert fingerprint(find(str(tmp_path / "*"))) == seen[-1]
    (tmp_path / "b.csv").write_text("")
    assert len({*seen, fingerprint(find(str(tmp_path / "*")))}) == 4


def test_the_fingerprint_keeps_names_and_sizes_apart() -> None:
    """Two files are not another one whose name looks like both."""
    assert fingerprint([Found("a", 1, 0), Found("b", 1, 0)]) != fingerprint([Found("a\t1\t0\nb", 1, 0)])


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("gs://b/f", "there"),
        ("s3://b/f", "there"),
        ("/a/b.csv", "here"),
        ("a:b.csv", "here"),
        ("pkg://schema/taxi.pbtxt", "here"),
    ],
)
def test_urls_are_remote(path: str, place: str) -> None:
    """What has a scheme is asked of Beam's filesystems."""
    assert is_remote(path) == (place == "there")


def test_a_local_file_is_not_copied(tmp_path: Path) -> None:
    """It is read where it is."""
    with local_copy(str(tmp_path / "a.csv")) as path:
        assert path == str(tmp_path / "a.csv")


def test_packaged_files_are_found_under_the_name_that_they_were_asked_by() -> None:
    """Where the package lies is no part of what messages and fingerprints say."""
    assert [file.path for file in find("pkg://schema/t*.pbtxt")] == ["pkg://schema/taxi.pbtxt"]
    (file,) = find("pkg://schema/taxi.pbtxt")
    assert file.size == (SCHEMAS / "taxi.pbtxt").stat().st_size
    assert [found.path for found in find("pkg://schema/**/taxi.*")] == ["pkg://schema/taxi.pbtxt"]
    assert find("pkg://schema/*.csv") == find("pkg://schema/") == []


def test_packaged_files_are_read_where_the_package_lies() -> None:
    """A reader gets a path of this machine."""
    path = "pkg://schema/taxi.pbtxt"
    assert local_path(path) == str(SCHEMAS / "taxi.pbtxt")
    with local_copy(path) as copy, open_local(path) as opened:
        assert Path(copy).read_bytes() == opened.read() == (SCHEMAS / "taxi.pbtxt").read_bytes()


@pytest.mark.parametrize("path", ["a.csv", "/a/b.csv", "gs://b/f"])
def test_other_paths_stay(path: str) -> None:
    """Only packaged files have another name on this machine."""
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path", ["pkg://no_such_package/data.csv", "pkg://json.decoder/data.csv", "pkg://", "pkg:///a"]
)
def test_a_package_that_is_not_installed_is_named(path: str) -> None:
    """A pkg:// path to what is no installed package is refused with the path and the package."""
    package = path.removeprefix("pkg://").partition("/")[0]
    for read in (find, local_path, open_local):
        with pytest.raises(UsageError) as caught:
            read(path)
        assert str(caught.value) == f"{path}: no package {package!r} is installed here."


def test_a_copied_folder_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    """The copy has what the folder has, down to the last level, and nothing else."""
    for name in ("from/a", "from/deep/er/b", "to/old"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    copy_folder(str(tmp_path / "from"), str(tmp_path / "to"))
    copied = {str(path.relative_to(tmp_path / "to")): path for path in (tmp_path / "to").rglob("*") if path.is_file()}
    assert {name: path.read_text() for name, path in copied.items()} == {"a": "from/a", "deep/er/b": "from/deep/er/b"}


def test_a_folder_that_is_not_there_is_not_copied(tmp_path: Path) -> None:
    """An empty copy would pass for a folder without files."""
    with pytest.raises(NotADirectoryError, match="nowhere"):
        copy_folder(str(tmp_path / "nowhere"), str(tmp_path / "to"))
    assert not (tmp_path / "to").exists()
