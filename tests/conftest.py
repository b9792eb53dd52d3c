from collections.abc import Iterator

import pytest

from tests.processes import Live
from tokens.services import signing_keys


@pytest.fixture(autouse=True)
def _own_signing_keys() -> None:
    """This process forgets the keys of the test before, whose rows are gone."""
    signing_keys.forget_keys()


@pytest.fixture(scope="session")
def live() -> Iterator[Live]:
    """The whole product as processes, shared by the run: tests sign in people of their own and look only at those."""
    with Live() as product:
        yield product
