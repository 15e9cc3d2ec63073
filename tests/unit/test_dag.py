"""The DAG, compiled. `python -m tests.unit.test_dag` writes the golden file again."""

from __future__ import annotations

import ast
import inspect
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from pipeline import dag
from pipeline.compiled import Compiled
from pipeline.config import Config
from pipeline.loading import load
from pipeline.metadata import connection_config
from pipeline.runners import beam_args
from pipeline.workdir import Workdir
from tests.unit.samples import TAXI, config

GOLDEN = Path(__file__).parent / "golden" / "taxi_dag.json"
DESIGNED = {
    "ExampleGen",
    "StatisticsGen",
    "ImportSchemaGen",
    "ExampleValidator",
    "DataGate",
    "Transform",
    "Trainer",
    "Baseline",
    "Evaluator",
    "InfraValidator",
    "Pusher",
    "Report",
}
BRANCHES = (ast.If, ast.IfExp, ast.Match, ast.Try)
MOST_LINES = 60
Facts = dict[str, dict[str, Any]]


def facts(given: Config, folder: Path, *, enable_cache: bool = True) -> Facts:
    """Returns, by step, what the compiled DAG says of it that is the same on every machine."""
    place = Workdir(folder)
    connection = connection_config(given.metadata, place)
    folders = str(place.root), str(place.serving(given.model_name)), str(place.blessed)
    pipeline = dag.create_pipeline(given, *folders, connection, beam_args(given), enable_cache=enable_cache)
    nodes = [node.pipeline_node for node in Compiled(pipeline, "golden")._ir.nodes]
    return {node.node_info.id: _facts_of(node) for node in nodes}


def _facts_of(node: Any) -> dict[str, Any]:
    return {
        "type": node.node_info.type.name,
        "upstream": sorted(node.upstream_nodes),
        "inputs": sorted(key for key in node.inputs.inputs if not key.startswith("_")),  # TFX numbers hidden ones
        "outputs": sorted(node.outputs.outputs),
        "parameters": sorted(node.parameters.parameters),
        "cached": node.execution_options.caching_options.enable_cache,
    }


def _ancestors(given: Facts, step: str) -> set[str]:
    above = set(given[step]["upstream"])
    return above.union(*(_ancestors(given, name) for name in above))


@pytest.fixture(scope="module")
def taxi(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """The facts of configs/taxi.yaml."""
    return facts(load([TAXI]), tmp_path_factory.mktemp("taxi"))


def test_the_taxi_dag_is_the_golden_one(taxi: Facts) -> None:
    """The compiled DAG of configs/taxi.yaml has the steps, edges, keys and caching that the golden file has."""
    assert taxi == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_every_step_of_the_design_is_there(taxi: Facts) -> None:
    """Each row of the design's list of steps is a node of the DAG."""
    assert set(taxi) >= DESIGNED


def test_a_step_comes_after_all_that_it_needs(taxi: Facts) -> None:
    """The steps are in an order in which they could run one by one."""
    order = list(taxi)
    assert all(order.index(needed) < order.index(step) for step in taxi for needed in taxi[step]["upstream"])


@pytest.mark.parametrize(
    ("step", "gate"),
    [
        ("Transform", "DataGate"),
        ("Trainer", "DataGate"),
        ("Evaluator", "DataGate"),
        ("Pusher", "DataGate"),
        ("Pusher", "Evaluator"),
        ("Pusher", "InfraValidator"),
    ],
)
def test_no_step_passes_a_gate_unseen(taxi: Facts, step: str, gate: str) -> None:
    """Nothing trains on data before its gate, and nothing is pushed before all three gates."""
    assert gate in _ancestors(taxi, step)


def test_the_pusher_alone_is_never_cached(taxi: Facts) -> None:
    """What was pushed may have been removed since, so the Pusher looks each time; all other steps may be cached."""
    assert [step for step, fact in taxi.items() if not fact["cached"]] == ["Pusher"]


def test_without_cache_every_step_runs(tmp_path: Path) -> None:
    """A pipeline made without cache has no step that takes an earlier result."""
    made = facts(load([TAXI]), tmp_path, enable_cache=False)
    assert not any(fact["cached"] for fact in made.values())


def test_without_a_curated_schema_one_is_inferred(taxi: Facts, tmp_path: Path) -> None:
    """A configuration without schema has a SchemaGen in place of the ImportSchemaGen, and else the same steps."""
    (tmp_path / "trips.csv").write_text("fare,tips\n1,0\n", encoding="utf-8")
    made = facts(config(data={"path": str(tmp_path / "trips.csv")}), tmp_path)
    assert set(made) ^ set(taxi) == {"SchemaGen", "ImportSchemaGen"}
    assert made["SchemaGen"]["upstream"] == ["StatisticsGen"]
    assert "DataGate" in _ancestors(made, "Transform")


def test_compiling_writes_nothing(tmp_path: Path) -> None:
    """The DAG is made without a file being written: validate touches nothing."""
    facts(load([TAXI]), tmp_path / "place")
    assert list(tmp_path.iterdir()) == []


def test_create_pipeline_is_one_short_function_without_a_branch() -> None:
    """The pipeline reads from top to bottom: at most 60 lines in the body, and no branch on where it runs."""
    function = ast.parse(inspect.getsource(dag.create_pipeline)).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert (function.end_lineno or 0) - function.body[0].lineno + 1 <= MOST_LINES
    assert [type(node).__name__ for node in ast.walk(function) if isinstance(node, BRANCHES)] == []


def write_golden() -> None:
    """Writes the golden file from the code as it is."""
    with tempfile.TemporaryDirectory() as folder:
        text = json.dumps(facts(load([TAXI]), Path(folder)), indent=2)
    GOLDEN.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    write_golden()
