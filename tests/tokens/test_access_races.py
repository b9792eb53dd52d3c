"""Every way of giving access beside every way of ending it, at one moment, over connections of their own.

Whatever order the locks are taken in: nothing that was given before the end can be used after it, nothing is given
after it, and nothing of another person ends.
"""

import ast
import itertools
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import Client as Http
from django.urls import reverse
from django.utils import timezone

from accounts.authentication import flow_cookie_name
from accounts.errors import AccountsError
from accounts.models import Event, User
from accounts.services import erasure, flows, people, roles
from sandbox.state import State
from tests.processes import ROOT
from tests.tokens.applications import EVERYTHING, register
from tests.tokens.applications import WIKI as WIKI_REDIRECT
from tests.tokens.ci import exchange, job_token, know_key, known_repositories
from tests.tokens.in_process import CLI, EVERY_SCOPE, call, client_called, make_person, post, sign_in
from tokens.errors import TokensError
from tokens.models import Session, TrustedPublisher
from tokens.policies.pkce import challenge_of
from tokens.services import authorization, ending_access, personal_tokens, staff
from tokens.services.applications import set_disabled
from tokens.services.consents import note_consent, withdraw_application
from tokens.services.sessions import TokenPair

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
ROUNDS = 6
WIKI = "wiki"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
PASSWORD = "a long password of the staff"
JSON = {"application/json", "application/problem+json"}
VERIFIER = "v" * 43
REDIRECTS = {CLI: "http://127.0.0.1:9876/callback", WIKI: WIKI_REDIRECT}
SCOPES = {CLI: EVERY_SCOPE, WIKI: " ".join(EVERYTHING)}
CI = State.from_environment({}, 8002)
"""A CI issuer that is believed; nobody listens there."""
logins = itertools.count()


@dataclass
class Person:
    """Somebody signed in, and the answers that a race gave them."""

    user: User
    pair: TokenPair
    client_id: str = CLI
    answers: list[Any] = field(default_factory=list)
    browser: Http = field(default_factory=Http)
    """Where a member of the staff signs in to the admin."""

    @classmethod
    def signed_in(cls, client_id: str = CLI) -> "Person":
        user = make_person(f"ada-{next(logins)}")
        if client_id == WIKI:
            note_consent(user_id=user.id, client_id=WIKI, scope=SCOPES[WIKI], now=timezone.now())
        return cls(user, sign_in(user, client_id=client_id, scope=SCOPES[client_id]), client_id)

    def ask(self, path: str, body: object = None) -> None:
        self.answers.append(call(Http(), path, self.pair.access_token, "POST", body))

    def post(self, path: str, **fields: str) -> None:
        """A form of the client's."""
        self.answers.append(post(Http(), path, client_id=self.client_id, **fields))


Act = Callable[[], None]
GIVES: dict[str, Callable[[Person], Act]] = {}
"""By the service functions that it passes: prepares everything but the last step, which it returns."""


def gives(*functions: str) -> Callable[[Callable[[Person], Act]], Callable[[Person], Act]]:
    def register(prepare: Callable[[Person], Act]) -> Callable[[Person], Act]:
        GIVES.update(dict.fromkeys(functions, prepare))
        return prepare

    return register


@gives("devices.decide_request")
def approve_a_device(person: Person) -> Act:
    device = post(Http(), "device_authorization").json()

    def act() -> None:
        person.ask(f"/device-requests/{device['user_code']}/approve")
        person.post("token", grant_type=DEVICE_GRANT, device_code=device["device_code"])

    return act


@gives("devices._redeem")
def redeem_a_device(person: Person) -> Act:
    device = post(Http(), "device_authorization").json()
    person.ask(f"/device-requests/{device['user_code']}/approve")
    return lambda: person.post("token", grant_type=DEVICE_GRANT, device_code=device["device_code"])


def answered_flow(person: Person, request: dict[str, object]) -> tuple[UUID, str]:
    """A sign-in that GitHub has answered just now: its flow and the secret of its browser's cookie."""
    state = f"state-{next(logins)}"
    flow, cookie = flows.begin_flow(
        state=state, upstream={}, request=request, resume_path="/", restart_path="/", now=timezone.now()
    )
    flows.claim_flow(state=state, cookie=cookie, now=timezone.now())
    flows.finish_flow(flow_id=flow.id, user_id=person.user.id)
    return flow.id, cookie


def returned_request(person: Person) -> authorization.ReturnedRequest:
    """A client's sign-in that waits for the person's word."""
    asked = authorization.AuthorizationRequest(
        client_id=person.client_id,
        redirect_uri=REDIRECTS[person.client_id],
        state="",
        response_type="code",
        scope=SCOPES[person.client_id],
        code_challenge=challenge_of(VERIFIER),
        label="race",
    )
    flow_id, cookie = answered_flow(person, authorization.describe_request(asked))
    return authorization.get_returned_request(flow_id=flow_id, cookie=cookie, now=timezone.now())


def redeem(person: Person, code: str) -> None:
    form = {"code": code, "redirect_uri": REDIRECTS[person.client_id], "code_verifier": VERIFIER}
    person.post("token", grant_type="authorization_code", **form)


@gives("authorization._grant")
def finish_a_sign_in(person: Person) -> Act:
    returned = returned_request(person)

    def act() -> None:
        try:
            # The application's consent is remembered: no page asks.
            given = authorization.grant_request(
                returned, is_confirmed=person.client_id != WIKI, address=None, now=timezone.now()
            )
        except (AccountsError, TokensError):
            return
        redeem(person, given["code"])

    return act


@gives("codes._open")
def redeem_a_code(person: Person) -> Act:
    code = authorization.grant_request(returned_request(person), address=None, now=timezone.now())["code"]
    return lambda: redeem(person, code)


@gives("personal_tokens.create_token")
def create_a_token(person: Person) -> Act:
    return lambda: person.ask("/personal-access-tokens", {"name": "race", "scopes": ["account:read"]})


@dataclass
class Printed:
    """A token that a command has printed, as an answer that gives it."""

    token: str
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})

    def json(self) -> dict[str, str]:
        return {"token": self.token}


@gives("personal_tokens.create_token_for")
def create_a_token_by_command(person: Person) -> Act:
    def act() -> None:
        try:
            secret = personal_tokens.create_token_for(
                login_or_id=str(person.user.id),
                name="race",
                scopes=frozenset(["account:read"]),
                expires_at=None,
                now=timezone.now(),
            )
        except (AccountsError, TokensError):
            return
        person.answers.append(Printed(secret))

    return act


@gives("publishers._insert", "publishers._check_may_add")
def add_a_publisher(person: Person) -> Act:
    said = {"repository": f"race/{next(logins)}", "workflow": "ci.yml", "scopes": ["account:read"]}

    def act() -> None:
        with known_repositories():
            person.ask("/trusted-publishers", said)

    return act


@gives("publishers._open")
def exchange_a_job_token(person: Person) -> Act:
    add_a_publisher(person)()
    TrustedPublisher.objects.filter(user=person.user).update(repository_id=1, repository_owner_id=person.user.github_id)
    know_key(CI)
    token = job_token(CI, repository_id="1", repository_owner_id=str(person.user.github_id))
    return lambda: person.answers.append(exchange(token))


@gives("calendar_feed.rotate_feed")
def make_a_calendar_address(person: Person) -> Act:
    return lambda: person.ask("/calendar-feed/rotate")


@gives("staff._admit", "staff_sessions.open_staff_session")
def finish_a_staff_sign_in(person: Person) -> Act:
    roles.grant_staff(user_id=person.user.id)
    flow_id, cookie = answered_flow(person, staff.describe_request(path="/admin/"))
    person.browser.cookies[flow_cookie_name(flow_id)] = cookie
    address = f"{reverse('tokens:staff_return')}?flow={flow_id}"
    return lambda: person.answers.append(person.browser.get(address))


@gives("a staff password")
def sign_in_with_a_staff_password(person: Person) -> Act:
    roles.grant_staff(user_id=person.user.id)
    name = f"staff-{next(logins)}"
    User.objects.filter(id=person.user.id).update(username=name, password=make_password(PASSWORD))
    form = {"username": name, "password": PASSWORD, "next": "/admin/"}
    return lambda: person.answers.append(person.browser.post("/admin/login/", form))


@gives("rotation.rotate_session")
def refresh(person: Person) -> Act:
    return lambda: person.post("token", grant_type="refresh_token", refresh_token=person.pair.refresh_token)


def sign_out_everywhere(person: Person) -> None:
    ending_access.sign_out_everywhere(user_id=person.user.id, actor_id=None, now=timezone.now())


def revoke(person: Person) -> None:
    post(Http(), "revoke", client_id=person.client_id, token=person.pair.refresh_token)


def withdraw(person: Person) -> None:
    withdraw_application(user_id=person.user.id, client_id=WIKI, now=timezone.now())


def suspend(person: Person) -> None:
    people.suspend_person(user_id=person.user.id, reason="x", actor_id=None, now=timezone.now())


def deactivate(person: Person) -> None:
    people.deactivate_person(user_id=person.user.id, now=timezone.now())


def erase(person: Person) -> None:
    erasure.erase_person(login_or_id=str(person.user.id), now=timezone.now())


OTHER_SIGN_INS = [finish_a_sign_in, redeem_a_code, finish_a_staff_sign_in, sign_in_with_a_staff_password]
LASTING = {"personal access token", "trusted publisher", "calendar address"}
ENDS = [sign_out_everywhere, revoke, suspend, deactivate, erase]
OF_APPLICATIONS = [finish_a_sign_in, redeem_a_code, refresh]
PAIRS = [
    *itertools.product([CLI], dict.fromkeys(GIVES.values()), ENDS),
    *itertools.product([WIKI], OF_APPLICATIONS, [*ENDS, withdraw]),
]


def at_once(*acts: Act) -> None:
    """Run all in threads that begin together. Raises what any of them raised."""
    barrier, failures = threading.Barrier(len(acts)), []

    def run(act: Act) -> None:
        barrier.wait()
        try:
            act()
        except BaseException as error:  # noqa: BLE001  # told to the test below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def usable(person: Person) -> Iterator[str]:
    """What the answers of the race still open. A reinstated, returned person would find it open, too."""
    User.objects.filter(id=person.user.id).update(is_active=True, standing="approved")
    for answer in person.answers:
        body = answer.json() if answer.headers.get("Content-Type") in JSON else {}
        access, refresh_token, token = (body.get(name) for name in ("access_token", "refresh_token", "token"))
        if "url" in body and Http().get(body["url"]).status_code == 200:
            yield "calendar address"
        if access and call(Http(), "/me", access).status_code != 401:
            yield "access token"
        if (
            refresh_token
            and post(
                Http(), "token", client_id=person.client_id, grant_type="refresh_token", refresh_token=refresh_token
            ).status_code
            == 200
        ):
            yield "refresh token"
        if token and call(Http(), "/me", token).status_code == 200:
            yield "personal access token"

        if "workflow" in body and TrustedPublisher.objects.filter(id=body["id"]).exists():
            yield "trusted publisher"

    if person.browser.get("/admin/").status_code == 200:
        yield "staff session"


def was_verified_after_the_end(person: Person) -> bool:
    """A password that was typed after all access had ended is a new sign-in."""
    ended_at = User.objects.get(id=person.user.id).access_ended_at
    session = Session.objects.get(user=person.user, client_id="insighta-admin", revoked_at=None)
    return ended_at is not None and session.auth_time is not None and session.auth_time > ended_at


def was_opened_before_the_end(person: Person) -> bool:
    """A device that came before the sign-in which approved it was revoked is a sign-in of its own."""
    ended = Event.objects.get(user_id=person.user.id, kind="session.ended")
    return Session.objects.filter(user=person.user).latest("id").created_at <= ended.created_at


def was_created_before_the_end(person: Person) -> bool:
    """By the database's clock, under the lock that both take."""
    events = Event.objects.filter(user_id=person.user.id)
    ended = events.filter(kind__in=["session.all_ended", "session.ended"]).latest("id")
    created = events.filter(kind__in=["token.created", "publisher.added", "calendar_feed.rotated"])
    return all(event.created_at <= ended.created_at for event in created)


@pytest.fixture(autouse=True)
def _wiki() -> None:
    """An application without a secret."""
    register(WIKI, is_public=True)


@pytest.fixture(autouse=True)
def _another_administrator() -> None:
    """The last one can neither be suspended nor erased."""
    roles.grant_staff(user_id=make_person("administrator").id)


@pytest.mark.parametrize(("client_id", "give", "end"), PAIRS)
def test_nothing_that_was_given_outlives_the_end(
    client_id: str, give: Callable[[Person], Act], end: Callable[[Person], None]
) -> None:
    other = Person.signed_in(client_id)
    for _ in range(ROUNDS):
        person = Person.signed_in(client_id)
        at_once(give(person), lambda person=person: end(person))  # type: ignore[misc]  # bound to this round
        left = set(usable(person))
        if end in {sign_out_everywhere, revoke} and give is create_a_token_by_command:
            # The staff decide on it: it hangs on no sign-in.
            continue
        if end in {sign_out_everywhere, revoke} and left and left <= LASTING:
            # These are no sign-ins: what was made before stays, and nothing is made after.
            assert was_created_before_the_end(person)
            continue
        if left == {"staff session"} and end is sign_out_everywhere and give is sign_in_with_a_staff_password:
            assert was_verified_after_the_end(person)
            continue
        if end is revoke and give in {approve_a_device, redeem_a_device} and left:
            assert was_opened_before_the_end(person)
            continue
        if end in {sign_out_everywhere, revoke} and give is exchange_a_job_token:
            # The publisher stays: a job that comes after is a sign-in of its own.
            continue
        if end is revoke and give in OTHER_SIGN_INS:
            # Sign-ins of their own, which live on: `revoke` ends the one that it names and what that one approved.
            continue
        assert left == set()
    assert call(Http(), "/me", other.pair.access_token).status_code == 200
    assert Session.objects.get(user=other.user).revoked_at is None


@pytest.mark.parametrize("give", OF_APPLICATIONS)
def test_nothing_that_was_given_is_of_use_to_an_application_that_is_disabled(give: Callable[[Person], Act]) -> None:
    for _ in range(ROUNDS):
        person = Person.signed_in(WIKI)
        act = give(person)
        at_once(act, lambda: disable(is_disabled=True))
        assert set(usable(person)) == set()
        disable(is_disabled=False)


def disable(*, is_disabled: bool) -> None:
    set_disabled(client_id=WIKI, is_disabled=is_disabled, now=timezone.now())


def test_a_sign_in_that_github_answered_before_the_end_is_refused_and_a_later_one_is_new() -> None:
    person = Person.signed_in()
    before = returned_request(person)
    deactivate(person)
    with pytest.raises(AccountsError):
        authorization.grant_request(before, address=None, now=timezone.now())
    assert not User.objects.get(id=person.user.id).is_active
    after = returned_request(person)
    redeem(person, authorization.grant_request(after, address=None, now=timezone.now())["code"])
    assert person.answers[-1].status_code == 200
    assert User.objects.get(id=person.user.id).is_active


APPS = ("accounts", "bookings", "config", "tokens")
LOCKS = {
    "admit_person",
    "lock_allowed_person",
    "lock_verified_person",
    "lock_sign_in",
    "lock_recent_sign_in",
}
"""What is called before access is given."""
WRITERS = {
    "add_token",
    "decide",
    "issue_code",
    "issue_tokens",
    "mint_access_token",
    "open_session",
    "raise_version",
    "rotate",
}
"""What writes or makes that which gives access, besides every `insert_*` of the repositories of `tokens`."""
INSERTS_NO_ACCESS = {"insert_application", "insert_grant", "insert_key"}
HELPERS = {
    "authorization._hand_off": "of _grant",
    "rotation._rotate": "of rotate_session",
    "calendar_feed.end_address": "ends what was given",
    "demo._admit": "before anybody can sign in",
    "codes._answer_retry": "the tokens of a session that is live, again",
    "rotation._answer_retry": "the tokens of a session that is live, again",
    "sessions.find_first_tokens": "the tokens of a session that is live, again",
}
"""Functions that need no row, with the reason."""


def test_every_way_in_is_in_the_table() -> None:
    """A function that writes what gives access, or takes the lock under which access is given."""
    found = functions_that_call(LOCKS | WRITERS | (inserts() - INSERTS_NO_ACCESS))
    assert set(HELPERS) <= found
    assert not found - {*GIVES, *HELPERS}, "a way in without a row in GIVES"


def inserts() -> set[str]:
    sources = [path.read_text() for path in (ROOT / "tokens" / "repositories").glob("*.py")]
    found = {name for source in sources for name in re.findall(r"^def (insert_\w+)", source, re.MULTILINE)}
    assert found > INSERTS_NO_ACCESS
    return found


def functions_that_call(names: set[str]) -> set[str]:
    """As `module.function`. Who calls one that is itself in `names` is found instead of it."""
    found = set()
    for path in itertools.chain.from_iterable((ROOT / app).rglob("*.py") for app in APPS):
        if path.parent.name in {"repositories", "migrations"} or path.stem == "giving_access":
            continue
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef) and function.name not in names:
                called = {getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(function)}
                if called & names:
                    found.add(f"{path.stem}.{function.name}")
    return found


def test_the_table_names_clients_that_exist() -> None:
    assert client_called("insighta-cli").allows_redirect_to(REDIRECTS[CLI])
