"""Repairs of ml-metadata 1.21, without which TFX cannot keep its lineage in PostgreSQL.

- A text with a backslash becomes SQL that does not parse: the library cuts the first and the last character off what
  libpq's PQescapeLiteral returns, as if those were always the quotes; for such a text libpq returns ` E'…'`. Properties
  are often JSON within JSON, so that nearly every run has some. Texts therefore go to PostgreSQL without backslashes
  and get them back when they are read; other texts stay as they are.
- What is asked for by ids comes in any order. TFX's cache (tfx.orchestration.portable.cache_utils) takes it for the
  order of the ids, and gives one output of a step for another.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto.metadata_store_pb2 import ConnectionConfig

MARK = "\ue05c"  # of Unicode's private use: a text that has it already keeps it
BY_IDS = {
    "GetArtifactsByIDRequest": ("artifact_ids", "artifacts"),
    "GetExecutionsByIDRequest": ("execution_ids", "executions"),
    "GetContextsByIDRequest": ("context_ids", "contexts"),
}
PLAIN, BACKSLASH = f"{MARK}0", f"{MARK}1"


def without_backslashes(message: Any) -> Any:
    """Returns a copy of a protobuf message whose texts have no backslash."""
    copy = _copy(message)
    _rewrite(copy, lambda text: text.replace(MARK, PLAIN).replace("\\", BACKSLASH))
    return copy


def restore_backslashes(message: Any) -> None:
    """Puts into a message what `without_backslashes` took from it."""
    _rewrite(message, lambda text: text.replace(BACKSLASH, "\\").replace(PLAIN, MARK))


def in_order_of_ids(request: Any, response: Any) -> None:
    """Puts what a response holds into the order of the ids that were asked for."""
    if request.DESCRIPTOR.name not in BY_IDS:
        return
    ids, found = BY_IDS[request.DESCRIPTOR.name]
    places = {asked: place for place, asked in reversed(list(enumerate(getattr(request, ids))))}
    getattr(response, found).sort(key=lambda node: places[node.id])


def repair_client() -> None:
    """Has every client of MLMD's do all this: TFX's runners make theirs themselves."""
    original = MetadataStore._call_method  # noqa: SLF001  # there is no other seam between it and its library
    if not hasattr(original, "__wrapped__"):
        MetadataStore._call_method = _repaired(original)  # noqa: SLF001


def _repaired(original: Callable[..., None]) -> Callable[..., None]:
    @wraps(original)
    def call(self: Any, method: str, request: Any, response: Any) -> None:
        if isinstance(self._config, ConnectionConfig) and self._config.HasField("postgresql"):
            original(self, method, without_backslashes(request), response)
            restore_backslashes(response)
        else:
            original(self, method, request, response)
        in_order_of_ids(request, response)

    return call


def _rewrite(message: Any, change: Callable[[str], str]) -> None:
    """Changes every text in a message, and in those within."""
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            _rewrite_map(value, change)
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in value if field.is_repeated else [value]:
                _rewrite(inner, change)
        elif field.type == FieldDescriptor.TYPE_STRING and field.is_repeated:
            value[:] = [change(text) for text in value]
        elif field.type == FieldDescriptor.TYPE_STRING:
            setattr(message, field.name, change(value))


def _rewrite_map(entries: Any, change: Callable[[str], str]) -> None:
    """Changes the keys of a map and the texts of its values, which are messages or enums in all that MLMD sends."""
    old = dict(entries)
    if old and isinstance(next(iter(old.values())), Message):
        old = {key: _copy(value) for key, value in old.items()}
    entries.clear()
    for key, value in old.items():
        new = change(key) if isinstance(key, str) else key
        if isinstance(value, Message):
            _rewrite(value, change)
            entries[new].CopyFrom(value)
        else:
            entries[new] = value


def _copy(message: Any) -> Any:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy
