from collections.abc import Iterator

import pytest

from tests.portal.browsers import browser, contexts
from tests.processes import Live

__all__ = ["browser", "contexts"]

ACCESS_TOKEN_SECONDS = 6


@pytest.fixture(scope="session")
def quick_live() -> Iterator[Live]:
    """The whole product with access tokens that expire while a journey waits."""
    with Live(workers=1, ACCESS_TOKEN_SECONDS=str(ACCESS_TOKEN_SECONDS)) as product:
        yield product
