from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schema as schema_package
from components.files import local_path
from pipeline.loading import load, resolve_path
from schema.errors import UsageError
from schema.roles import Numeric
from tests.unit.samples import TAXI, minimal, write


@contextmanager
def current_folder(folder: Path) -> Iterator[None]:
    """Stands in a folder while the block runs."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def test_the_shipped_taxi_configuration_loads() -> None:
    """configs/taxi.yaml is right, and the files that it names exist."""
    config = load([TAXI])
    assert config.name == "taxi"
    assert Path(local_path(config.data.path)).is_file()
    assert Path(config.schema_.path or "").is_file()


def test_a_later_file_lies_over_an_earlier_one(tmp_path: Path) -> None:
    """Of two files that give a key the later one counts; keys that it does not give stay."""
    below = write(tmp_path / "below.yaml", minimal(model={"epochs": 3, "seed": 7}))
    above = write(tmp_path / "above.yaml", {"model": {"epochs": 5}, "name": "other"})
    config = load([below, above])
    assert (config.name, config.model.epochs, config.model.seed) == ("other", 5, 7)
    assert config.label == minimal()["label"]


def test_lists_are_replaced_whole(tmp_path: Path) -> None:
    """An overlay that gives a list gives all of it: nothing of the list below is kept."""
    below = write(tmp_path / "below.yaml", minimal(model={"hidden": [64, 32, 16]}))
    above = write(
        tmp_path / "above.yaml", {"model": {"hidden": [8]}, "features": [{"column": "hour", "role": "numeric"}]}
    )
    config = load([below, above])
    assert config.model.hidden == (8,)
    assert config.features == (Numeric(column="hour"),)


def test_mappings_below_the_second_level_merge_too(tmp_path: Path) -> None:
    """Bars of an overlay join those of the file below, and replace a bar of the same metric key by key."""
    below = write(tmp_path / "below.yaml", minimal(evaluation={"bars": {"auc": {"min": 0.5}, "recall": {"min": 0.1}}}))
    above = write(tmp_path / "above.yaml", {"evaluation": {"bars": {"auc": {"min": 0.9}, "log_loss": {"max": 1}}}})
    bars = load([below, above]).evaluation.bars
    assert {metric: bound.min for metric, bound in bars.items()} == {"auc": 0.9, "recall": 0.1, "log_loss": None}


def test_an_overlay_is_no_pipeline_by_itself(tmp_path: Path) -> None:
    """A file may lack required keys as long as the files together have them."""
    overlay = write(tmp_path / "overlay.yaml", {"model": {"epochs": 5}})
    with pytest.raises(UsageError, match="'name' is missing"):
        load([overlay])
    assert load([write(tmp_path / "base.yaml", minimal()), overlay]).model.epochs == 5


def test_an_error_of_merged_files_names_them_all(tmp_path: Path) -> None:
    """When several files make one configuration, a wrong key is told with all of their names."""
    below, above = write(tmp_path / "below.yaml", minimal()), write(tmp_path / "above.yaml", {"epochs": 5})
    with pytest.raises(UsageError) as caught:
        load([below, above])
    assert str(below) in str(caught.value)
    assert str(above) in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "epochs", "hidden", "label"),
    [
        ("model.epochs=5", 5, (128, 128), "tips > 0.2 * fare"),
        ("model.hidden=[4, 2]", 100, (4, 2), "tips > 0.2 * fare"),
        ("model={epochs: 6, hidden: [3]}", 6, (3,), "tips > 0.2 * fare"),
        ("label=tips == fare", 100, (128, 128), "tips == fare"),
    ],
)
def test_a_setting_lies_over_all_files(
    tmp_path: Path, setting: str, epochs: int, hidden: tuple[int, ...], label: str
) -> None:
    """--set takes a dotted key and a YAML value, which may itself hold an equals sign."""
    config = load([write(tmp_path / "taxi.yaml", minimal())], [setting])
    assert (config.model.epochs, config.model.hidden, config.label) == (epochs, hidden, label)


def test_the_last_setting_of_a_key_counts(tmp_path: Path) -> None:
    """Settings are laid over each other in the order in which they are given."""
    config = load([write(tmp_path / "taxi.yaml", minimal())], ["model.epochs=5", "model.epochs=6"])
    assert config.model.epochs == 6


@given(epochs=st.integers(1, 10**6), rate=st.floats(1e-6, 1.0, allow_nan=False))
def test_numbers_survive_a_setting(epochs: int, rate: float) -> None:
    """A number written as YAML writes it comes out of --set as the same number."""
    config = load([TAXI], [f"model.epochs={epochs}", f"model.dropout={rate / 2:.12f}"])
    assert config.model.epochs == epochs
    assert config.model.dropout == pytest.approx(rate / 2, abs=1e-12)


@pytest.mark.parametrize("setting", ["model.epochs", "=5", "", "model.epochs=[5"])
def test_a_setting_that_is_none_is_refused(tmp_path: Path, setting: str) -> None:
    """A --set without a key, an equals sign or a YAML value is refused as it was written."""
    with pytest.raises(UsageError) as caught:
        load([write(tmp_path / "taxi.yaml", minimal())], [setting])
    assert str(caught.value).startswith(f"--set {setting}: ")


def test_a_setting_of_an_unknown_key_names_the_nearest() -> None:
    """A misspelt key in --set is told with the key that is nearest."""
    with pytest.raises(UsageError, match=r"'model.epoch'\. Did you mean 'epochs'\?"):
        load([TAXI], ["model.epoch=5"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"name: [taxi\n", "is not valid YAML"),
        (b"name: taxi\n  label: x\n", "is not valid YAML"),
        (b"name: !!python/object/apply:os.getcwd []\n", "is not valid YAML"),
        (b"name: \0\n", "is not valid YAML"),
        (b"- name\n- taxi\n", "holds list, not a mapping"),
        (b"taxi\n", "holds str, not a mapping"),
        (b"", "holds NoneType, not a mapping"),
        (b"name: \xff\xfe\n", "cannot be read"),
    ],
    ids=["open bracket", "bad indent", "python tag", "null byte", "list", "word", "empty", "not UTF-8"],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    """A file that is not YAML, not a mapping or not UTF-8 is refused by its name, with what it is instead."""
    file = tmp_path / "taxi.yaml"
    file.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        load([file])
    assert str(caught.value).startswith(f"{file}: {words}")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A configuration file that does not exist is told by its name."""
    file = tmp_path / "none.yaml"
    with pytest.raises(UsageError) as caught:
        load([file])
    assert str(caught.value) == f"{file}: there is no such configuration file."


def test_a_folder_is_no_configuration_file(tmp_path: Path) -> None:
    """A folder given for a file is refused by its name."""
    with pytest.raises(UsageError, match="cannot be read"):
        load([tmp_path])


def test_paths_of_a_file_are_relative_to_it(tmp_path: Path) -> None:
    """Data, schema and password files are looked for from the folder of the YAML file that names them."""
    folder = tmp_path / "configs"
    folder.mkdir()
    metadata = {"backend": "mysql", "host": "db", "database": "mlmd", "user": "me", "password_file": "secret"}
    changes = {"data": {"path": "../trips.csv"}, "schema": {"path": "taxi.pbtxt"}, "metadata": metadata}
    with current_folder(tmp_path.parent):
        config = load([write(folder / "taxi.yaml", minimal(**changes))])
    assert config.data.path == str(tmp_path / "trips.csv")
    assert config.schema_.path == str(folder / "taxi.pbtxt")
    assert config.metadata.password_file == str(folder / "secret")


def test_each_file_has_its_own_folder(tmp_path: Path) -> None:
    """Of two files in two folders, each one's paths are relative to its own."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    below = write(tmp_path / "a" / "below.yaml", minimal(schema={"path": "s.pbtxt"}))
    above = write(tmp_path / "b" / "above.yaml", {"data": {"path": "trips.csv"}})
    config = load([below, above])
    assert (config.schema_.path, config.data.path) == (str(tmp_path / "a/s.pbtxt"), str(tmp_path / "b/trips.csv"))


def test_paths_of_a_setting_are_relative_to_the_current_folder(tmp_path: Path) -> None:
    """A path on the command line is one that the shell would complete: from where the person stands."""
    (tmp_path / "configs").mkdir()
    file = write(tmp_path / "configs" / "taxi.yaml", minimal())
    with current_folder(tmp_path):
        config = load([file], ["data.path=trips.csv"])
    assert config.data.path == str(tmp_path / "trips.csv")


def test_absolute_paths_and_urls_stay(tmp_path: Path) -> None:
    """A path that is absolute, or a URL of another filesystem, is taken as it is."""
    assert resolve_path(str(tmp_path / "trips.csv"), Path("elsewhere")) == str(tmp_path / "trips.csv")
    assert resolve_path("gs://bucket/trips-*.csv", tmp_path) == "gs://bucket/trips-*.csv"


@given(path=st.text("ab./*", min_size=1, max_size=12))
def test_a_resolved_path_stays_where_it_is(path: str) -> None:
    """Resolving gives an absolute path, and resolving that again, from anywhere, changes nothing."""
    resolved = resolve_path(path, Path("some/folder"))
    assert Path(resolved).is_absolute()
    assert resolve_path(resolved, Path("another")) == resolved


def test_a_package_carries_data() -> None:
    """pkg://package/file is that file inside the installed package."""
    expected = Path(schema_package.__file__ or "").parent / "taxi.pbtxt"
    assert Path(resolve_path("pkg://schema/taxi.pbtxt", Path("anywhere"))) == expected


def test_packaged_data_keeps_its_name(tmp_path: Path) -> None:
    """It is looked for where it is read, which may be a container; the schema, whose text is carried, is read here."""
    given = minimal(data={"path": "pkg://no_such_package/t.csv"}, schema={"path": "pkg://schema/taxi.pbtxt"})
    config = load([write(tmp_path / "taxi.yaml", given)])
    assert config.data.path == "pkg://no_such_package/t.csv"
    assert Path(config.schema_.path or "").is_file()


@pytest.mark.parametrize("path", ["pkg://no_such_package/data.csv", "pkg://json.decoder/data.csv"])
def test_a_package_that_is_not_installed_is_named(path: str) -> None:
    """A pkg:// path to what is no installed package is refused with the path and the package."""
    package = path.removeprefix("pkg://").partition("/")[0]
    with pytest.raises(UsageError) as caught:
        resolve_path(path, Path("anywhere"))
    assert str(caught.value) == f"{path}: no package {package!r} is installed here."
