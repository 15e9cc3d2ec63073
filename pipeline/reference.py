"""The configuration's reference, made of its models: a page to read, and a JSON Schema for editors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel

from pipeline.config import METRICS, SMALLER_IS_BETTER, Config
from pipeline.prose import EXAMPLE, OPENING, OVERLAYS, ROLES_OPENING
from schema.roles import ROLES

Piece = Mapping[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
PLURALS = {"text": "texts", "whole number": "whole numbers", "number": "numbers"}
BEFORE_FEATURES = "schema"
NULL = {"type": "null"}
BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
}
END_OF_DOCUMENT = "...\n"  # which YAML puts behind a scalar
DATE = {"type": "string", "format": "date"}


@dataclass(frozen=True)
class Part:
    """A section of the configuration: where it stands, such as `gates.rows`, and its piece of the JSON Schema."""

    place: str
    piece: Piece

    @property
    def link(self) -> str:
        """A link to its heading, whose anchor GitHub makes of the letters."""
        anchor = "".join(letter for letter in self.place.lower() if letter.isalnum() or letter in "_-")
        return f"[`{self.place}`](#{anchor})"


Parts = Mapping[str, Part]


def json_schema() -> dict[str, Any]:
    """Returns the JSON Schema (draft 2020-12) of one configuration file.

    At its top level nothing is required, because a file may be laid over another.
    """
    schema = Config.model_json_schema()
    schema.pop("required")
    for piece in (schema, *schema["$defs"].values()):
        for field in piece["properties"].values():
            field.pop("title", None)
        if "role" in piece["properties"]:
            piece["required"].append("role")
    schema["$defs"]["Data"]["properties"]["span"]["anyOf"].append(DATE)
    return (
        {"$schema": DIALECT} | schema | {"title": "Penstock", "description": "One file of a pipeline's configuration."}
    )


def markdown() -> str:
    """Returns the page: what each key is, its type, its default, and what it does."""
    schema = Config.model_json_schema()
    parts = parts_of(schema)
    pieces = [OPENING, EXAMPLE, "## Top level", table(schema, parts)]
    for part in parts.values():
        heading = "#" * min(2 + part.place.count("."), 3)
        pieces += [f"{heading} `{part.place}`", part.piece["description"], table(part.piece, parts)]
        pieces += roles(parts) if part.place == BEFORE_FEATURES else []
    pieces += [*metrics(), OVERLAYS]
    return "\n\n".join(piece.strip() for piece in pieces) + "\n"


def parts_of(schema: Piece) -> Parts:
    """Returns the sections by the reference that the JSON Schema has for each, each before those inside it.

    One that stands in several places has the first of them; the features' roles are none.
    """
    parts: dict[str, Part] = {}
    for reference, part in _parts("", schema, schema["$defs"]):
        parts.setdefault(reference, part)
    return parts


def _parts(place: str, piece: Piece, definitions: Piece) -> Iterator[tuple[str, Part]]:
    for key, field in piece["properties"].items():
        for suffix, reference in _sections_in(field):
            part = Part(f"{place}.{key}{suffix}".lstrip("."), definitions[reference.rpartition("/")[2]])
            yield reference, part
            yield from _parts(part.place, part.piece, definitions)


def _sections_in(field: Piece) -> Iterator[tuple[str, str]]:
    """The sections that a field holds, or may: itself, each item of its list, or each value of its mapping."""
    for kind in (field, *field.get("anyOf", ())):
        inner = {"": kind, "[]": kind.get("items", {}), ".NAME": kind.get("additionalProperties", {})}
        yield from ((suffix, piece["$ref"]) for suffix, piece in inner.items() if "$ref" in piece)


def table(piece: Piece, parts: Parts) -> str:
    """Returns a section's keys as a table."""
    required = piece.get("required", ())
    rows = [
        (f"`{key}`", words(field, parts), default_of(field, is_required=key in required), _does(field, parts))
        for key, field in piece["properties"].items()
    ]
    return _table(("key", "type", "default", "what it does"), rows)


def words(field: Piece, parts: Parts) -> str:  # noqa: PLR0911  # one for each kind of type
    """Returns a field's type as a person says it."""
    match field:
        case {"$ref": reference}:
            return parts[reference].link
        case {"anyOf": kinds}:
            return " or ".join(words(kind, parts) for kind in kinds if kind != NULL)
        case {"enum": [*most, last]}:
            return f"{', '.join(f'`{value}`' for value in most)} or `{last}`"
        case {"items": {"discriminator": _}}:
            return "list of [`features`](#features)"
        case {"items": inner}:
            return f"list of {_several(words(inner, parts))}"
        case {"additionalProperties": Mapping() as inner}:
            return f"mapping of names to {_several(words(inner, parts))}{' or null' * (NULL in inner.get('anyOf', ()))}"
        case _:
            bounds = [phrase.format(f"{field[key]:g}") for key, phrase in BOUNDS.items() if key in field]
            return ", ".join([TYPES[field["type"]], *bounds])


def default_of(field: Piece, *, is_required: bool) -> str:
    """Returns a field's default as YAML has it."""
    if is_required:
        return "**required**"
    default = field.get("default")
    if "$ref" in field or default in (None, "", [], {}):
        return "–"
    text = yaml.safe_dump(default, default_flow_style=True, sort_keys=False, width=1000)
    return f"`{text.removesuffix(END_OF_DOCUMENT).strip()}`"


def roles(parts: Parts) -> list[str]:
    """Returns the feature roles: what each makes of a column, and its settings."""
    made = [(f"`{name}`", str(role.__doc__), _features_of(role)) for name, role in _named_roles()]
    settings = [
        (f"`{name}`", f"`{key}`", words(field, parts), default_of(field, is_required=False), field["description"])
        for name, role in _named_roles()
        for key, field in role.model_json_schema()["properties"].items()
        if key not in ("role", "column", "columns")
    ]
    features = _table(("role", "what it makes of a column", "its features, of `fare` or of `city` and `plan`"), made)
    return [
        "## `features`",
        ROLES_OPENING,
        features,
        _table(("role", "key", "type", "default", "what it does"), settings),
    ]


def metrics() -> list[str]:
    """Returns the metrics of each problem."""
    rows = [
        (f"`{problem}`", ", ".join(f"`{name}`" + " ↓" * (name in SMALLER_IS_BETTER) for name in names))
        for problem, names in METRICS.items()
    ]
    legend = "Of those with an arrow, less is better. `evaluation.bars` and its kin may name any metric of the problem."
    return ["## Metrics", _table(("problem", "metrics"), rows), legend]


def _does(field: Piece, parts: Parts) -> str:
    said = field.get("description") or (parts[field["$ref"]].piece["description"] if "$ref" in field else "")
    return str(said)


def _named_roles() -> Iterator[tuple[str, type[BaseModel]]]:
    return ((str(role.model_fields["role"].default), role) for role in ROLES)


def _features_of(role: type[BaseModel]) -> str:
    columns = {"columns": ("city", "plan")} if "columns" in role.model_fields else {"column": "fare"}
    example: Any = role.model_validate(columns)
    return ", ".join(f"`{name}`" for name in (*example.dense, *example.ids))


def _several(text: str) -> str:
    """A type in the plural: bounds go to each, and links stay as they are."""
    kind, comma, bounds = text.partition(", ")
    plural = PLURALS.get(kind, kind.replace("list of", "lists of"))
    return f"{plural}, each {bounds}" if comma and kind in PLURALS else f"{plural}{comma}{bounds}"


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    escaped = (tuple(cell.replace("|", "\\|") for cell in row) for row in (header, ("---",) * len(header), *rows))
    return "\n".join(f"| {' | '.join(row)} |" for row in escaped)
