"""Suspending, approving and the audit trail: the staff's services, seen through the API."""

from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts import errors
from accounts.models import Event, User
from accounts.services import lookup, people
from tokens.models import Session
from tokens.services.clients import registry
from tokens.services.sessions import TokenPair, open_session

pytestmark = pytest.mark.django_db


@pytest.fixture
def mallory() -> User:
    return people.upsert_person(github_id=666, login="mallory", now=timezone.now())


@pytest.fixture
def staff() -> User:
    return people.upsert_person(github_id=1906, login="grace", now=timezone.now())


def sign_in(person: User, client_id: str = "insighta-cli") -> TokenPair:
    scope = "account:read account:write"
    return open_session(
        person=person, client=registry()[client_id], scope=scope, label="", auth_time=None, now=timezone.now()
    )


def api(client: Client, tokens: TokenPair) -> tuple[int, str]:
    answer = client.get("/api/v1/me", headers={"Authorization": f"Bearer {tokens.access_token}"})
    return answer.status_code, answer.json().get("code", "")


def refreshed(client: Client, tokens: TokenPair) -> dict[str, str]:
    form = f"grant_type=refresh_token&client_id=insighta-cli&refresh_token={tokens.refresh_token}"
    answer = client.post("/oauth/token", form, content_type="application/x-www-form-urlencoded")
    found: dict[str, str] = answer.json()
    return found


def suspend(person: User, staff: User) -> None:
    people.suspend_person(user_id=person.id, reason="sold seats", actor_id=staff.id, now=timezone.now())


def test_a_suspension_ends_every_session_and_the_next_call_is_refused(
    client: Client, mallory: User, staff: User
) -> None:
    terminal, portal, other = sign_in(mallory), sign_in(mallory, "insighta-portal"), sign_in(staff)
    suspend(mallory, staff)
    assert api(client, terminal) == api(client, portal) == (403, "account_suspended")
    assert refreshed(client, terminal)["error_description"] == "account_suspended"
    ended = Session.objects.filter(user=mallory)
    assert {(session.revoked_because, session.revoked_at is None) for session in ended} == {
        ("account suspended", False)
    }
    assert api(client, other) == (200, "")


def test_a_reinstated_person_signs_in_anew_because_old_sessions_stay_dead(
    client: Client, mallory: User, staff: User
) -> None:
    old = sign_in(mallory)
    suspend(mallory, staff)
    people.approve_person(user_id=mallory.id, actor_id=staff.id)
    assert api(client, old) == (401, "not_authenticated")
    assert refreshed(client, old)["error"] == "invalid_grant"
    mallory.refresh_from_db()
    assert (mallory.standing, mallory.standing_reason) == ("approved", "")
    assert api(client, sign_in(mallory)) == (200, "")


def test_no_session_is_opened_for_the_suspended(mallory: User, staff: User) -> None:
    suspend(mallory, staff)
    mallory.refresh_from_db()
    with transaction.atomic(), pytest.raises(errors.AccountSuspended):
        people.lock_allowed_person(user_id=mallory.id)


def test_both_decisions_are_written_down_with_who_and_why(mallory: User, staff: User) -> None:
    suspend(mallory, staff)
    people.approve_person(user_id=mallory.id, actor_id=staff.id)
    trail = list(Event.objects.filter(user_id=mallory.id, kind="person.standing_changed").order_by("-id"))
    assert [event.detail for event in trail] == [
        {"from": "suspended", "to": "approved", "reason": ""},
        {"from": "approved", "to": "suspended", "reason": "sold seats"},
    ]
    assert {event.actor_id for event in trail} == {staff.id}


def test_a_person_who_is_not_there_is_an_error(staff: User) -> None:
    with pytest.raises(errors.PersonNotFound):
        people.suspend_person(user_id=uuid4(), reason="", actor_id=staff.id, now=timezone.now())


def test_a_command_refuses_a_name_that_several_people_have_borne(mallory: User) -> None:
    namesake = people.upsert_person(github_id=667, login="Mallory", now=timezone.now())
    with pytest.raises(errors.LoginAmbiguous) as refused:
        lookup.get_person_called(login_or_id="mallory")
    assert str(mallory.id) in str(refused.value)
    assert str(namesake.id) in str(refused.value)
    assert lookup.get_person_called(login_or_id=str(namesake.id)) == namesake
    with pytest.raises(errors.PersonNotFound):
        lookup.get_person_called(login_or_id="nobody")
