"""Export and erasure of a person's data."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts import errors, signals
from accounts.repositories import erasure, people
from accounts.services.events import record_event
from accounts.services.lookup import get_person_called
from accounts.services.people import keep_an_administrator


def export_person(*, login_or_id: str) -> dict[str, Any]:
    """What is kept about somebody, by name of the part, without a secret. Raises PersonNotFound or LoginAmbiguous."""
    user_id: UUID = get_person_called(login_or_id=login_or_id).pk
    answers: Sequence[tuple[object, Any]] = signals.person_exported.send(None, user_id=user_id)
    others: dict[str, Any] = {name: rows for _receiver, part in answers for name, rows in part.items()}
    return {"person": erasure.read_person(user_id), "events": erasure.read_events(user_id), **others}


@transaction.atomic(durable=True)
def erase_person(*, login_or_id: str, now: datetime) -> UUID:
    """Blank somebody for good; their id, which the ledger and the trail keep.

    What they have ahead is cancelled by the rules of leaving, refunds included, so that the ledger stays balanced.
    Raises PersonNotFound or LoginAmbiguous, AlreadyErased, LastAdministrator, and what the apps above raise when they
    are busy.
    """
    user_id: UUID = get_person_called(login_or_id=login_or_id).pk
    keep_an_administrator(without=user_id)
    person = people.lock_person(user_id)
    if person is None or person.erased_at is not None:
        raise errors.AlreadyErased
    people.update_person(user_id, is_active=False)
    signals.person_erased.send(None, user_id=user_id, now=now)
    record_event(kind="person.erased", user_id=user_id)
    erasure.blank_events(user_id)
    erasure.blank_person(user_id, now=now)
    return user_id
