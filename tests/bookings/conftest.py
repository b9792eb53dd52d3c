from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from accounts.models import User
from bookings.models import Slot
from bookings.services import operations
from bookings.services.audit import find_breaches
from tests.bookings.people import make_person, make_slot
from tests.bookings.staff import browser_of, make_staff
from tests.conftest import empty_tables


@pytest.fixture
def audited(db: None) -> Iterator[None]:
    """A database in which every rule still holds when the test is over. No worker runs, and tests let time pass."""
    yield
    assert find_breaches(with_jobs=False) == {}


@pytest.fixture
def ada(audited: None) -> User:
    """The client whose bookings these are."""
    return make_person("ada")


@pytest.fixture
def grace(audited: None) -> User:
    """A host."""
    return make_person("grace", is_host=True, time_zone="Europe/Berlin")


@pytest.fixture
def mallory(audited: None) -> User:
    """Somebody who must see nothing of Ada's and change nothing of Grace's."""
    return make_person("mallory")


@pytest.fixture
def sam(audited: None) -> User:
    """Somebody with the role `bookings`."""
    return make_staff("sam", "bookings")


@pytest.fixture
def staff(sam: User) -> Client:
    """Sam's browser."""
    return browser_of(sam)


@pytest.fixture
def slot(grace: User) -> Slot:
    """Grace's session three days ahead, with three seats."""
    return make_slot(grace)


@pytest.fixture
def transactional_db(django_db_setup: None, django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Real transactions, seen by every connection. In the end every rule still holds.

    On a busy machine a race may take longer than the product waits for a lock.
    """
    monkeypatch.setattr(operations, "LOCK_TIMEOUT_MS", 120_000)
    with django_db_blocker.unblock():
        yield
        breaches = find_breaches(with_jobs=False)
        empty_tables()
        connections.close_all()
    assert breaches == {}
