from collections.abc import Iterator

import pytest

from tests.processes import Live


@pytest.fixture(scope="session")
def live() -> Iterator[Live]:
    """The whole product as processes, shared by the run: tests sign in people of their own and look only at those."""
    with Live() as product:
        yield product
