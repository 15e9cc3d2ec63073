"""The promises on tables of yes or no and of numbers: tumours, taxi trips and diabetes."""

from __future__ import annotations

import pytest

from tests.e2e.datasets import Dataset, of_problem
from tests.e2e.promises import Promises

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="class", params=of_problem("binary", "regression"), ids=str)
def dataset(request: pytest.FixtureRequest) -> Dataset:
    """Each table."""
    one: Dataset = request.param
    return one


class TestBinaryAndRegression(Promises):
    """Problems of two classes, and of a number."""
