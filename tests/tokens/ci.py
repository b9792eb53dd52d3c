"""CI jobs of the stand-in: its server in this process, publishers in this process's database, and exchanges."""

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock
from urllib.parse import urlencode

import jwt
from django.test import Client as Http

from accounts.models import User
from accounts.services import people
from sandbox.jobs import KID, make_claims
from sandbox.people import github_id
from sandbox.server import GitHubServer
from sandbox.state import State
from tests.processes import free_port
from tests.tokens.in_process import call, now, sign_in
from tokens.models import TrustedPublisher
from tokens.services import issuer_keys
from tokens.services.repository_lookup import FoundRepository

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # a URN, not a password
EXCHANGE = {"grant_type": GRANT, "subject_token_type": ID_TOKEN, "subject_token": "x"}
AUDIENCE = "http://127.0.0.1:8000"
REPOSITORY = "ada/site"
PUBLISHER = {"repository": REPOSITORY, "workflow": "ci.yml", "scopes": ["bookings:read"]}


@contextmanager
def ci_stand_in() -> Iterator[State]:
    """The stand-in as a server of its own, whose state a test may change."""
    state = State.from_environment({}, free_port())
    server = GitHubServer(state)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def known_repositories() -> Iterator[None]:
    """Every repository is there, without anybody asking GitHub."""
    found = FoundRepository(repository_id=1, owner_id=2)
    with mock.patch("tokens.services.publishers.look_up_repository", return_value=found):
        yield


def know_key(state: State) -> None:
    """As after an earlier job: the key of its issuer is at hand, and nobody is asked."""
    keys = issuer_keys._issuers[state.jobs.issuer] = issuer_keys.IssuerKeys(state.jobs.issuer)
    keys._keys, keys._tried_at = {KID: state.jobs.key.public_key()}, time.monotonic()


def make_owner(login: str) -> User:
    """A person as the stand-in names them: the owner of `login/…`."""
    return people.upsert_person(github_id=github_id(login), login=login, display_name=login.title(), now=now())


def add_publisher(person: User, **changes: Any) -> Any:
    """The API's answer to a new publisher."""
    pair = sign_in(person)
    return call(Http(), "/trusted-publishers", pair.access_token, "POST", PUBLISHER | changes)


def publisher_of(person: User, **changes: Any) -> TrustedPublisher:
    made = add_publisher(person, **changes)
    assert made.status_code == 201, made.content
    return TrustedPublisher.objects.get(id=made.json()["id"])


def job_claims(state: State, **said: Any) -> dict[str, Any]:
    """What a job's ID token says, times included; a claim that is None is left out."""
    claims = make_claims(state.jobs, state.repositories, {"repository": REPOSITORY} | said)
    at = int(time.time())
    times = {"iat": at, "nbf": at, "exp": at + 300, "jti": secrets.token_hex(16), "aud": AUDIENCE}
    return {
        name: value for name, value in (times | claims | said).items() if value is not None and name != "workflow_file"
    }


def job_token(state: State, **said: Any) -> str:
    return jwt.encode(job_claims(state, **said), state.jobs.key, algorithm="RS256", headers={"kid": KID})


def exchange(token: str, **fields: str) -> Any:
    body = urlencode(EXCHANGE | {"subject_token": token} | fields)
    return Http().post("/oauth/token", body, content_type="application/x-www-form-urlencoded")


def refusal(answer: Any) -> tuple[str, str]:
    assert answer.status_code == 400, answer.content
    return answer.json()["error"], answer.json()["error_description"]
