"""What becomes of each column: the roles that it has, or why the model does not get it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipeline.init.label import Label
from pipeline.init.leaks import leak_of, suspicion_of
from pipeline.init.profile import Kind, Profile, shown, words_of
from schema.names import identifier

Role = dict[str, Any]
MOST_BUCKETS = 20
ROWS_A_BUCKET = 20
MOST_HASHED = 10_000
MIN_COUNTS = ((100_000, 10), (10_000, 5), (1000, 2))  # rows, and of how many a value is rare there
DAY = 86_400
NAMING = (Kind.CODE, Kind.BOOLEAN)
SLICES = 3
SLICE_VALUES = range(2, 21)
MOST_PLAIN_INTEGERS = 5  # columns of few integers; where there are more they are no groups, but pixels
SLICE_WORDS = frozenset(
    {"sex", "gender", "class", "type", "group", "region", "country", "hour", "month", "day", "year"}
)


@dataclass(frozen=True)
class Decision:
    """What becomes of a column.

    Attributes:
      profile: what it looks like.
      roles: the entries of `features`; none where the model does not get it.
      why: the reason.
      is_label: whether the label is made of it.
      doubt: what is not certain.
    """

    profile: Profile
    roles: tuple[Role, ...]
    why: str
    is_label: bool = False
    doubt: str = ""

    @property
    def name(self) -> str:
        return self.profile.name

    @property
    def role(self) -> str:
        """Its roles in a few words."""
        return "label" if self.is_label else ", ".join(map(_named, self.roles)) or "left out"


def decide(profiles: Iterable[Profile], table: pa.Table, label: Label) -> tuple[Decision, ...]:
    """Returns what becomes of each column of the rows that can be used."""
    decisions: list[Decision] = []
    for seen in profiles:
        if seen.name in label.columns:
            decisions.append(_label(seen, label))
            continue
        roles, why = roles_of(seen)
        decision = Decision(seen, roles, why, doubt=seen.doubt)
        if roles:
            decision = _held_against(decision, table, label, decisions)
        decisions.append(decision)
    return tuple(decisions)


def roles_of(seen: Profile) -> tuple[tuple[Role, ...], str]:
    """Returns the roles of a column, and the reason for them, or for none: one row for each kind."""
    numeric, bucketized = _numeric(seen.name), _bucketized(seen)
    rows: dict[Kind, tuple[tuple[Role, ...], str]] = {
        Kind.NUMBER: ((numeric, bucketized), "its size, and its quantile"),
        Kind.FLAG: ((numeric,), "two values: a number says it"),
        Kind.BOOLEAN: ((numeric,), "two values: a number says it"),
        Kind.DATE: ((_date(seen), numeric), "parts of the date, and how late"),
        Kind.CODE: ((_categorical(seen),), "whole numbers that name things"),
        Kind.CATEGORY: ((_categorical(seen),), "few values, which repeat"),
        Kind.MANY: ((_hashed(seen),), "too many values for a vocabulary"),
        Kind.EMPTY: ((), "no row has a value"),
        Kind.CONSTANT: ((), "every row has the same"),
        Kind.RARE: ((), "too few rows have a value"),
        Kind.IDENTIFIER: ((), "it names the row"),
        Kind.FREE_TEXT: ((), "no role reads free text"),
        Kind.UNREPEATED: ((), "nothing to learn of values that hardly repeat"),
        Kind.LIST: ((), "a role takes one value a row"),
    }
    return rows[seen.kind]


def slices_of(decisions: Sequence[Decision]) -> list[str]:
    """Returns the columns by whose values a model is to be measured: few, and such as a person would ask of."""
    features = [decision.profile for decision in decisions if decision.roles]
    some = [seen for seen in features if seen.distinct in SLICE_VALUES and seen.kind is not Kind.DATE]
    texts = [seen.name for seen in some if seen.type == "BYTES"]
    integers = [seen for seen in some if seen.type == "INT"]
    named = [one.name for one in integers if one.kind in NAMING or words_of(one.name) & SLICE_WORDS]
    others = [one.name for one in integers] if len(integers) <= MOST_PLAIN_INTEGERS else []
    return list(dict.fromkeys((*texts, *named, *others)))[:SLICES]


def _label(seen: Profile, label: Label) -> Decision:
    is_column = len(label.columns) == 1
    return Decision(seen, (), "the answer" if is_column else "part of the answer: no feature", is_label=True)


def _held_against(decision: Decision, table: pa.Table, label: Label, before: Sequence[Decision]) -> Decision:
    """The decision on a feature after a look for leaks and for what another column says already."""
    column = table.column(decision.name)
    leak = leak_of(column, label)
    if leak:
        return Decision(decision.profile, (), leak, doubt=f"{leak}, and it is left out: is it known beforehand?")
    namesake = next((one.name for one in before if one.roles and _key(one.name) == _key(decision.name)), "")
    if namesake:
        why = f"its name is that of {shown(namesake)} but for signs and capitals"
        return Decision(decision.profile, (), why, doubt=f"{why}, and it is left out: rename it")
    twin = _twin(decision, table, before)
    if twin:
        why = f"it is the same as {twin}"
        return Decision(decision.profile, (), why, doubt=f"{why} in every row, and it is left out")
    doubts = [doubt for doubt in (decision.doubt, suspicion_of(column, label)) if doubt]
    return Decision(decision.profile, decision.roles, decision.why, doubt="; ".join(doubts))


def _key(column: str) -> str:
    """What TensorFlow tells a column's tensors by: letters, digits and _, whatever their case."""
    return identifier(column).lower()


def _twin(decision: Decision, table: pa.Table, before: Sequence[Decision]) -> str:
    seen = decision.profile
    for other in before:
        alike = other.roles and _facts(other.profile) == _facts(seen)
        if alike and table.column(other.name).equals(table.column(seen.name)):
            return other.name
    return ""


def _facts(seen: Profile) -> tuple[Any, ...]:
    return seen.type, seen.missing, seen.distinct, seen.least, seen.most


def _numeric(name: str) -> Role:
    return {"column": name, "role": "numeric"}


def _bucketized(seen: Profile) -> Role:
    buckets = min(MOST_BUCKETS, seen.distinct, max(2, seen.rows // ROWS_A_BUCKET))
    return {"column": seen.name, "role": "bucketized", "buckets": buckets}


def _categorical(seen: Profile) -> Role:
    role: Role = {"column": seen.name, "role": "categorical"}
    rare = next((count for rows, count in MIN_COUNTS if seen.rows >= rows), 1)
    has_rare = any(count < rare for _, count in seen.common)
    return role | ({"min_count": rare} if has_rare else {})


def _hashed(seen: Profile) -> Role:
    buckets = 100
    while buckets < min(seen.distinct, MOST_HASHED):
        buckets *= 10 if buckets * 10 <= MOST_HASHED and buckets * 10 <= seen.distinct else 2
    return {"column": seen.name, "role": "hashed", "buckets": min(buckets, MOST_HASHED)}


def _date(seen: Profile) -> Role:
    has_hours = any(isinstance(value, int) and value % DAY for value, _ in seen.common)
    parts = ["month", "weekday", *(["hour"] if has_hours else [])]
    return {"column": seen.name, "role": "date", "parts": parts}


def _named(role: Mapping[str, Any]) -> str:
    name = str(role["role"])
    return f"{name} {role['buckets']}" if "buckets" in role else name
