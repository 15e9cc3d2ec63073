"""From YAML files and `--set` to one checked `Config`, with errors that name the file and the key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from components.files import PACKAGED, local_path
from pipeline.config import Config
from schema.errors import UsageError, did_you_mean
from schema.roles import ROLES

PATH_KEYS = (
    ("data", "path"),
    ("data", "password_file"),
    ("schema", "path"),
    ("metadata", "password_file"),
    ("metadata", "ca_file"),
    ("runner", "flink", "job_server_jar"),
    ("runner", "spark", "job_server_jar"),
)
SQLITE = "sqlite:///"
ROLE_AT = 2
Layer = dict[str, Any]


def load(files: Sequence[Path], settings: Iterable[str] = ()) -> Config:
    """Reads the files, each over the one before, then the `key=value` settings over all.

    Paths in a file are relative to that file, paths in a setting to the current folder.

    Raises:
      UsageError: names the file and the key that is wrong, and what is legal there.
    """
    merged: Layer = {}
    for file in files:
        merged = _merge(merged, _with_absolute_paths(_read(file), file.resolve().parent))
    for setting in settings:
        merged = _merge(merged, _with_absolute_paths(_parse_setting(setting), Path.cwd()))
    try:
        return Config.model_validate(merged)
    except ValidationError as error:
        raise UsageError(_explain(error, files)) from None


def resolve_path(path: str, base: Path) -> str:
    """Returns `path` as an absolute path or URL; `pkg://package/file` is a file that an installed package carries.

    Raises:
      UsageError: the package of a `pkg://` path is not installed.
    """
    path = local_path(path)
    try:
        return path if "://" in path else str((base / Path(path).expanduser()).resolve())
    except (ValueError, RuntimeError) as error:
        raise UsageError(f"{path!r} is no path: {error}.") from None


def _read(file: Path) -> Layer:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{file}: there is no such configuration file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read: {error}.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # PyYAML lets the last two through
        raise UsageError(f"{file}: is not valid YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(content, dict):
        raise UsageError(f"{file}: holds {type(content).__name__}, not a mapping of keys such as name, data, features.")
    return content


def _parse_setting(setting: str) -> Layer:
    key, equals, value = setting.partition("=")
    if not equals or not key:
        raise UsageError(f"--set {setting}: expected key=value, for example --set model.epochs=5.")
    try:
        parsed = yaml.safe_load(value)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise UsageError(f"--set {setting}: the value is not valid YAML.") from None
    for part in reversed(key.split(".")):
        parsed = {part: parsed}
    assert isinstance(parsed, dict)
    return parsed


def _merge(below: Layer, above: Mapping[str, Any]) -> Layer:
    """Lays `above` over `below`: mappings key by key, anything else whole."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _with_absolute_paths(layer: Layer, base: Path) -> Layer:
    for place in PATH_KEYS:
        layer = _changed_at(place, layer, partial(_absolute, place, base))
    return _with_absolute_sqlite(layer, base)


def _changed_at(place: Sequence[str], layer: Layer, change: Callable[[str], str]) -> Layer:
    key, *inside = place
    found = layer.get(key)
    if inside:
        return layer | {key: _changed_at(inside, found, change)} if isinstance(found, dict) else layer
    return layer | {key: change(found)} if isinstance(found, str) else layer


def _absolute(place: Sequence[str], base: Path, path: str) -> str:
    """A path from the root; packaged data keeps its name, for it is read where that may be another machine's."""
    is_kept = place == ("data", "path") and path.startswith(PACKAGED)
    return path if is_kept else resolve_path(path, base)


def _with_absolute_sqlite(layer: Layer, base: Path) -> Layer:
    """The layer with a SQLite file's path as absolute as any other's."""
    data = layer.get("data")
    connection = data.get("connection") if isinstance(data, dict) else None
    if not isinstance(connection, str) or not connection.startswith(SQLITE):
        return layer
    assert isinstance(data, dict)
    path = connection.removeprefix(SQLITE)
    return layer | {"data": data | {"connection": SQLITE + (resolve_path(path, base) if path else "")}}


def _explain(error: ValidationError, files: Sequence[Path]) -> str:
    lines = [_explain_one(detail) for detail in error.errors(include_url=False) if detail["type"] != "too_short"]
    lines = lines or [_explain_one(detail) for detail in error.errors(include_url=False)]
    return f"{', '.join(map(str, files))}: " + "\n".join(lines)


def _explain_one(detail: ErrorDetails) -> str:
    place = _without_role(detail["loc"])
    key = ".".join(map(str, place))
    if detail["type"] == "extra_forbidden":
        return f"unknown key {key!r}. {did_you_mean(str(place[-1]), _legal_keys(place[:-1], detail['loc']))}"
    if detail["type"] == "missing":
        return f"{key!r} is missing."
    if detail["type"].startswith("union_tag"):
        given = detail["input"].get("role") if isinstance(detail["input"], dict) else detail["input"]
        return f"{key!r} has role {given!r}. {did_you_mean(str(given), (_role_name(role) for role in ROLES))}"
    message = detail["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{key!r} is {detail['input']!r}: {message}." if place else f"{message}."


def _without_role(location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """A location without the name of the role, which pydantic puts behind the number of a feature."""
    is_feature = location[:1] == ("features",) and len(location) > ROLE_AT
    return location[:ROLE_AT] + location[ROLE_AT + 1 :] if is_feature else location


def _role_name(role: type[BaseModel]) -> str:
    return str(role.model_fields["role"].default)


def _legal_keys(place: tuple[str | int, ...], location: tuple[str | int, ...]) -> list[str]:
    """The keys that the section at `place` may have."""
    if place and place[0] == "features":
        role = next(role for role in ROLES if _role_name(role) in location)
        return list(role.model_fields)
    model: type[BaseModel] = Config
    for part in place:
        if isinstance(part, str):
            model = _section(model, part) or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _section(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    for name, field in model.model_fields.items():
        if key in (name, field.alias):
            return _first_model(field.annotation)
    return None


def _first_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type):
        return annotation if issubclass(annotation, BaseModel) else None
    return next((model for part in getattr(annotation, "__args__", ()) if (model := _first_model(part))), None)
