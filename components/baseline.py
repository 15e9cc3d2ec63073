"""Which model a candidate is compared with."""

from __future__ import annotations

from typing import Any

from tfx.components.evaluator import constants
from tfx.dsl.components.common.resolver import ResolverStrategy


class LatestBlessedBefore(ResolverStrategy):
    """The latest blessed model other than the candidate.

    The stock LatestBlessedModelStrategy gives a re-run, in which nothing changed, its own model as the baseline, so
    that its Evaluator does not find its last result in the cache.
    """

    def resolve_artifacts(self, store: Any, input_dict: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Returns at most one `model`, its `model_blessing`, and the candidate as it came."""
        del store
        candidate = input_dict["candidate"]
        blessings = {
            blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY): blessing
            for blessing in input_dict["model_blessing"]
            if blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY) == constants.BLESSED_VALUE
        }
        excluded = {model.id for model in candidate}
        models = [model for model in input_dict["model"] if model.id in blessings and model.id not in excluded]
        latest = max(models, key=lambda model: model.id, default=None)
        return {
            "model": [latest] if latest else [],
            "model_blessing": [blessings[latest.id]] if latest else [],
            "candidate": candidate,
        }
