"""The promises on tables of several classes: irises, wines, penguins and written digits."""

from __future__ import annotations

import pytest

from tests.e2e.datasets import Dataset, of_problem
from tests.e2e.promises import Promises

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="class", params=of_problem("multiclass"), ids=str)
def dataset(request: pytest.FixtureRequest) -> Dataset:
    """Each table."""
    one: Dataset = request.param
    return one


class TestMulticlass(Promises):
    """Problems of several classes."""
