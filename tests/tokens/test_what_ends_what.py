"""The table "What ends what" of docs/security.md: each row is done to somebody who has everything a column names."""

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.core.management import call_command
from django.test import Client as Http
from django.utils import timezone

from accounts.errors import AccountsError
from accounts.models import User
from accounts.services import people
from bookings.models import Booking, WaitlistEntry
from bookings.services import hosting
from bookings.services.booking import book_slot
from bookings.services.waiting import join_waitlist
from sandbox.state import State
from tests.processes import ROOT
from tests.tokens.applications import register
from tests.tokens.ci import exchange, job_token, know_key
from tests.tokens.in_process import CLI, PORTAL, call, make_person, now, post, sign_in
from tests.tokens.test_access_races import DEVICE_GRANT, REDIRECTS, VERIFIER, WIKI, Person, disable, returned_request
from tokens.models import Application, PersonalAccessToken, Session, TrustedPublisher
from tokens.services import authorization
from tokens.services.sessions import TokenPair

pytestmark = pytest.mark.django_db(transaction=True)
STAFF_BACKEND = "accounts.authentication.StaffBackend"
CI = State.from_environment({}, 8002)
"""A CI issuer that is believed; nobody listens there."""
logins = itertools.count()


@dataclass
class Everything(Person):
    """Ada with the sign-in that a row names, others in the portal and an application, and what else belongs to her.

    The sign-in that a row names is `pair`, in `client_id`; `owner` is one that may act for her.
    """

    other: TokenPair = field(init=False)
    owner: TokenPair = field(init=False)
    application: TokenPair = field(init=False)
    application_code: str = field(init=False)
    id_token: str = field(init=False)
    used_code: str = field(init=False)
    code: str = field(init=False)
    devices: dict[str, str] = field(init=False)
    returned: authorization.ReturnedRequest = field(init=False)
    token: dict[str, str] = field(init=False)
    calendar: str = field(init=False)
    publisher: TrustedPublisher = field(init=False)
    job: str = field(init=False)

    @property
    def session(self) -> Session:
        return Session.objects.get(id=self.pair.session_id)


@pytest.fixture
def root() -> Http:
    """The browser of a member of the staff."""
    browser = Http()
    browser.force_login(User.objects.create_superuser("root", "a password of the staff"), backend=STAFF_BACKEND)
    return browser


@pytest.fixture
def ada(client_id: str) -> Everything:
    register(WIKI, is_public=True)
    user = make_person(f"ada-{next(logins)}")
    User.objects.filter(id=user.id).update(is_staff=True)
    ada = Everything(user, sign_in(user), client_id)
    ada.used_code = _code(ada)
    ada.pair, ada.id_token = _redeem(ada, ada.used_code)
    ada.other = sign_in(user, client_id=PORTAL)
    ada.owner = ada.other if client_id == WIKI else ada.pair
    visitor = Person(user, ada.pair, WIKI)
    ada.application, _ = _redeem(visitor, _code(visitor))
    ada.application_code = _code(visitor)
    # Only a sign-in in the portal or the terminal approves a device.
    approvers = {"other device": ada.other} | ({} if client_id == WIKI else {"own device": ada.pair})
    ada.devices = {name: _device(approver) for name, approver in approvers.items()}
    ada.code, ada.returned = _code(ada), returned_request(ada)
    body = {"name": "ci", "scopes": ["account:read"]}
    ada.token = call(Http(), "/personal-access-tokens", ada.other.access_token, "POST", body).json()
    assert user.github_id is not None
    ada.publisher = TrustedPublisher.objects.create(
        user=user, issuer=CI.jobs.issuer, repository="ada/site", repository_id=1, workflow="ci.yml",
        repository_owner_id=user.github_id, scope="bookings:read",
    )  # fmt: skip
    ada.job = _exchange(ada).json()["access_token"]
    ada.browser.force_login(User.objects.get(id=user.id), backend=STAFF_BACKEND)
    ada.calendar = call(Http(), "/calendar-feed", ada.other.access_token).json()["url"]
    _book(user)
    return ada


def _code(person: Person) -> str:
    granted = authorization.grant_request(returned_request(person), address=None, now=timezone.now())
    return granted["code"]


def _ask(person: Person, code: str) -> Any:
    form = {"code": code, "redirect_uri": REDIRECTS[person.client_id], "code_verifier": VERIFIER}
    return post(Http(), "token", client_id=person.client_id, grant_type="authorization_code", **form)


def _redeem(person: Person, code: str) -> tuple[TokenPair, str]:
    """The tokens, and the ID token of an application's."""
    given = _ask(person, code).json()
    newest = Session.objects.filter(user=person.user).latest("id")
    pair = TokenPair(given["access_token"], given["refresh_token"], 180, given["scope"], newest.id)
    return pair, given.get("id_token", "")


def _exchange(ada: Everything) -> Any:
    """A job of hers asks for an access token."""
    know_key(CI)
    return exchange(job_token(CI, repository_id="1", repository_owner_id=str(ada.user.github_id)))


def _device(approver: TokenPair) -> str:
    device = post(Http(), "device_authorization").json()
    path = f"/device-requests/{device['user_code']}/approve"
    assert call(Http(), path, approver.access_token, "POST").status_code == 200
    return str(device["device_code"])


def _book(client: User) -> None:
    """A booking at a host's, and a place in the waitlist of a full session."""
    host, rival = make_person(f"host-{next(logins)}"), make_person(f"rival-{next(logins)}")
    people.mark_host(user_id=host.id, is_host=True)
    for hours in (48, 96):
        starts_at = now() + timedelta(hours=hours)
        times = {"starts_at": starts_at, "ends_at": starts_at + timedelta(hours=1)}
        slot = hosting.create_slot(host_id=host.id, title="Session", capacity=1, **times)
        book_slot(client_id=client.id if hours == 48 else rival.id, slot_id=slot["id"])
    join_waitlist(client_id=client.id, slot_id=slot["id"])


# What still works. Looking uses nothing up that the next look needs: what is used once is looked at in the end.


def _works(access_token: str) -> bool:
    return bool(call(Http(), "/me", access_token).status_code == 200)


def _refreshes(token: str, client_id: str) -> bool:
    answer = post(Http(), "token", client_id=client_id, grant_type="refresh_token", refresh_token=token)
    return bool(answer.status_code == 200)


def _is_answered(ada: Everything) -> bool:
    try:
        return bool(authorization.grant_request(ada.returned, address=None, now=timezone.now()))
    except AccountsError:
        return False


def _polls(ada: Everything, device: str) -> bool:
    answer = post(Http(), "token", grant_type=DEVICE_GRANT, device_code=ada.devices[device])
    return bool(answer.status_code == 200)


LOOKS: dict[str, Callable[[Everything], bool]] = {
    "access token": lambda ada: _works(ada.pair.access_token),
    "application access token": lambda ada: _works(ada.application.access_token),
    "other access token": lambda ada: _works(ada.other.access_token),
    "personal access token": lambda ada: _works(ada.token["token"]),
    "admin": lambda ada: ada.browser.get("/admin/").status_code == 200,
    "job's access token": lambda ada: call(Http(), "/bookings", ada.job).status_code == 200,
    "calendar": lambda ada: Http().get(ada.calendar).status_code == 200,
    "booking": lambda ada: Booking.objects.filter(client=ada.user, status="active").exists(),
    "waiting": lambda ada: WaitlistEntry.objects.filter(client=ada.user, status="waiting").exists(),
}
USES: dict[str, Callable[[Everything], bool]] = {
    "refresh token": lambda ada: _refreshes(ada.pair.refresh_token, ada.client_id),
    "other refresh token": lambda ada: _refreshes(ada.other.refresh_token, PORTAL),
    "application refresh token": lambda ada: _refreshes(ada.application.refresh_token, WIKI),
    "application code": lambda ada: _ask(Person(ada.user, ada.pair, WIKI), ada.application_code).status_code == 200,
    "code": lambda ada: _ask(ada, ada.code).status_code == 200,
    "own device": lambda ada: _polls(ada, "own device"),
    "other device": lambda ada: _polls(ada, "other device"),
    "answer of GitHub": _is_answered,
    "job": lambda ada: _exchange(ada).status_code == 200,
}
COLUMNS: dict[str, tuple[str, ...]] = {
    "that sign-in": ("access token", "refresh token"),
    "other sign-ins": ("other access token", "other refresh token", "job's access token"),
    "an application": ("application access token", "application refresh token", "application code"),
    "codes": ("code",),
    "devices": ("own device", "other device"),
    "answers of GitHub": ("answer of GitHub",),
    "personal access tokens": ("personal access token",),
    "trusted publishers": ("job",),
    "admin": ("admin",),
    "calendar address": ("calendar",),
    "bookings, waiting": ("booking", "waiting"),
}


# The rows


Act = Callable[[Everything, Http], object]
ACTS: dict[str, list[tuple[str, Act]]] = {}
"""By the row's name in bold: what is done at a door that the row names, and the client whose sign-in it is done to."""
NAMED = ("Sign out", "End one device", "Replay")
"""Rows that name one sign-in: in the terminal, or in an application."""


def row(name: str, *only: str) -> Callable[[Act], Act]:
    def add(act: Act) -> Act:
        clients = only or ((CLI, WIKI) if name in NAMED else (CLI,))
        ACTS.setdefault(name, []).extend((client_id, act) for client_id in clients)
        return act

    return add


def _done(answer: Any) -> None:
    assert answer.status_code in {200, 204, 302}, answer.content


def _choose(root: Http, path: str, action: str, chosen: object, **fields: str) -> None:
    _done(root.post(f"/admin/{path}/", {"action": action, "_selected_action": [str(chosen)], **fields}))


@row("Sign out")
def revoke_a_refresh_token(ada: Everything, root: Http) -> None:
    _done(post(Http(), "revoke", client_id=ada.client_id, token=ada.pair.refresh_token))


@row("Sign out")
def revoke_an_access_token(ada: Everything, root: Http) -> None:
    _done(post(Http(), "revoke", client_id=ada.client_id, token=ada.pair.access_token))


@row("Sign out", WIKI)
def sign_out_at_the_application(ada: Everything, root: Http) -> None:
    _done(Http().get("/oauth/logout", {"id_token_hint": ada.id_token}))


@row("End one device")
def end_one_session(ada: Everything, root: Http) -> None:
    _done(call(Http(), f"/sessions/{ada.pair.session_id}", ada.other.access_token, "DELETE"))


@row("End one device")
def end_one_session_as_staff(ada: Everything, root: Http) -> None:
    _choose(root, "tokens/session", "end", ada.pair.session_id)


@row("Replay")
def replay_a_refresh_token(ada: Everything, root: Http) -> None:
    first = ada.pair
    for _ in range(2):
        form = {"grant_type": "refresh_token", "refresh_token": ada.pair.refresh_token}
        given = post(Http(), "token", client_id=ada.client_id, **form).json()
        ada.pair = TokenPair(given["access_token"], given["refresh_token"], 180, given["scope"], first.session_id)
    assert not _refreshes(first.refresh_token, ada.client_id)


@row("Replay")
def replay_a_code(ada: Everything, root: Http) -> None:
    assert _ask(ada, ada.used_code).status_code == 400


@row("Withdraw an application")
def withdraw(ada: Everything, root: Http) -> None:
    _done(call(Http(), f"/applications/{WIKI}", ada.owner.access_token, "DELETE"))


@row("Disable an application")
def disable_the_application(ada: Everything, root: Http) -> None:
    call_command("disable_client", WIKI)


@row("Disable an application")
def disable_as_staff(ada: Everything, root: Http) -> None:
    _choose(root, "tokens/application", "disable", Application.objects.get(client_id=WIKI).pk)


@row("Sign out everywhere else")
def sign_out_everywhere_else(ada: Everything, root: Http) -> None:
    _done(call(Http(), "/sessions?keep=current", ada.pair.access_token, "DELETE"))


@row("Sign out everywhere")
def sign_out_everywhere(ada: Everything, root: Http) -> None:
    _done(call(Http(), "/sessions", ada.pair.access_token, "DELETE"))


@row("Sign out everywhere")
def sign_out_everywhere_as_staff(ada: Everything, root: Http) -> None:
    _choose(root, "accounts/user", "sign_out_everywhere", ada.user.id, answered="yes")


@row("Sign out everywhere")
def sign_out_by_command(ada: Everything, root: Http) -> None:
    call_command("revoke_sessions", str(ada.user.id))


@row("The same with `--tokens`")
def sign_out_and_revoke_tokens(ada: Everything, root: Http) -> None:
    call_command("revoke_sessions", str(ada.user.id), "--tokens")


@row("The same with `--tokens`")
def sign_out_and_end_tokens_as_staff(ada: Everything, root: Http) -> None:
    ticked = {"answered": "yes", "with_personal_tokens": "on"}
    _choose(root, "accounts/user", "sign_out_everywhere", ada.user.id, **ticked)


@row("Suspend")
def suspend(ada: Everything, root: Http) -> None:
    call_command("suspend_user", str(ada.user.id), "--reason", "x")


@row("Suspend")
def suspend_as_staff(ada: Everything, root: Http) -> None:
    _choose(root, "accounts/user", "suspend", ada.user.id, answered="yes", reason="x")


@row("Deactivate")
def deactivate(ada: Everything, root: Http) -> None:
    _done(call(Http(), "/me/deactivate", ada.pair.access_token, "POST"))


@row("Erase")
def erase(ada: Everything, root: Http) -> None:
    call_command("erase_person", str(ada.user.id), "--yes")


@row("Revoke a personal access token")
def revoke_a_token(ada: Everything, root: Http) -> None:
    _done(call(Http(), f"/personal-access-tokens/{ada.token['id']}", ada.pair.access_token, "DELETE"))


@row("Revoke a personal access token")
def give_a_token_up(ada: Everything, root: Http) -> None:
    _done(post(Http(), "revoke", token=ada.token["token"]))


@row("Revoke a personal access token")
def revoke_a_token_as_staff(ada: Everything, root: Http) -> None:
    _choose(root, "tokens/personalaccesstoken", "revoke", PersonalAccessToken.objects.get(user=ada.user).id)


@row("Remove a trusted publisher")
def remove_a_publisher(ada: Everything, root: Http) -> None:
    _done(call(Http(), f"/trusted-publishers/{ada.publisher.id}", ada.pair.access_token, "DELETE"))


@row("A new calendar address")
def rotate_the_calendar(ada: Everything, root: Http) -> None:
    _done(call(Http(), "/calendar-feed/rotate", ada.pair.access_token, "POST"))


@row("Take the role")
def revoke_the_role(ada: Everything, root: Http) -> None:
    call_command("revoke_staff", str(ada.user.id))


@row("The same with `--everywhere`")
def revoke_the_role_and_sign_out(ada: Everything, root: Http) -> None:
    call_command("revoke_staff", str(ada.user.id), "--everywhere")


@row("Sign out of the admin")
def sign_out_of_the_admin(ada: Everything, root: Http) -> None:
    _done(ada.browser.post("/admin/logout/"))
    assert not Session.objects.filter(user=ada.user, client_id="insighta-admin", revoked_at=None).exists()


@row("A new staff password")
def change_the_password(ada: Everything, root: Http) -> None:
    User.objects.filter(id=ada.user.id).update(username=ada.user.login)
    with mock.patch("getpass.getpass", return_value="another long passphrase of hers"):
        call_command("changepassword", ada.user.login)


def come_back(ada: Everything) -> None:
    """The ways back that a row may have: reinstated by the staff, active by a new sign-in, the application enabled."""
    disable(is_disabled=False)
    if User.objects.get(id=ada.user.id).erased_at is None:
        call_command("reinstate_user", str(ada.user.id))
        authorization.grant_request(returned_request(ada), address=None, now=timezone.now())


def written() -> dict[str, dict[str, str]]:
    """The page's table: by row, the first word or words of each cell by column."""
    page = (ROOT / "docs/security.md").read_text()
    head, _, *lines = page.partition("\n| what is done |")[2].partition("\n\n")[0].splitlines()
    names = [cell.strip() for cell in head.split("|") if cell.strip()]
    found = {}
    for line in lines:
        first, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        title = re.match(r"\*\*(.+?)\*\*", first)
        assert title, line
        found[title[1]] = dict(zip(names, cells, strict=True))
    return found


def expected(cell: str, name: str) -> tuple[bool, bool]:
    """Whether this works right after, and after the way back."""
    if cell == "its own":
        return (name not in {"own device", "job's access token"},) * 2
    return {"ends": (False, False), "cancelled": (False, False), "stays": (True, True), "refused": (False, True)}[cell]


def test_the_table_has_the_rows_and_columns_that_are_tried() -> None:
    assert set(written()) == set(ACTS)
    assert {tuple(cells) for cells in written().values()} == {tuple(COLUMNS)}


@pytest.mark.parametrize(
    ("name", "client_id", "act"), [(name, client_id, act) for name, acts in ACTS.items() for client_id, act in acts]
)
def test_what_ends_and_what_stays_is_as_written(
    name: str, client_id: str, act: Act, ada: Everything, root: Http
) -> None:
    act(ada, root)
    right_after = {what: look(ada) for what, look in LOOKS.items()}
    come_back(ada)
    absent = {"own device"} - set(ada.devices)
    afterwards = {what: look(ada) for what, look in (LOOKS | USES).items() if what not in absent}
    for column, things in COLUMNS.items():
        cell = written()[name][column]
        for thing in set(things) - absent:
            soon, late = expected(cell, thing)
            assert right_after.get(thing, soon) == soon, (column, thing)
            assert afterwards[thing] == late, (column, thing)
