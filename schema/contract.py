"""The contract of a served model: the part of the schema that a request is held against, before the model is called.

A pushed version carries it beside the model, so that whatever answers requests can refuse a row by itself: a model
server puts the rows of several callers into one batch, and inside the graph one bad row would fail them all.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from schema.column import Column, Value
from schema.errors import RowRefused, UsageError
from schema.names import identifier

FILE = Path("assets.extra") / "schema.pbtxt"
CONSTRAINTS = ("presence", "group_presence", "int_domain", "float_domain", "string_domain", "domain", "bool_domain")


@dataclass(frozen=True)
class Contract:
    """The columns that a model reads, each with what it must be."""

    columns: tuple[Column, ...]

    def check(self, row: Mapping[str, Any]) -> dict[str, Value]:
        """Returns the row as the model takes it: a number or NaN, or a text or "", by the `identifier` of each column.

        Columns that the model does not read are left out, whatever they hold.

        Raises:
          RowRefused: names every column that is not what it must be, what it is, and what is legal.
        """
        values: dict[str, Value] = {}
        refusals = []
        for column in self.columns:
            try:
                values[identifier(column.name)] = column.check(row.get(column.name))
            except RowRefused as refusal:
                refusals.append(str(refusal))
        if refusals:
            raise RowRefused("; ".join(refusals))
        return values


def served_part(schema: schema_pb2.Schema, columns: Collection[str], warned: Collection[str]) -> schema_pb2.Schema:
    """Returns the schema of the columns that the served model reads, of which `columns` are the identifiers.

    Those of `warned`, whose anomalies stopped no training, keep their type only: the model was trained on data that may
    break the rest.
    """
    part = schema_pb2.Schema()
    part.feature.extend(feature for feature in schema.feature if identifier(feature.name) in columns)
    for feature in part.feature:
        for constraint in CONSTRAINTS if feature.name in warned else ():
            feature.ClearField(constraint)
    named = {feature.domain for feature in part.feature}
    part.string_domain.extend(domain for domain in schema.string_domain if domain.name in named)
    return part


def write(version: Path, part: schema_pb2.Schema) -> None:
    """Writes a contract into a version's folder."""
    (version / FILE).parent.mkdir(exist_ok=True)
    (version / FILE).write_text(text_format.MessageToString(part, as_utf8=True), encoding="utf-8")


def read(version: Path, kinds: Mapping[str, str]) -> Contract:
    """Returns the contract of a version whose model reads `kinds`, by identifier of the column, as `Column` has them.

    Of a column that it does not name, and in a version without one, the type is all that is asked; and a value, where
    the model takes integers, of which none says that it is missing.

    Raises:
      UsageError: what is there is no schema.
    """
    try:
        text = (version / FILE).read_text(encoding="utf-8")
        part = text_format.Parse(text, schema_pb2.Schema())
    except FileNotFoundError:
        part = schema_pb2.Schema()
    except (UnicodeDecodeError, text_format.ParseError) as error:
        raise UsageError(f"{version / FILE}: is not a schema in protobuf's text format: {error}.") from None
    stated = {identifier(column.name): column for column in columns_of(part)}
    return Contract(tuple(stated.get(name, Column(name, kind, kind == "INT")) for name, kind in kinds.items()))


def columns_of(schema: schema_pb2.Schema) -> Iterator[Column]:
    """Yields what each feature of a schema must be."""
    domains = {domain.name: domain for domain in schema.string_domain}
    for feature in schema.feature:
        kind = schema_pb2.FeatureType.Name(feature.type)
        required = feature.presence.min_fraction >= 1.0 or feature.HasField("shape")
        match feature.WhichOneof("domain_info"):
            case "int_domain" | "float_domain" as domain:
                yield Column(feature.name, kind, required, *_bounds(getattr(feature, domain)))
            case "domain" | "string_domain":
                domain = domains.get(feature.domain, feature.string_domain)
                yield Column(feature.name, kind, required, legal=_closed(feature, domain))
            case _:
                yield Column(feature.name, kind, required)


def _bounds(domain: schema_pb2.IntDomain | schema_pb2.FloatDomain) -> tuple[float, float]:
    least = domain.min if domain.HasField("min") else -math.inf
    most = domain.max if domain.HasField("max") else math.inf
    return float(least), float(most)


def _closed(feature: schema_pb2.Feature, domain: schema_pb2.StringDomain) -> tuple[str, ...] | None:
    """The legal texts, where all values must be among them; None where some share may be others."""
    return tuple(domain.value) if feature.distribution_constraints.min_domain_mass >= 1.0 else None
