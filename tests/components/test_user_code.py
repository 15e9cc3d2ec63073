from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.model import build_model
from components.user_code import fingerprint, load_function
from schema.errors import UsageError

CODE = """
LIMIT = 3

def build_model(shape, settings):
    return shape, settings

def build_with_more(shape, settings, extra=1):
    return extra

def build_from_anything(**parts):
    return parts

def build_alone():
    return None
"""


@pytest.fixture
def module(tmp_path: Path) -> Iterator[Path]:
    """A module `my_model` of a user's, in a folder on the path."""
    path = tmp_path / "my_model.py"
    path.write_text(CODE)
    sys.path.insert(0, str(tmp_path))
    importlib.invalidate_caches()
    yield path
    sys.path.remove(str(tmp_path))
    sys.modules.pop("my_model", None)


def refusal(dotted_path: str, arguments: tuple[str, ...] | None = None) -> str:
    """Returns the message with which a path is refused."""
    with pytest.raises(UsageError) as refused:
        load_function(dotted_path, arguments)
    return str(refused.value)


def test_a_function_is_found_by_its_dotted_path() -> None:
    """Ours is found as a user's is."""
    assert load_function("components.model.build_model", ("shape", "settings")) is build_model


def test_a_users_function_is_found_on_the_path(module: Path) -> None:
    """A module in a folder on PYTHONPATH needs no package."""
    assert module.is_file()
    assert load_function("my_model.build_model", ("shape", "settings"))(1, 2) == (1, 2)


def test_a_module_that_is_not_there_is_named() -> None:
    """The message names the whole path, the module, and what to do."""
    message = refusal("nowhere.at_all.build_model")
    assert message.startswith("nowhere.at_all.build_model: cannot import 'nowhere.at_all': No module named 'nowhere'.")
    assert "PYTHONPATH" in message


def test_a_module_that_needs_a_missing_one_says_which(module: Path) -> None:
    """An import that fails inside the user's module names what it wanted."""
    module.write_text("import a_library_that_is_not_installed\n")
    message = refusal("my_model.build_model")
    assert "cannot import 'my_model'" in message
    assert "a_library_that_is_not_installed" in message


def test_a_misspelt_function_is_answered_with_the_nearest(module: Path) -> None:
    """A near name is suggested."""
    message = refusal(f"{module.stem}.bild_model")
    assert message == "my_model.bild_model: 'my_model' has no function 'bild_model'. Did you mean 'build_model'?"


def test_a_name_that_resembles_none_is_answered_with_all(module: Path) -> None:
    """Where no name is near, the module's functions are listed."""
    assert "Legal here: build_alone, build_from_anything, build_model, build_with_more." in refusal(
        f"{module.stem}.zzz"
    )


def test_a_constant_is_not_a_function(module: Path) -> None:
    """Something of that name that cannot be called is refused."""
    assert "'my_model' has no function 'LIMIT'" in refusal(f"{module.stem}.LIMIT")


@pytest.mark.parametrize("function", ["build_model", "build_with_more", "build_from_anything"])
def test_a_function_may_take_more_than_it_is_given(module: Path, function: str) -> None:
    """Optional arguments and keyword arguments do not matter, so long as it can be called."""
    assert callable(load_function(f"{module.stem}.{function}", ("shape", "settings")))


def test_a_function_with_other_arguments_says_how_it_is_called(module: Path) -> None:
    """The message shows the function's own arguments and those that it is called with."""
    message = refusal(f"{module.stem}.build_alone", ("shape", "settings"))
    assert message.startswith("my_model.build_alone(): ")
    assert "It is called as build_alone(shape, settings); give it these arguments." in message


def test_an_argument_that_nobody_gives_is_named(module: Path) -> None:
    """A required argument too many is refused before it could fail in the middle of a run."""
    assert "missing a required argument: 'settings'" in refusal(f"{module.stem}.build_model", ("shape",))


def test_the_fingerprint_follows_the_code(module: Path) -> None:
    """The same code has the same fingerprint, another code another one, and the first again the first."""
    first = fingerprint("my_model.build_model")
    assert fingerprint("my_model.build_alone") == first
    module.write_text(CODE.replace("extra=1", "extra=2"))
    changed = fingerprint("my_model.build_model")
    module.write_text(CODE)
    assert fingerprint("my_model.build_model") == first != changed


def test_two_modules_have_two_fingerprints() -> None:
    """The fingerprint is of the module that the path names."""
    assert fingerprint("components.model.build_model") != fingerprint("components.training.run_fn")
