from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import pytest

from components.model import build_model, shape_of
from components.signatures import export
from schema.roles import AnyRole, dump_roles
from tests.components import fleet
from tests.components.graphs import Graph, analyze

Exporter = Callable[[str], Path]


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps the tests that share a transform graph in one process of pytest-xdist, so that it is made once."""
    for item in items:
        if {"graph", "class_graph"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group("transform graph"))


def _analyze(label: str, problem: str, roles: tuple[AnyRole, ...], folder: Path) -> Graph:
    config = {"features": dump_roles(roles), "label": label, "problem": problem}
    return analyze(fleet.columns(), fleet.schema(), config, folder)


@pytest.fixture(scope="session")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """Every role, and a binary label."""
    return _analyze(fleet.LABEL, "binary", fleet.ROLES, tmp_path_factory.mktemp("graph"))


@pytest.fixture(scope="session")
def class_graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """Two roles, and a label of three classes that are texts."""
    return _analyze(fleet.CLASSES, "multiclass", fleet.FEW_ROLES, tmp_path_factory.mktemp("class_graph"))


@pytest.fixture(scope="session")
def exporter(graph: Graph, class_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Exporter:
    """Exports an untrained model of a problem, once each, the binary one with every role; returns its folder."""
    made: dict[str, Path] = {}

    def path_of(problem: str) -> Path:
        if problem not in made:
            analyzed = class_graph if problem == "multiclass" else graph
            made[problem] = tmp_path_factory.mktemp(problem) / "Format-Serving"
            _export(problem, analyzed, made[problem])
        return made[problem]

    return path_of


def _export(problem: str, graph: Graph, folder: Path) -> None:
    roles = fleet.ROLES if problem == "binary" else fleet.FEW_ROLES
    label = fleet.CLASSES if problem == "multiclass" else fleet.LABEL
    options = fleet.options(problem, label, roles)
    shape = shape_of(roles, problem, graph.output)
    keras.utils.set_random_seed(1)
    export(build_model(shape, options.model), shape, graph.output, options, str(folder))
