"""The plan as the two files: a commented configuration, and a commented schema."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import yaml
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.init.decisions import Decision
from pipeline.init.plan import Plan
from pipeline.init.profile import Kind, Profile, share, shown
from pipeline.init.splits import SPLITS

MOST_LEGAL = 50  # values in a string_domain
DOMAIN_MASS = 0.95
FAR = 10  # times the range, on both sides
MOST_NUMBER = 2.0**53
ROOM = 0.05  # of the rows, beneath the presence that was seen
LEAST_ASKED = 0.05
SEEN_IN_A_SAMPLE = 0.99
NO_BOUNDS = (Kind.CODE, Kind.DATE, Kind.IDENTIFIER, Kind.LIST, Kind.EMPTY, Kind.CONSTANT)
EXPLAINED = f"""\
# presence is the share of rows that must have a value. The bounds of numbers lie ten ranges beyond what was seen: they
# catch a wrong unit or a -999 for what is missing, and no value that is only new. A domain of texts lets one row in
# {round(1 / (1 - DOMAIN_MASS))} be new. Of a column that the model does not get, only the type is asked.
"""
PARTS = (
    *("name", "type", "presence", "value_count", "int_domain", "float_domain", "string_domain"),
    *("distribution_constraints", "not_in_environment"),
)
TYPES = {"INT": schema_pb2.INT, "FLOAT": schema_pb2.FLOAT, "BYTES": schema_pb2.BYTES}


def configuration(plan: Plan, data_path: str) -> str:
    """Returns the YAML; `data_path` is the data's path as it stands there."""
    sections = (
        _head(plan),
        _data(plan, data_path),
        ["schema:", f"  path: {scalar(f'../schema/{plan.name}.pbtxt')}"],
        _features(plan),
        _gates(plan),
        _model(plan),
        _evaluation(plan),
    )
    return "\n\n".join("\n".join(lines) for section in sections if (lines := list(section))) + "\n"


def schema(plan: Plan) -> str:
    """Returns the schema in protobuf's text format."""
    rows = f"{plan.rows:,} rows" if plan.is_whole else f"the first {plan.rows:,} rows"
    head = schema_pb2.Schema(default_environment=["TRAINING", "SERVING"])
    title = comment(f"# Written by penstock init from {rows} of {plan.source.path.rpartition('/')[2]}.")
    features = (f"# {_why(one)}\nfeature {{\n{_lines(feature(one, plan))}}}\n" for one in plan.decisions)
    return f"{title}\n{EXPLAINED}{text_format.MessageToString(head)}{''.join(features)}"


def feature(decision: Decision, plan: Plan) -> schema_pb2.Feature:
    """Returns what the schema asks of a column."""
    seen = decision.profile
    made = schema_pb2.Feature(name=seen.name, type=TYPES[seen.type])
    if decision.is_label:
        made.not_in_environment.append("SERVING")
    if seen.kind is Kind.LIST:
        return made
    if decision.roles or decision.is_label:
        asked = 1.0 if decision.is_label else _presence(seen, plan)
        if asked:
            made.presence.CopyFrom(schema_pb2.FeaturePresence(min_fraction=asked, min_count=1))
        made.value_count.CopyFrom(schema_pb2.ValueCount(min=1, max=1))
        _set_domain(made, seen)
    else:
        made.value_count.max = 1
    return made


def _lines(made: schema_pb2.Feature) -> str:
    """A feature with each of its parts on a line, as a person would write it."""
    return "".join(_part(made, key) for key in PARTS)


def _part(made: schema_pb2.Feature, key: str) -> str:
    part = schema_pb2.Feature()
    part.CopyFrom(made)
    for field, _ in made.ListFields():
        if field.name != key:
            part.ClearField(field.name)
    if key == "string_domain":
        return str(text_format.MessageToString(part, as_utf8=True, indent=2))
    text = text_format.MessageToString(part, as_one_line=True, as_utf8=True).strip()
    return f"  {text}\n" if text else ""


def scalar(value: Any) -> str:
    """Returns a value as it stands in YAML, quoted where it must be, on one line."""
    text = _dumped(value, allow_unicode=True)
    return text if text.isprintable() else _dumped(value, allow_unicode=False, default_style='"')


def comment(text: str) -> str:
    """Returns a text that stays on the line of its comment: what does not print is escaped."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def _dumped(value: Any, **how: Any) -> str:
    text = yaml.safe_dump(value, width=math.inf, default_flow_style=True, sort_keys=False, **how)
    return str(text).removesuffix("\n").removesuffix("\n...")


def _why(decision: Decision) -> str:
    reason = f" ({decision.why})" if decision.is_label or not decision.roles else ""
    kept = "" if decision.roles or decision.is_label else "left out of the model: "
    return comment(f"{decision.name}: {kept}{decision.profile.looks}{reason}")


def _presence(seen: Profile, plan: Plan) -> float:
    """The share of rows that must have a value: all, or a little less than the least split has; 0 for nothing."""
    if not seen.missing:
        return 1.0 if plan.is_whole else SEEN_IN_A_SAMPLE
    present = plan.usable.table.column(seen.name).is_valid().to_numpy()
    least = min(float(present[plan.division.names == split].mean()) for split in SPLITS)
    asked = round(least - ROOM, 2) - (0 if plan.is_whole else ROOM)
    return asked if asked >= LEAST_ASKED else 0.0


def _set_domain(made: schema_pb2.Feature, seen: Profile) -> None:
    if seen.kind is Kind.CATEGORY and seen.distinct <= MOST_LEGAL:
        made.string_domain.name = seen.name
        made.string_domain.value.extend(sorted(value.decode("utf-8", "replace") for value, _ in seen.common))
        made.distribution_constraints.min_domain_mass = DOMAIN_MASS
    elif seen.least is not None and seen.most is not None and seen.kind not in NO_BOUNDS:
        least, most = bounds_of(seen.least, seen.most)
        if max(abs(least), abs(most)) < MOST_NUMBER:
            domain = made.int_domain if seen.type == "INT" else made.float_domain
            domain.min, domain.max = (int(least), int(most)) if seen.type == "INT" else (least, most)


def bounds_of(least: float, most: float) -> tuple[float, float]:
    """Returns bounds ten ranges beyond what was seen on both sides, rounded outward to two digits of the distance."""
    reach = FAR * max(most - least, 1.0)
    step = 10.0 ** (math.floor(math.log10(reach)) - 1)
    return math.floor((least - reach) / step) * step, math.ceil((most + reach) / step) * step


def _head(plan: Plan) -> Iterator[str]:
    columns = len(plan.decisions)
    looked = f"{plan.rows:,} rows" if plan.is_whole else f"the first {plan.rows:,} rows"
    file = plan.source.path.rpartition("/")[2]
    yield comment(f"# Written by penstock init from {looked} and {columns} columns of {file}. It is yours: edit it.")
    yield from (comment(f"# Doubt: {doubt}.") for doubt in plan.doubts)
    yield f"name: {scalar(plan.name)}"
    yield f"problem: {plan.label.problem}"
    yield f"label: {scalar(plan.label.text)}  # {comment(plan.label.what)}"


def _data(plan: Plan, path: str) -> Iterator[str]:
    source, division = plan.source, plan.division
    yield "data:"
    yield f"  source: {source.source}"
    yield f"  path: {scalar(path)}"
    if source.delimiter != ",":
        yield f"  delimiter: {json.dumps(source.delimiter)}"
    if source.encoding != "utf-8":
        yield f"  encoding: {scalar(source.encoding)}"
    if source.missing:
        yield f"  missing: {scalar(list(source.missing))}  # {_missing_in(plan)}"
    counts = ", ".join(f"{rows:,} {split}" for split, rows in division.counts.items())
    yield f"  splits: {scalar(dict(division.splits))}  # of the rows: {counts}"
    if division.seed:
        yield f"  split_seed: {division.seed}  # with a smaller one some split has few rows, or few of a class"


def _missing_in(plan: Plan) -> str:
    columns = [name for name, form in plan.forms.items() if form.missing]
    more = f" and {len(columns) - 3} more" if len(columns) > 3 else ""  # noqa: PLR2004  # as many as are named
    return comment(f"in {', '.join(columns[:3])}{more}, otherwise of numbers")


def _features(plan: Plan) -> Iterator[str]:
    yield "features:"
    if any("min_count" in role for decision in plan.features for role in decision.roles):
        yield "  # min_count: values of fewer training rows count as unseen ones"
    for number, decision in enumerate(plan.features):
        said = f"{decision.name}: {decision.profile.looks}"
        is_new = not number or decision.why != plan.features[number - 1].why
        yield comment(f"  # {said} – {decision.why}" if is_new else f"  # {said}")
        yield from (f"  - {scalar(dict(role))}" for role in decision.roles)
    if plan.left_out:
        yield "  # Left out:"
        yield from (comment(f"  # {one.name}: {one.profile.looks} – {one.why}") for one in plan.left_out)


def _gates(plan: Plan) -> Iterator[str]:
    if plan.max_quarantined is not None:
        refused = share((plan.usable.read - plan.rows) / plan.usable.read)
        yield "gates:"
        yield "  rows:"
        yield f"    # {refused} of the rows cannot be used: {comment('; '.join(plan.usable.reasons))}"
        yield f"    max_quarantined: {plan.max_quarantined}"


def _model(plan: Plan) -> Iterator[str]:
    if plan.balanced:
        rarest = int(plan.label.counts.argmin())
        part = share(plan.label.counts[rarest] / plan.rows)
        said = comment(
            f"{shown(plan.label.classes[rarest])} is {part} of the rows: in training each class weighs the same"
        )
        yield "model:"
        yield f"  class_weights: balanced  # {said}"


def _evaluation(plan: Plan) -> Iterator[str]:
    yield "evaluation:"
    if plan.slices:
        yield f"  slices: {scalar([[name] for name in plan.slices])}  # columns of few values"
    yield f"  # The baseline is {plan.baseline.models}, measured on the test split."
    yield "  bars:"
    for bar in plan.bars:
        yield f"    # {bar.trivial}, {bar.baseline};"
        yield f"    # {bar.why}"
        yield f"    {bar.metric}: {scalar({bar.bound: bar.value})}"
