from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path

import keras
import pytest

from components.model import build_model, shape_of
from components.signatures import export
from schema.roles import AnyRole, dump_roles
from tests.components import fleet
from tests.components.graphs import Graph, analyze, load_graph

Exporter = Callable[[str], Path]
MakeOnce = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def make_once(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> MakeOnce:
    """Fills a folder, by its name, in the first of pytest-xdist's processes that wants it; the others wait for that."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if hasattr(request.config, "workerinput") else own

    def make(name: str, fill: Callable[[Path], None]) -> Path:
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (shared / f"{name}.done").exists():
                fill(shared / name)
                (shared / f"{name}.done").touch()
        return shared / name

    return make


@pytest.fixture(scope="session")
def graph(make_once: MakeOnce) -> Graph:
    """Every role, and a binary label."""
    return load_graph(make_once("graph", lambda folder: _analyze(fleet.LABEL, "binary", fleet.ROLES, folder)))


@pytest.fixture(scope="session")
def class_graph(make_once: MakeOnce) -> Graph:
    """Two roles, and a label of three classes that are texts."""
    folder = make_once("class_graph", lambda new: _analyze(fleet.CLASSES, "multiclass", fleet.FEW_ROLES, new))
    return load_graph(folder)


@pytest.fixture(scope="session")
def exporter(make_once: MakeOnce, request: pytest.FixtureRequest) -> Exporter:
    """Exports an untrained model of a problem, the binary one with every role; returns its folder."""

    def path_of(problem: str) -> Path:
        graph: Graph = request.getfixturevalue("class_graph" if problem == "multiclass" else "graph")
        folder = make_once(f"{problem} model", lambda new: _export(problem, graph, new / "Format-Serving"))
        return folder / "Format-Serving"

    return path_of


def _analyze(label: str, problem: str, roles: tuple[AnyRole, ...], folder: Path) -> None:
    config = {"features": dump_roles(roles), "label": label, "problem": problem}
    analyze(fleet.columns(), fleet.schema(), config, folder)


def _export(problem: str, graph: Graph, folder: Path) -> None:
    roles = fleet.FEW_ROLES if problem == "multiclass" else fleet.ROLES
    label = fleet.CLASSES if problem == "multiclass" else fleet.LABEL
    options = fleet.options(problem, label, roles)
    shape = shape_of(roles, problem, graph.output)
    keras.utils.set_random_seed(1)
    export(build_model(shape, options.model), shape, graph.output, options, str(folder))
