"""Back-channel logout between processes: backend, worker and an application that verifies as a library does."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.accounts.github import fresh
from tests.people import HTTP, Browser
from tests.processes import Live, Process, wait_until
from tests.tokens.applications import Application, register_live
from tests.tokens.receiver import Receiver, receiving

pytestmark = pytest.mark.slow
EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def verify(live: Live, token: str, *, client_id: str, algorithm: str) -> dict[str, Any]:
    """Back-Channel Logout 1.0 §2.6, with the keys that discovery names."""
    discovery = HTTP.get(f"{live.backend_url}/.well-known/openid-configuration").json()
    assert discovery["backchannel_logout_supported"] is True
    assert discovery["backchannel_logout_session_supported"] is True
    keys = KeySet.import_key_set(HTTP.get(discovery["jwks_uri"]).json())
    decoded = jwt.decode(token, keys, algorithms=[algorithm])
    exact = {"iss": {"essential": True, "value": discovery["issuer"]}, "aud": {"essential": True, "value": client_id}}
    needed = {name: {"essential": True} for name in ("iat", "exp", "jti", "sub", "sid", "events")}
    jwt.JWTClaimsRegistry(now=int(time.time()), leeway=5, **exact, **needed).validate(decoded.claims)  # type: ignore[arg-type]  # its options are typed as one kind
    assert decoded.header["typ"] == "logout+jwt"
    assert decoded.claims["events"] == {EVENT: {}}
    assert "nonce" not in decoded.claims
    return dict(decoded.claims)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_an_application_is_told_by_the_worker_and_may_revoke_inside_its_answer(
    live: Live, worker: Process, receiver: Receiver, algorithm: str
) -> None:
    options = ["--backchannel-logout-uri", receiver.uri, "--id-token-alg", algorithm]
    wiki, ada = register_live(live, *options), Browser(live, fresh("ada"))
    given = wiki.sign_in(ada)
    receiver.answers = [503]
    signed_out = threading.Event()

    def before_answer() -> None:
        assert signed_out.wait(timeout=120)
        # Apache revokes what it held while it answers.
        _revoke(wiki, given)

    receiver.before_answer = before_answer
    hint = {"id_token_hint": given["id_token"]}
    assert HTTP.get(f"{live.backend_url}/oauth/logout", params=hint).status_code == 200
    signed_out.set()
    wait_until(lambda: len(receiver.tokens) == 2, tell=worker.text)
    first, second = (verify(live, text, client_id=wiki.client_id, algorithm=algorithm) for text in receiver.tokens)
    said = jwt.decode(given["id_token"], _keys(live), algorithms=[algorithm]).claims
    assert first["jti"] != second["jti"]
    assert (first["sub"], first["sid"]) == (second["sub"], second["sid"]) == (said["sub"], said["sid"])
    wait_until(lambda: _recorded(live, wiki) == ["application.logout_delivered"], tell=worker.text)
    assert len(receiver.tokens) == 2
    assert "eyJ" not in worker.text()


def _keys(live: Live) -> KeySet:
    return KeySet.import_key_set(HTTP.get(f"{live.backend_url}/.well-known/jwks.json").json())


def _revoke(wiki: Application, given: dict[str, Any]) -> None:
    for name in ("refresh_token", "access_token"):
        assert wiki.post("revoke", token=given[name]).status_code == 200


def _recorded(live: Live, wiki: Application) -> list[Any]:
    with live.connect() as connection:
        statement = "SELECT kind FROM accounts_event WHERE client_id = %s AND kind LIKE 'application.logout%%'"
        return [kind for (kind,) in connection.execute(statement, [wiki.client_id]).fetchall()]
