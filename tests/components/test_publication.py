from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.publication import latest_version, publish
from tests.components.ends import DISK_FULL, exit_code_of, publish_and_die, publish_on_a_full_disk
from tests.components.tables import REAL_TIME

FILES = {"saved_model.pb": b"graph", "variables/variables.index": b"index", "assets/city_vocabulary": b"Rome"}
YEAR_2100 = 4_102_444_800


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder that looks like a SavedModel."""
    return make_model(tmp_path / "model")


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    """A folder for versions, which need not be there yet."""
    return tmp_path / "serving" / "taxi"


def make_model(folder: Path) -> Path:
    """Writes the files of a model."""
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def files_in(folder: Path) -> dict[str, bytes]:
    """Returns the content of every file below a folder, by its path there."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names_in(folder: Path) -> list[str]:
    """Returns the names in a folder, hidden ones included."""
    return sorted(path.name for path in folder.iterdir())


def test_a_published_version_holds_the_whole_model(model: Path, destination: Path) -> None:
    """The version's folder has the model's files and one that says where it came from; nothing lies beside it."""
    version = publish(model, destination, "run 1")
    published = files_in(version.path)
    origin = published.pop("assets.extra/penstock.json")
    assert published == FILES
    assert b"run 1" in origin
    assert names_in(destination) == [str(version.number)]
    assert version.is_new


def test_the_models_own_folder_is_left_as_it_was(model: Path, destination: Path) -> None:
    """Publishing copies; what the Trainer wrote does not change."""
    publish(model, destination, "run 1", prepare=lambda copy: (copy / "saved_model.pb").unlink())
    assert files_in(model) == FILES


def test_a_version_is_numbered_by_the_time_in_seconds(model: Path, destination: Path) -> None:
    """The first number is the time now, as TensorFlow Serving's tools have it."""
    before = int(time.time())
    number = publish(model, destination, "run 1").number
    assert before <= number <= int(time.time())


def test_each_version_has_a_greater_number_than_the_last(model: Path, destination: Path) -> None:
    """Several models within one second still get increasing numbers."""
    numbers = [publish(model, destination, f"run {run}").number for run in range(4)]
    assert numbers == sorted(set(numbers))
    assert names_in(destination) == [str(number) for number in numbers]


def test_numbers_increase_though_the_clock_went_back(model: Path, destination: Path) -> None:
    """Where a version from the future is there, the next one is one more, so that servers load it."""
    (destination / str(YEAR_2100)).mkdir(parents=True)
    version = publish(model, destination, "run 1")
    assert version.number == YEAR_2100 + 1
    assert latest_version(destination) == type(version)(version.number, version.path, is_new=False)


def test_after_the_latest_is_deleted_numbers_follow_what_is_left(model: Path, destination: Path) -> None:
    """A deleted version is forgotten: the next number is greater than those that are there, no more."""
    (destination / str(YEAR_2100)).mkdir(parents=True)
    publish(model, destination, "run 1")
    deleted = publish(model, destination, "run 2")
    shutil.rmtree(deleted.path)
    assert publish(model, destination, "run 3").number == deleted.number


def test_the_same_model_is_not_published_twice(model: Path, destination: Path) -> None:
    """A re-run that pushes the model that is already the latest gets that version back, and adds nothing."""
    first = publish(model, destination, "run 1")
    again = publish(model, destination, "run 1", prepare=lambda copy: pytest.fail(f"prepared {copy}"))
    assert (again.number, again.path, again.is_new) == (first.number, first.path, False)
    assert names_in(destination) == [str(first.number)]


def test_a_model_from_before_the_latest_is_published_again(model: Path, destination: Path) -> None:
    """Going back to an older model is a new version, because servers load the greatest number."""
    first = publish(model, destination, "run 1")
    publish(model, destination, "run 2")
    again = publish(model, destination, "run 1")
    assert again.is_new
    assert again.number > first.number


@pytest.mark.parametrize("content", [None, "", "{}", "not JSON"])
def test_a_version_of_unknown_origin_is_another_model(model: Path, destination: Path, content: str | None) -> None:
    """A version that somebody else put there, or whose origin cannot be read, does not stop a publication."""
    foreign = destination / "7" / "assets.extra"
    foreign.mkdir(parents=True)
    if content is not None:
        (foreign / "penstock.json").write_text(content)
    assert publish(model, destination, "run 1").is_new


def test_prepare_adds_files_before_the_version_appears(model: Path, destination: Path) -> None:
    """What `prepare` writes is in the version, and while it writes no server can see a version."""
    seen: list[list[str]] = []

    def prepare(copy: Path) -> None:
        (copy / "assets.extra" / "warmup").write_bytes(b"requests")
        seen.append([name for name in names_in(destination) if name.isdecimal()])

    version = publish(model, destination, "run 1", prepare=prepare)
    assert files_in(version.path)["assets.extra/warmup"] == b"requests"
    assert seen == [[]]


def test_a_failure_in_prepare_leaves_nothing(model: Path, destination: Path) -> None:
    """No version, no copy: what was published before is still the latest."""
    first = publish(model, destination, "run 1")

    def fail(copy: Path) -> None:
        (copy / "half").write_bytes(b"")
        raise RuntimeError("no warm-up requests")

    with pytest.raises(RuntimeError, match="no warm-up requests"):
        publish(model, destination, "run 2", prepare=fail)
    assert names_in(destination) == [str(first.number)]


def test_a_kill_in_the_middle_leaves_no_half_version(model: Path, destination: Path) -> None:
    """After SIGKILL servers see what they saw before; the next publication removes what was left and succeeds."""
    first = publish(model, destination, "run 1")
    assert exit_code_of(publish_and_die, model, destination) == -signal.SIGKILL
    latest = latest_version(destination)
    assert latest is not None
    assert latest.number == first.number
    version = publish(model, destination, "run 2")
    assert names_in(destination) == sorted([str(first.number), str(version.number)])
    assert "half written" not in files_in(version.path)


def test_a_full_disk_raises_and_leaves_what_was_published(model: Path, destination: Path) -> None:
    """A copy that cannot be written is an OSError; the versions before it are untouched and no part of it stays."""
    first = publish(model, destination, "run 1")
    before = files_in(destination)
    assert exit_code_of(publish_on_a_full_disk, model, destination) == DISK_FULL
    assert files_in(destination) == before
    assert names_in(destination) == [str(first.number)]


def test_a_destination_that_is_a_file_raises(model: Path, tmp_path: Path) -> None:
    """Where the destination cannot be a folder, OSError says so and the file stays."""
    (tmp_path / "taxi").write_text("not a folder")
    with pytest.raises(OSError, match="taxi"):
        publish(model, tmp_path / "taxi", "run 1")
    assert (tmp_path / "taxi").read_text() == "not a folder"


def test_a_model_that_is_not_there_raises_and_leaves_nothing(destination: Path, tmp_path: Path) -> None:
    """A missing SavedModel is an OSError, and no version appears."""
    with pytest.raises(OSError, match="nowhere"):
        publish(tmp_path / "nowhere", destination, "run 1")
    assert latest_version(destination) is None


def test_what_a_crash_left_is_removed_by_the_next_publication(model: Path, destination: Path) -> None:
    """Folders beside the versions that an earlier crash left do not pile up."""
    make_model(destination / ".incoming" / "half")
    version = publish(model, destination, "run 1")
    assert names_in(destination) == [str(version.number)]


def test_without_a_destination_there_is_no_version(destination: Path) -> None:
    """A folder that is not there, or holds nothing, has no latest version."""
    assert latest_version(destination) is None
    destination.mkdir(parents=True)
    assert latest_version(destination) is None


@given(
    numbers=st.sets(st.integers(1, 10**12), min_size=1, max_size=5),
    others=st.sets(st.text("abc.-_ v", min_size=1, max_size=8).filter(lambda name: name.strip(". ") != ""), max_size=5),
)
@REAL_TIME
def test_the_latest_version_is_the_greatest_number(
    numbers: set[int], others: set[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Numbers are compared as numbers, and names that are not numbers are ignored."""
    folder = tmp_path_factory.mktemp("versions")
    for name in {str(number) for number in numbers} | others:
        (folder / name).mkdir()
    latest = latest_version(folder)
    assert latest is not None
    assert (latest.number, latest.path) == (max(numbers), folder / str(max(numbers)))


@pytest.mark.parametrize("name", ["-5", "1.5", "v2", ".incoming", "1e9", "12a", " 7"])
def test_a_name_that_only_resembles_a_number_is_no_version(tmp_path: Path, name: str) -> None:
    """Model servers load folders named with digits only."""
    (tmp_path / name).mkdir()
    assert latest_version(tmp_path) is None


def test_a_model_that_another_mount_shows_is_not_published_again(model: Path, destination: Path) -> None:
    """A retried step of a cluster may see the same artifact at another path; it is one model all the same."""
    first = publish(model, destination, "/minio/bucket/run/Trainer/model")
    again = publish(model, destination, "/pods/2/minio/bucket/run/Trainer/model")
    other = publish(model, destination, "/minio/bucket/next/Trainer/model")
    assert (again.number, again.is_new) == (first.number, False)
    assert other.is_new
