from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from serving.server.lifecycle import config
from serving.server.status import StatusError
from tests.serving.lifecycle.worlds import refusal

EMPTY = ModelServerConfig()
WHOLE = """
model_config_list { config {
  name: "m"  base_path: "/models/m"  model_platform: "tensorflow"
  model_version_policy { specific { versions: 42 versions: 43 } }
  version_labels { key: "stable" value: 42 }
} }
"""


def models(*texts: str) -> ModelServerConfig:
    """Returns a list of models, each given as text proto."""
    content = " ".join(f"config {{ {text} }}" for text in texts)
    return text_format.Parse(f"model_config_list {{ {content} }}", ModelServerConfig())


def test_a_file_says_which_models_are_served(tmp_path: Path) -> None:
    """The example of the documentation is read and is legal."""
    (tmp_path / "models.config").write_text(WHOLE)
    read = config.read(tmp_path / "models.config")
    config.check(read, EMPTY)
    (model,) = read.model_config_list.config
    assert (model.name, list(model.model_version_policy.specific.versions)) == ("m", [42, 43])
    assert dict(model.version_labels) == {"stable": 42}


def test_a_file_that_is_no_configuration_is_refused(tmp_path: Path) -> None:
    """The error names the message that was expected, the place, and the file."""
    file = tmp_path / "models.config"
    file.write_text("model_config_list { confg { } }")
    code, message = refusal(lambda: config.read(file))
    assert code == "INVALID_ARGUMENT"
    assert message.startswith("Error parsing text-format tensorflow.serving.ModelServerConfig: 1:21")
    assert str(file) in message


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """As NOT_FOUND, with its path."""
    file = tmp_path / "models.config"
    assert refusal(lambda: config.read(file)) == ("NOT_FOUND", f"{file}; No such file or directory")


@given(st.binary(max_size=60))
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """No bytes make it fail in another way."""
    file = tmp_path_factory.mktemp("configs") / "models.config"
    file.write_bytes(content)
    try:
        read: object = config.read(file)
    except StatusError as error:
        read = error.message
    assert isinstance(read, ModelServerConfig) or str(file) in str(read)


def test_flags_stand_for_a_list_of_one_model() -> None:
    """--model_name and --model_base_path make a legal configuration."""
    single = config.single("m", "/models/m")
    assert single == models('name: "m" base_path: "/models/m" model_platform: "tensorflow"')
    config.check(single, EMPTY)


def test_the_deprecated_type_stands_for_the_platform() -> None:
    """model_type: TENSORFLOW is legal, and the same platform as "tensorflow"."""
    config.check(models('name: "m" base_path: "/m" model_type: TENSORFLOW'), config.single("m", "/m"))


M = 'name: "m" base_path: "/m" '


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (models(*[M + 'model_platform: "tensorflow"'] * 2), "Illegal to list model m multiple times in config list"),
        (
            models('name: "m" base_path: "models/m" model_platform: "tensorflow"'),
            "Expected model m to have an absolute path or URI; got base_path()=models/m",
        ),
        (models(M + 'model_platform: "torch"'), "Model m requests unsupported platform torch"),
        (
            models(M),
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor ModelServerConfig::model_platform.",
        ),
        (
            models(M + 'model_type: TENSORFLOW model_platform: "tensorflow"'),
            "Illegal setting both ModelServerConfig::model_type (deprecated) and ModelServerConfig::model_platform.",
        ),
        (models(M + "model_type: OTHER"), "ModelServerConfig::model_type choice 2 not supported."),
    ],
)
def test_an_illegal_list_is_refused(new: ModelServerConfig, message: str) -> None:
    """With TensorFlow Serving's words."""
    assert refusal(lambda: config.check(new, EMPTY)) == ("INVALID_ARGUMENT", message)


def test_a_model_keeps_its_platform() -> None:
    """A list that changes it is refused before it is said that the new one is not supported."""
    code, message = refusal(lambda: config.check(models(M + 'model_platform: "torch"'), config.single("m", "/m")))
    assert code == "INVALID_ARGUMENT"
    assert message == (
        "Illegal to change a model's platform. For model m platform was tensorflow and new platform requested is torch"
    )


@pytest.mark.parametrize("text", ["", "custom_model_config { }"])
@pytest.mark.parametrize(
    ("check", "code"),
    [(config.check_reloadable, "INVALID_ARGUMENT"), (lambda new: config.check(new, EMPTY), "FAILED_PRECONDITION")],
)
def test_only_lists_of_models_are_served(text: str, check: Callable[[ModelServerConfig], None], code: str) -> None:
    """A custom configuration and an empty one are refused."""
    new = text_format.Parse(text, ModelServerConfig())
    assert refusal(lambda: check(new))[0] == code
