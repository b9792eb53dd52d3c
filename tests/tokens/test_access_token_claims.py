"""Access tokens with a good signature and wrong claims: made with a key of ours, and refused all the same."""

import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import jwt
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from accounts.services import people
from tests.tokens.rows import claims
from tokens.services import signing_keys
from tokens.services.clients import registry
from tokens.services.sessions import TokenPair, open_session

pytestmark = pytest.mark.django_db
Sign = Callable[..., str]


@pytest.fixture
def ada() -> User:
    return people.upsert_person(github_id=1815, login="ada", now=timezone.now())


@pytest.fixture
def tokens(ada: User) -> TokenPair:
    scope = "account:read account:write"
    return open_session(
        person=ada, client=registry()["insighta-cli"], scope=scope, label="laptop", auth_time=None, now=timezone.now()
    )


@pytest.fixture
def sign(tokens: TokenPair) -> Sign:
    """A token signed with the backend's own key: the good one's claims and header with these changes (None removes)."""
    key = signing_keys.active_key(now=timezone.now())

    def changed(header: dict[str, Any] | None = None, **changes: Any) -> str:
        said = {name: value for name, value in (claims(tokens.access_token) | changes).items() if value is not None}
        headers = {"typ": "at+jwt", "kid": key.kid} | (header or {})
        return jwt.encode(said, key.private_key, "ES256", headers=headers)

    return changed


def status(client: Client, token: str) -> int:
    return client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code


def test_the_same_claims_signed_again_are_good(client: Client, sign: Sign) -> None:
    assert status(client, sign()) == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "https://evil.example"},
        {"aud": ["https://evil.example"]},
        {"exp": int(time.time()) - 1},
        {"exp": "soon"},
        {"nbf": int(time.time()) + 3600},
        {"sid": str(uuid4())},
        {"sid": "no uuid"},
        {"sub": "no uuid"},
        *({name: None} for name in ("iss", "aud", "exp", "iat", "jti", "sub", "client_id", "scope", "sid", "gen")),
    ],
)
def test_a_wrong_or_missing_claim_is_refused(client: Client, sign: Sign, changes: dict[str, Any]) -> None:
    assert status(client, sign(**changes)) == 401


@pytest.mark.parametrize("typ", ["JWT", "at+JWT2", "", None, "id+jwt"])
def test_another_kind_of_token_is_refused(client: Client, sign: Sign, typ: str | None) -> None:
    assert status(client, sign({"typ": typ})) == 401


@pytest.mark.parametrize("kid", ["unknown", "", None, 7, ["a"]])
def test_a_token_of_an_unpublished_key_is_refused(client: Client, sign: Sign, kid: object) -> None:
    header, payload, signature = sign().split(".")
    assert status(client, f"{header}.{payload}.{signature}") == 200
    assert status(client, with_kid(header, kid) + f".{payload}.{signature}") == 401


def with_kid(header: str, kid: object) -> str:
    decoded = jwt.utils.base64url_decode(header.encode())
    changed = json.loads(decoded) | {"kid": kid}
    return jwt.utils.base64url_encode(json.dumps(changed).encode()).decode()


def test_a_call_costs_one_query_that_also_loads_the_person(client: Client, tokens: TokenPair) -> None:
    assert status(client, tokens.access_token) == 200
    with CaptureQueriesContext(connection) as queries:
        assert status(client, tokens.access_token) == 200
    (query,) = [entry["sql"] for entry in queries.captured_queries]
    assert query.startswith("SELECT")
    assert "tokens_session" in query
    assert "accounts_user" in query


def test_a_forged_token_costs_no_query_about_sessions(client: Client, sign: Sign) -> None:
    token = sign()
    with CaptureQueriesContext(connection) as queries:
        assert status(client, token[:-6] + "AAAAAA") == 401
    assert not [entry for entry in queries.captured_queries if "tokens_session" in entry["sql"]]
