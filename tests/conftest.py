from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("shared", deadline=None)  # a busy machine is no failure
settings.load_profile("shared")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Lets tests/conformance be run against any model server; options are known only if they are added here."""
    group = parser.getgroup("conformance", "the model server that tests/conformance holds against the protocol")
    group.addoption("--server", metavar="HOST:PORT", help="the gRPC address of a running one; its models are replaced")
    group.addoption("--rest-server", metavar="HOST:PORT", help="its REST address")
    group.addoption("--server-command", metavar="FILE", help="the program to start instead of penstock-model-server")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Keeps to one process where there is one server: two would replace each other's models."""
    if config.getoption("--server"):
        config.option.numprocesses = 0
