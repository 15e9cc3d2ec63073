from __future__ import annotations

from components.raw_examples import requests_for
from components.signature_calls import call, load
from tests.components.conftest import Exporter
from tests.components.graphs import Graph


def test_each_signature_is_called_with_its_own_inputs(exporter: Exporter, graph: Graph) -> None:
    """The answers are arrays by signature and output, one entry for each signature that was asked."""
    loaded = load(str(exporter("regression")))
    requests = requests_for(loaded, graph.examples[:2])
    answers = call(loaded, {name: requests[name] for name in ("serving_default", "predict_columns")})
    assert {signature: sorted(outputs) for signature, outputs in answers.items()} == {
        "serving_default": ["value"],
        "predict_columns": ["value"],
    }
    assert answers["serving_default"]["value"].shape == (2,)
