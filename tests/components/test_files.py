from __future__ import annotations

import os
from pathlib import Path

import pytest

from components.files import Found, find, fingerprint, is_remote, local_copy


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
    ("path", "place"), [("gs://b/f", "there"), ("s3://b/f", "there"), ("/a/b.csv", "here"), ("a:b.csv", "here")]
)
def test_urls_are_remote(path: str, place: str) -> None:
    """What has a scheme is asked of Beam's filesystems."""
    assert is_remote(path) == (place == "there")


def test_a_local_file_is_not_copied(tmp_path: Path) -> None:
    """It is read where it is."""
    with local_copy(str(tmp_path / "a.csv")) as path:
        assert path == str(tmp_path / "a.csv")
