"""Everything that was found and decided about a table: what the two files and the screen are written from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil

from components.source_options import SourceOptions
from pipeline.config import METRICS, RowsGate
from pipeline.init.bars import Bar, bars_of, foretells
from pipeline.init.baseline import Baseline, measure
from pipeline.init.decisions import Decision, decide, slices_of
from pipeline.init.forms import Form, forms_of, whole
from pipeline.init.label import Label, expression_of, label_of
from pipeline.init.profile import Profile, profile, share, shown
from pipeline.init.sample import Columns, Examples, Rows, Usable
from pipeline.init.splits import SPLITS, Division, divide
from schema.errors import UsageError
from schema.expression import Expression

BARS = {"binary": ("auc", "log_loss"), "multiclass": ("accuracy", "log_loss"), "regression": ("rmse", "r2")}
BARS_OF_IMBALANCED = {"binary": ("auc", "pr_auc", "log_loss"), "multiclass": ("accuracy", "log_loss")}
RAREST = 0.1  # of the rows; a class that is rarer, and has not half of an equal share, weighs more in training
ROOM = 1.5  # times the share of rows that cannot be used
FEWEST_ROWS = 10


@dataclass(frozen=True)
class Plan:
    """What the configuration is to say of a table, and why."""

    name: str
    source: SourceOptions
    forms: dict[str, Form]
    usable: Usable
    label: Label
    division: Division
    decisions: tuple[Decision, ...]
    baseline: Baseline
    bars: tuple[Bar, ...]
    is_whole: bool
    balanced: bool
    doubts: tuple[str, ...]

    @property
    def rows(self) -> int:
        """How many rows can be used, of those that were looked at."""
        return int(self.usable.table.num_rows)

    @property
    def slices(self) -> list[str]:
        """The columns by whose values the model is measured."""
        return slices_of(self.decisions)

    @property
    def features(self) -> list[Decision]:
        """What the model gets."""
        return [decision for decision in self.decisions if decision.roles]

    @property
    def left_out(self) -> list[Decision]:
        """What it does not."""
        return [decision for decision in self.decisions if not decision.roles and not decision.is_label]

    @property
    def max_quarantined(self) -> float | None:
        """The share of rows that may be quarantined, where the default would stop a run."""
        refused = (self.usable.read - self.rows) / self.usable.read
        return min(1.0, ceil(round(refused * ROOM * 1000, 6)) / 1000) if refused > RowsGate().max_quarantined else None


def types_of(forms: dict[str, Form]) -> dict[str, str]:
    """Returns the schema's type of each column."""
    return {name: form.type for name, form in forms.items()}


def understand(
    columns: Columns, source: SourceOptions, given: str
) -> tuple[dict[str, Form], Expression, tuple[str, ...]]:
    """Returns the form of each column as it was read, the label's expression, and the words for what is missing.

    Raises:
      UsageError: the label names no column, or there is no other.
    """
    expression = expression_of(given, list(columns))
    forms = forms_of(columns, source)
    if expression.is_column:
        name = expression.columns[0]
        forms[name] = whole(forms[name], columns[name])
    words = dict.fromkeys(word for form in forms.values() for word in form.missing)
    return forms, expression, tuple(words)


def plan(
    name: str,
    source: SourceOptions,
    sample: Rows | Examples,
    forms: dict[str, Form],
    expression: Expression,
    problem: str,
) -> Plan:
    """Returns what the configuration is to say.

    Raises:
      UsageError: the rows are too few, the label cannot be learned, or no column is left to learn from.
      DataAnomaly: a column can be neither number nor text.
    """
    usable = sample.usable(types_of(forms), expression.columns)
    if usable.table.num_rows < FEWEST_ROWS:
        raise UsageError(_too_few(usable, source.path, expression))
    label = label_of(expression, usable.table, problem)
    decisions = decide(_profiles(usable, forms), usable.table, label)
    if not any(decision.roles for decision in decisions):
        raise UsageError(
            "No column is left to learn from: " + "; ".join(f"{one.name!r}: {one.why}" for one in decisions) + "."
        )
    division = divide(label, usable.hashes)
    balanced = _is_imbalanced(label)
    wanted = (BARS_OF_IMBALANCED if balanced else BARS)[label.problem]
    metrics = [metric for metric in wanted if metric in METRICS[label.problem]]
    baseline = measure(decisions, usable.table, label, division, metrics)
    bars = bars_of(baseline)
    draft = Plan(name, source, forms, usable, label, division, decisions, baseline, bars, sample.is_whole, balanced, ())
    return replace(draft, doubts=tuple(_doubts(draft)))


def _is_imbalanced(label: Label) -> bool:
    if not label.classes:
        return False
    return bool(label.counts.min() < min(RAREST, 1 / (2 * len(label.classes))) * len(label.values))


def _profiles(usable: Usable, forms: dict[str, Form]) -> list[Profile]:
    return [profile(name, _array(usable, name), form) for name, form in forms.items()]


def _array(usable: Usable, name: str) -> object:
    return usable.table.column(name).combine_chunks()


def _too_few(usable: Usable, path: str, expression: Expression) -> str:
    why = f" ({'; '.join(usable.reasons)})" if usable.reasons else ""
    return (
        f"{path}: {usable.table.num_rows} of {usable.read} rows can be used with the label {expression.text!r}{why}; "
        f"at least {FEWEST_ROWS} are needed."
    )


def _doubts(draft: Plan) -> Iterator[str]:
    if not draft.is_whole:
        yield f"only the first {draft.usable.read:,} rows were looked at; --rows looks at more"
    if draft.source.encoding not in ("utf-8", "utf-16"):
        yield f"the file is not UTF-8: it is read as {draft.source.encoding}; look whether its letters are right"
    if draft.source.missing:
        yield f"{', '.join(map(repr, draft.source.missing))} is taken for a missing value, in every column"
    if draft.label.doubt:
        yield draft.label.doubt
    if draft.max_quarantined is not None:
        refused = share((draft.usable.read - draft.rows) / draft.usable.read)
        yield f"{refused} of the rows cannot be used and go to the quarantine: {'; '.join(draft.usable.reasons)}"
    yield from (f"{shown(one.name)}: {one.doubt}" for one in draft.decisions if one.doubt)
    if draft.division.doubt:
        yield draft.division.doubt
    if min(draft.division.counts[split] for split in SPLITS) < FEWEST_ROWS:
        yield f"the splits are small ({_counts(draft.division)}): what is measured on them is mostly chance"
    if not foretells(draft.baseline):
        yield "nothing here foretells the label: a quick baseline is no better than a constant answer"


def _counts(division: Division) -> str:
    return ", ".join(f"{split} {rows:,}" for split, rows in division.counts.items())
