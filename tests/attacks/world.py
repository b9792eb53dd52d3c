"""Everybody in front of one small world, in process: what the rows of the matrix are asked about."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.test import Client as Http
from django.test import override_settings
from django.urls import resolve
from django.utils import timezone

from accounts.errors import AccountsError
from accounts.models import User
from bookings.models import Subscription
from bookings.services import availability, booking, calendar_feed, mail_choices, offerings, waiting
from tests.attacks.matrix import APPLICATIONS, Row
from tests.bookings.people import make_person, make_slot, shift_start
from tests.tokens.applications import EVERYTHING, register
from tests.tokens.in_process import CLI, EVERY_SCOPE, client_called, now, sign_in
from tokens.errors import NotStaff
from tokens.models import TrustedPublisher
from tokens.services import consents, devices, ending_access, personal_tokens, sessions
from tokens.throttles import limiter

LABEL, TOKEN_NAME, EMAIL = "Adas own laptop", "Adas own token", "ada.lovelace@example.org"
OTHERS = {"other": "mallory", "host": "grace", "other_host": "linus", "pending": "pat", "suspended": "sue"}


@dataclass
class World:
    """The people by column, and the objects by the name in a row's path."""

    ada: User
    people: dict[str, User]
    objects: dict[str, str]
    tokens: dict[str, str] = field(default_factory=dict)
    http: Http = field(default_factory=lambda: Http(raise_request_exception=False))

    def fill(self, text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda match: self.objects[match[1]], text)

    def shows_ada(self, answer: bytes) -> bool:
        """Whether an answer holds something that only Ada, and for some of it the host she booked, may see."""
        kept = ("wiki", "publisher", "booking", "missed", "session", "token", "feed", "subscription", "ada")
        canaries = [EMAIL, LABEL, TOKEN_NAME, *(self.objects[name] for name in kept)]
        return any(canary.encode() in answer for canary in canaries)


def build() -> World:
    """Everybody and everything, through the product's own services."""
    hosts = {"host", "other_host"}
    people = {column: make_person(login, is_host=column in hosts) for column, login in OTHERS.items()}
    ada, filler = make_person("ada"), make_person("filler")
    people["staff"] = make_person("sam")
    User.objects.filter(id=ada.id).update(email=EMAIL, display_name="Ada Lovelace")
    # Two, because nothing takes the last administrator's account.
    User.objects.filter(id__in=[people["staff"].id, filler.id]).update(is_staff=True, is_superuser=True)
    world = World(ada, people | {"owner": ada}, _objects(ada, people["host"], filler))
    # While they sign in they are still welcome: what is asked is whether every call looks again.
    # The cells are asked over minutes, whatever stands between them in a random order.
    with override_settings(ACCESS_TOKEN_SECONDS=86_400):
        world.tokens = _tokens(world)
    for column in ("pending", "suspended"):
        User.objects.filter(id=people[column].id).update(standing=column)
    return world


def _objects(ada: User, grace: User, filler: User) -> dict[str, str]:
    slot, free, full, past = (make_slot(grace, hours=hours, capacity=1 + (hours != 78)) for hours in (72, 75, 78, 81))
    booked, missed = (booking.book_slot(client_id=ada.id, slot_id=one.id) for one in (slot, past))
    shift_start(past, hours=-0.5)
    booking.book_slot(client_id=filler.id, slot_id=full.id)
    waiting.join_waitlist(client_id=ada.id, slot_id=full.id)
    rule = availability.add_rule(
        host_id=grace.id, values={"kind": "day_off", "date": now().date() + timedelta(days=9)}
    ).rule
    offering = offerings.add_offering(host_id=grace.id, values={"title": "Offered", "minutes": 60, "capacity": 1})
    token, _ = personal_tokens.add_token(
        user_id=ada.id, name=TOKEN_NAME, scopes=frozenset(), expires_at=None, now=timezone.now()
    )
    code = devices.authorize_device(client=client_called(CLI), scope="", label="", address=None, now=now()).user_code
    found: dict[str, object] = {
        "slot": slot.id,
        "free": free.id,
        "full": full.id,
        "past": past.id,
        "rule": rule.id,
        "offering": offering["id"],
        "login": grace.login,
        "token": token.id,
    }
    found |= {"booking": booked["id"], "missed": missed["id"], "code": code, "ada": ada.id}
    found["wiki"] = register("wiki-of-the-matrix").application.client_id
    columns = {"issuer": "https://ci.example", "repository": "ada/site", "repository_owner_id": 1, "workflow": "ci.yml"}
    found["publisher"] = TrustedPublisher.objects.create(user=ada, scope="bookings:read", **columns).id
    consents.note_consent(user_id=ada.id, client_id=str(found["wiki"]), scope="openid", now=now())
    found["feed"] = calendar_feed.get_feed_secret(user_id=ada.id)
    found["kind"], found["stop"] = mail_choices.stop_address(kind="bookings", user_id=ada.id).split("/")[-2:]
    sign_in(ada, label=LABEL)
    found["subscription"] = Subscription.objects.get(user=ada).id
    found["session"] = sessions.list_sessions(user_id=ada.id, now=now())[0].id
    return {name: str(value) for name, value in found.items()}


def _tokens(world: World) -> dict[str, str]:
    tokens = {column: sign_in(person, label=column).access_token for column, person in world.people.items()}
    tokens["expired"] = sign_in(world.ada, at=now() - timedelta(days=2)).access_token
    tokens["revoked"] = sign_in(world.ada, label="revoked").access_token
    newest = sessions.list_sessions(user_id=world.ada.id, now=now())
    revoked = next(one for one in newest if one.label == "revoked")
    ending_access.end_own_session(user_id=world.ada.id, session_id=revoked.id, now=now())
    for column, scope in zip(APPLICATIONS, ("openid account:read", " ".join(EVERYTHING)), strict=True):
        tokens[column] = sign_in(world.ada, client_id=world.objects["wiki"], scope=scope).access_token
    for scope in EVERY_SCOPE.split():
        others = " ".join(one for one in EVERY_SCOPE.split() if one != scope)
        tokens[f"without {scope}"] = sign_in(world.ada, scope=others).access_token
    return tokens


def ask(world: World, row: Row, column: str) -> str:
    """The cell as it is: the status, with a `+` where the answer shows something of Ada's. Nothing of it stays."""
    status, body = read_body(world, row, column)
    return f"{status}{'+' if world.shows_ada(body) else ''}"


def read_body(world: World, row: Row, column: str) -> tuple[int, bytes]:
    """Status and body of one operation for one kind of person, in a transaction of which nothing stays."""
    address, http = world.fill(row.path), world.http
    headers = {"Authorization": f"Bearer {token}"} if (token := _token(world, row, column, address)) else {}
    limiter.cache_clear()
    http.cookies.clear()
    with rolled_back():
        if address.startswith("/admin") and column in world.people:
            # Who is not of the staff, waits for approval or is suspended is refused here already.
            with contextlib.suppress(AccountsError, NotStaff):
                http.force_login(world.people[column], backend="accounts.authentication.StaffBackend")
        content = _content(row, world.fill(row.body))
        response: Any = http.generic(row.method, address, headers=headers, **content)
    return response.status_code, b"".join(response.streaming_content) if response.streaming else response.content


def _content(row: Row, body: str) -> dict[str, Any]:
    if row.path.startswith("/oauth/"):
        return {"content_type": "application/x-www-form-urlencoded"}
    return {"data": body, "content_type": "application/json"} if body else {}


def _token(world: World, row: Row, column: str, address: str) -> str:
    if column != "no_scope":
        return world.tokens.get(column, "")
    scopes = getattr(getattr(resolve(address.partition("?")[0]).func, "view_class", None), "required_scopes", {})
    return world.tokens.get(f"without {scopes.get(row.method)}", world.tokens["owner"])


@contextlib.contextmanager
def rolled_back() -> Iterator[None]:
    """A transaction that leaves nothing behind, in which the services' own durable ones may run."""
    atomic = transaction.atomic()
    # What TestCase does: a durable transaction inside this one is not a mistake.
    atomic._from_testcase = True  # type: ignore[attr-defined]  # private to Django's own TestCase
    with atomic:
        yield
        transaction.set_rollback(True)
