from collections.abc import Iterator

import pytest

from accounts.models import User
from bookings.models import Slot
from bookings.services.audit import find_breaches
from tests.bookings.people import make_person, make_slot


@pytest.fixture
def ada(db: None) -> User:
    """The client whose bookings these are."""
    return make_person("ada")


@pytest.fixture
def grace(db: None) -> User:
    """A host."""
    return make_person("grace", is_host=True, time_zone="Europe/Berlin")


@pytest.fixture
def mallory(db: None) -> User:
    """Somebody who must see nothing of Ada's and change nothing of Grace's."""
    return make_person("mallory")


@pytest.fixture
def slot(grace: User) -> Slot:
    """Grace's session three days ahead, with three seats."""
    return make_slot(grace)


@pytest.fixture(autouse=True)
def _audited(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test that used the database, and did not plant damage, every rule still holds."""
    yield
    if "db" in request.fixturenames and "plants_damage" not in request.keywords:
        assert find_breaches() == {}
