"""The bars that TFMA held a model to, from its EvalConfig: of which metric, on which slice."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LOWER_IS_BETTER = 1  # of TFMA's MetricDirection


@dataclass(frozen=True)
class Bar:
    """What a metric must be on a slice; None where it may be anything. `worst_change` has the sign of what is worse."""

    least: float | None = None
    most: float | None = None
    worst_change: float | None = None
    smaller_is_better: bool = False

    def is_missed_by(self, value: float | None) -> bool:
        """Returns whether a value is out of bounds; one that is not there or no number misses every bound."""
        if self.least is None and self.most is None:
            return False
        if value is None or math.isnan(value):
            return True
        return (self.least is not None and value < self.least) or (self.most is not None and value > self.most)

    def is_missed_by_change(self, change: float | None) -> bool:
        """Returns whether a change against the baseline is for the worse by more than it may be."""
        if self.worst_change is None or change is None:
            return False
        return change > self.worst_change if self.smaller_is_better else change < self.worst_change


class Bars:
    """All bars of an EvalConfig (TFMA's proto)."""

    def __init__(self, eval_config: Any) -> None:
        configs = [metric for specs in eval_config.metrics_specs for metric in specs.metrics]
        self._options = [json.loads(metric.config or "{}") for metric in configs]
        named = zip(self._options, configs, strict=True)
        self._metrics = {str(options["name"]): metric for options, metric in named if "name" in options}

    @property
    def metrics(self) -> list[str]:
        """The metrics by the names that the configuration gave them, in its order."""
        return list(self._metrics)

    @property
    def threshold(self) -> float | None:
        """The probability from which a row is taken for a yes; None where that is not asked."""
        found = (options["threshold"] for options in self._options if "threshold" in options)
        return next((float(threshold) for threshold in found), None)

    def of(self, metric: str, features: Mapping[str, str]) -> Bar:
        """Returns the bar of a metric on a slice; one that bounds nothing where there is none."""
        matching = [
            bar.threshold
            for bar in self._metrics[metric].per_slice_thresholds
            if any(_matches(spec, features) for spec in bar.slicing_specs)
        ]
        bounds = [bar.value_threshold for bar in matching if bar.HasField("value_threshold")]
        changes = [bar.change_threshold for bar in matching if bar.HasField("change_threshold")]
        return Bar(
            max((one.lower_bound.value for one in bounds if one.HasField("lower_bound")), default=None),
            min((one.upper_bound.value for one in bounds if one.HasField("upper_bound")), default=None),
            next((one.absolute.value for one in changes), None),
            any(one.direction == LOWER_IS_BETTER for one in changes),
        )


def _matches(spec: Any, features: Mapping[str, str]) -> bool:
    values = dict(spec.feature_values)
    return {*spec.feature_keys, *values} == set(features) and all(
        features[name] == value for name, value in values.items()
    )
