"""`/api/v1/trusted-publishers`: who may add, list and remove them, and what is looked up and told."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Http
from django.utils import timezone

from accounts.models import Event, User
from sandbox.people import github_id
from sandbox.state import State
from tests.tokens.ci import PUBLISHER, add_publisher, ci_stand_in, make_owner, publisher_of
from tests.tokens.in_process import EVERY_SCOPE, call, send_security_mails, sign_in
from tokens.models import Session, TrustedPublisher
from tokens.services import repository_lookup
from tokens.services.erasure import erase_access, export_access
from tokens.services.outgoing import Answer, Unreachable

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/trusted-publishers"


@pytest.fixture(scope="module")
def stand_in() -> Iterator[State]:
    with ci_stand_in() as state:
        yield state


@pytest.fixture(autouse=True)
def github(stand_in: State, settings: Any) -> Iterator[State]:
    settings.CI_ISSUERS = [stand_in.jobs.issuer, "https://ci.example"]
    settings.GITHUB_API_URL = f"{stand_in.jobs.issuer}/"
    yield stand_in
    stand_in.repositories._described.clear()


@pytest.fixture
def ada() -> User:
    return make_owner("ada")


def test_one_is_added_listed_and_removed(client: Http, ada: User, github: State) -> None:
    token = sign_in(ada).access_token
    made = call(client, PATH, token, "POST", PUBLISHER | {"environment": "production", "ref": "refs/heads/main"})
    assert made.status_code == 201, made.content
    shown = made.json()
    assert shown == {
        "id": shown["id"],
        "issuer": github.jobs.issuer,
        "repository": "ada/site",
        "repository_id": github.repositories.get_repository("ada/site")["id"],
        "repository_owner_id": github_id("ada"),
        "workflow": "ci.yml",
        "environment": "production",
        "ref": "refs/heads/main",
        "scopes": ["bookings:read"],
        "last_used_at": None,
        "last_address": None,
        "created_at": shown["created_at"],
        "warnings": [],
    }
    assert call(client, PATH, token).json() == {"results": [shown], "next": None, "previous": None}
    assert call(client, f"{PATH}/{shown['id']}", token, "DELETE").status_code == 204
    assert call(client, f"{PATH}/{shown['id']}", token, "DELETE").status_code == 404
    assert call(client, PATH, token).json()["results"] == []
    kinds = Event.objects.filter(kind__startswith="publisher.").order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["publisher.added", "publisher.removed"]


def test_what_should_be_known_is_said(client: Http, ada: User) -> None:
    (open_to_branches,) = add_publisher(ada).json()["warnings"]
    assert open_to_branches.startswith("Any branch may run it")
    shown = add_publisher(ada, repository="octo-org/tool", ref="refs/heads/main").json()
    assert shown["warnings"] == [
        f"The repository is not your own: its jobs name this publisher, INSIGHTA_PUBLISHER={shown['id']}."
    ]


def test_a_private_repository_waits_for_its_first_job(ada: User, github: State) -> None:
    github.repositories.describe("ada/site", {"private": True})
    shown = add_publisher(ada, ref="refs/heads/main").json()
    assert (shown["repository_id"], shown["repository_owner_id"]) == (None, github_id("ada"))
    assert shown["warnings"] == [
        "The repository cannot be seen from here. The first job pins its id, and you get a mail."
    ]


def test_an_owner_that_is_not_there_is_refused(ada: User, github: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository_lookup, "send_request", lambda **_: Answer(404, b"{}"))
    answer = add_publisher(ada)
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_error")
    assert "knows nobody called ada" in answer.json()["detail"]


@pytest.mark.parametrize(
    "given",
    [
        Answer(500, b""), Answer(200, b"<html>"), Answer(200, b"{}"), Answer(200, b"[]"), Answer(200, b'{"id": true}'),
        Answer(200, b'{"id": 1}'), Answer(200, b'{"id": -1, "owner": {"id": 1}}'), Answer(403, b"{}"), None,
        Answer(200, b"x" * 300_000),
    ],
)  # fmt: skip
def test_where_github_does_not_answer_nothing_is_added(
    ada: User, monkeypatch: pytest.MonkeyPatch, given: Answer | None
) -> None:
    def send(**_: Any) -> Answer:
        if given is None:
            raise Unreachable("TimeoutError")
        return given

    monkeypatch.setattr(repository_lookup, "send_request", send)
    answer = add_publisher(ada)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert not TrustedPublisher.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        *(
            ({"repository": value}, "repository")
            for value in ("ada", "ada/", "/x", "a/b/c", "a b/c", "ada/../x?y", "é/x")
        ),
        *(
            ({"workflow": value}, "workflow")
            for value in ("ci", "../ci.yml", ".github/workflows/ci.yml", "ci.yml@x", "")
        ),
        *(({"ref": value}, "ref") for value in ("main", "refs/heads/", "refs/pull/1/merge", "refs/heads/a b")),
        ({"environment": "a\nb"}, "environment"),
        ({"environment": "x" * 256}, "environment"),
        ({"issuer": "https://evil.example"}, "issuer"),
        ({"issuer": "https://ci.example/"}, "issuer"),
        ({"scopes": ["account:write"]}, "scopes"),
        ({"scopes": []}, "scopes"),
    ],
)
def test_what_is_malformed_is_named(ada: User, changes: dict[str, Any], field: str) -> None:
    answer = add_publisher(ada, **changes)
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {field}


def test_the_same_one_is_added_once_and_a_hundred_at_most(ada: User) -> None:
    publisher_of(ada)
    assert "already" in add_publisher(ada, repository="Ada/Site").json()["detail"]
    columns = {"user": ada, "issuer": "x", "repository_owner_id": 1, "workflow": "ci.yml", "scope": "bookings:read"}
    TrustedPublisher.objects.bulk_create(
        TrustedPublisher(repository=f"ada/{number}", **columns) for number in range(99)
    )
    assert "100 trusted publishers" in add_publisher(ada, repository="ada/last").json()["detail"]


def test_adding_needs_a_recent_sign_in_and_github_is_not_asked_before(
    client: Http, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository_lookup, "send_request", lambda **_: pytest.fail("asked"))
    pair = sign_in(ada)
    Session.objects.update(auth_time=timezone.now() - timedelta(seconds=901))
    answer = call(client, PATH, pair.access_token, "POST", PUBLISHER)
    assert (answer.status_code, answer.json()["code"], answer.json()["max_age"]) == (403, "step_up_required", 900)
    assert 'error="insufficient_user_authentication"' in answer.headers["WWW-Authenticate"]


def test_a_personal_access_token_adds_none(client: Http, ada: User) -> None:
    body = {"name": "x", "scopes": EVERY_SCOPE.split()}
    token = call(client, "/personal-access-tokens", sign_in(ada).access_token, "POST", body).json()["token"]
    assert call(client, PATH, token, "POST", PUBLISHER).status_code == 403


def test_a_sign_in_gives_no_more_than_it_has(client: Http, ada: User) -> None:
    token = sign_in(ada, scope="account:write").access_token
    assert call(client, PATH, token, "POST", PUBLISHER).status_code == 403
    assert not TrustedPublisher.objects.exists()


def test_anothers_is_not_there(client: Http, ada: User) -> None:
    publisher, mallory = publisher_of(ada), make_owner("mallory")
    token = sign_in(mallory).access_token
    assert call(client, PATH, token).json()["results"] == []
    assert call(client, f"{PATH}/{publisher.id}", token, "DELETE").status_code == 404
    assert TrustedPublisher.objects.filter(id=publisher.id).exists()


def test_its_owner_is_told(ada: User, mailoutbox: list[Any]) -> None:
    User.objects.filter(id=ada.id).update(email="ada@users.example.test", email_notifications=False)
    publisher_of(ada, environment="production")
    send_security_mails()
    (mail,) = [one for one in mailoutbox if "publisher" in one.subject]
    assert mail.subject == "New trusted publisher: ada/site"
    for words in ("Workflow: ci.yml", "Environment: production", "See sessions, your bookings and your credits"):
        assert words in mail.body
    assert "/tokens\n" in mail.body


def test_an_export_names_them_and_an_erased_persons_are_gone(ada: User) -> None:
    publisher = publisher_of(ada)
    (exported,) = export_access(user_id=ada.id)["trusted_publishers"]
    assert exported["id"] == publisher.id
    erase_access(user_id=ada.id)
    assert not TrustedPublisher.objects.exists()
