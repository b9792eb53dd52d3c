"""A staff session in the admin is one of the person's sign-ins: listed with them, ended with them, limited in time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from django.core.management import call_command
from django.test import Client as Http
from django.utils import timezone

from accounts.authentication import flow_cookie_name
from accounts.models import Event, SignInFlow, User
from accounts.services import flows, people, roles
from tests.tokens.in_process import call, make_person, sign_in
from tokens.errors import NotStaff
from tokens.models import Session

pytestmark = pytest.mark.django_db(transaction=True)
BACKEND = "accounts.authentication.StaffBackend"


@pytest.fixture
def root() -> User:
    """One of two administrators."""
    person, other = make_person("root"), make_person("other-root")
    for administrator in (person, other):
        roles.grant_staff(user_id=administrator.id)
    return person


@pytest.fixture
def browser(root: User) -> Http:
    browser = Http()
    browser.force_login(root, backend=BACKEND)
    assert is_in(browser)
    return browser


def is_in(browser: Http) -> bool:
    return browser.get("/admin/").status_code == 200


def sign_out_by_command(root: User) -> None:
    call_command("revoke_sessions", str(root.id))


def sign_out_by_the_person(root: User) -> None:
    token = sign_in(root).access_token
    assert call(Http(), "/sessions?keep=current", token, "DELETE").status_code == 204


def sign_out_one(root: User) -> None:
    token = sign_in(root).access_token
    found = call(Http(), "/sessions", token).json()["results"]
    (staff,) = [one for one in found if one["client_id"] == "insighta-admin"]
    assert call(Http(), f"/sessions/{staff['id']}", token, "DELETE").status_code == 204


def suspend_for_a_moment(root: User) -> None:
    people.suspend_person(user_id=root.id, reason="x", actor_id=None, now=timezone.now())
    people.approve_person(user_id=root.id, actor_id=None)


def leave_and_come_back(root: User) -> None:
    people.deactivate_person(user_id=root.id, now=timezone.now())
    User.objects.filter(id=root.id).update(is_active=True)


def leave_the_staff_and_return(root: User) -> None:
    call_command("revoke_staff", str(root.id))
    roles.grant_staff(user_id=root.id)


def sign_out_by_another_administrator(root: User) -> None:
    act_as_administrator("accounts/user", "sign_out_everywhere", root.id)


def end_by_another_administrator(root: User) -> None:
    act_as_administrator("tokens/session", "end", Session.objects.get(user=root).id)


def act_as_administrator(address: str, action: str, row: object) -> None:
    other = make_person("other")
    roles.grant_staff(user_id=other.id)
    browser = Http()
    browser.force_login(User.objects.get(id=other.id), backend=BACKEND)
    chosen = {"action": action, "_selected_action": [str(row)], "answered": "yes"}
    assert browser.post(f"/admin/{address}/", chosen).status_code == 302


def idle_too_long(root: User) -> None:
    Session.objects.filter(user=root).update(expires_at=timezone.now())


def stay_too_long(root: User) -> None:
    Session.objects.filter(user=root).update(expires_at=timezone.now(), ends_at=timezone.now())


@pytest.mark.parametrize(
    "end",
    [
        sign_out_by_command,
        sign_out_by_the_person,
        sign_out_one,
        suspend_for_a_moment,
        leave_and_come_back,
        leave_the_staff_and_return,
        sign_out_by_another_administrator,
        end_by_another_administrator,
        idle_too_long,
        stay_too_long,
    ],
)
def test_it_ends_with_the_others_and_only_a_new_sign_in_leads_back(
    browser: Http, root: User, end: Callable[[User], None]
) -> None:
    end(root)
    assert not is_in(browser)
    assert not is_in(browser)
    browser.force_login(User.objects.get(id=root.id), backend=BACKEND)
    assert is_in(browser)


def test_use_moves_the_idle_limit_and_never_the_absolute_one(browser: Http, root: User) -> None:
    earlier = timezone.now() - timedelta(minutes=30)
    soon = timezone.now() + timedelta(minutes=10)
    rows = Session.objects.filter(user=root)
    rows.update(last_used_at=earlier, expires_at=timezone.now() + timedelta(minutes=5), ends_at=soon)
    assert is_in(browser)
    assert (rows.get().expires_at, rows.get().ends_at) == (soon, soon)
    assert rows.get().last_used_at > earlier


def test_a_cookie_of_another_person_s_session_lets_nobody_in(browser: Http, root: User) -> None:
    """A Django session whose row is another person's, or none of the admin's."""
    other = make_person("ada")
    sign_in(other)
    session = browser.session
    session["staff_session"] = str(Session.objects.get(user=other).id)
    session.save()
    assert not is_in(browser)


def test_a_sign_in_over_an_earlier_one_ends_that(browser: Http, root: User) -> None:
    """ASVS 7.2.4: another key, and the earlier row is no sign-in of the person's any more."""
    before = browser.session.session_key
    browser.force_login(root, backend=BACKEND)
    assert is_in(browser)
    assert browser.session.session_key != before
    assert Session.objects.filter(user=root, revoked_at=None).count() == 1


def test_a_session_that_expired_is_not_written_down_as_signed_out(browser: Http, root: User) -> None:
    idle_too_long(root)
    assert not is_in(browser)
    assert not Event.objects.filter(kind="session.ended").exists()


def test_it_begins_with_the_limits_of_the_settings(browser: Http, root: User, settings: Any) -> None:
    row = Session.objects.get(user=root)
    assert row.client_id == "insighta-admin"
    assert row.ends_at - row.created_at == pytest.approx(settings.STAFF_SESSION_LIFETIME, abs=timedelta(minutes=1))
    assert row.expires_at - row.created_at == pytest.approx(settings.STAFF_IDLE_LIFETIME, abs=timedelta(minutes=1))


def test_nobody_without_a_role_gets_one(root: User) -> None:
    """As a sign-in does that is completed after the role was taken."""
    call_command("revoke_staff", str(root.id))
    with pytest.raises(NotStaff):
        Http().force_login(User.objects.get(id=root.id), backend=BACKEND)
    assert not Session.objects.filter(user=root).exists()


def test_the_return_from_github_delivered_again_leads_on_and_signs_nobody_in_twice(root: User) -> None:
    browser, flow = Http(), answered_sign_in(root)
    browser.cookies[flow_cookie_name(flow.id)] = flow.cookie
    for _ in range(3):
        answer = browser.get(f"/admin/login/github/return/?flow={flow.id}")
        assert (answer.status_code, answer["Location"]) == (302, "/admin/accounts/")
    assert is_in(browser)
    assert Session.objects.filter(user=root, client_id="insighta-admin").count() == 1


def test_a_staff_sign_in_that_took_too_long_begins_again_for_the_same_page(root: User) -> None:
    browser, flow = Http(), answered_sign_in(root)
    browser.cookies[flow_cookie_name(flow.id)] = flow.cookie
    SignInFlow.objects.update(expires_at=timezone.now())
    page = browser.get(f"/admin/login/github/return/?flow={flow.id}")
    assert page.status_code == 403
    assert "/admin/login/github/?next=%2Fadmin%2Faccounts%2F" in page.content.decode()


@dataclass(frozen=True)
class Begun:
    """A sign-in to the admin that GitHub has answered, and its browser's cookie."""

    id: UUID
    cookie: str


def answered_sign_in(person: User) -> Begun:
    http = Http()
    begun = http.get("/admin/login/github/", {"next": "/admin/accounts/"})
    (state,) = parse_qs(urlsplit(begun["Location"]).query)["state"]
    (flow,) = SignInFlow.objects.all()
    cookie = begun.cookies[flow_cookie_name(flow.id)].value
    flows.claim_flow(state=state, cookie=cookie, now=timezone.now())
    flows.finish_flow(flow_id=flow.id, user_id=person.id)
    return Begun(flow.id, cookie)
