"""Access tokens: what they say (RFC 9068), which forgeries fail, and how soon the session's end is felt."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm

from tests.accounts.github import fresh
from tests.people import CLI, HTTP, PORTAL, Browser, Tokens, call, refresh
from tests.processes import Live, another_backend
from tests.tokens.rows import age, claims, session, session_id

Forge = Callable[[Live, str], str]


@pytest.fixture(scope="module")
def ada(live: Live) -> Tokens:
    return Browser(live, fresh("ada")).sign_in()


def test_header_and_claims_are_those_of_rfc_9068(live: Live, ada: Tokens) -> None:
    header = jwt.get_unverified_header(ada.access)
    assert header.keys() == {"alg", "typ", "kid"}
    assert (header["alg"], header["typ"]) == ("ES256", "at+jwt")
    said = claims(ada.access)
    assert set(said) == {"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "sid", "gen"}
    assert (said["iss"], said["aud"], said["client_id"]) == (live.backend_url, live.backend_url, CLI)
    assert said["sub"] == call(live, "/me", ada.access).json()["id"]
    assert said["sid"] == str(session_id(ada.refresh))
    assert said["gen"] == session(live, ada.refresh)["generation"]
    assert said["exp"] - said["iat"] == ada.body["expires_in"] == 180
    assert abs(said["iat"] - time.time()) < 60


def test_every_access_token_has_an_id_of_its_own(live: Live) -> None:
    tokens = Browser(live, fresh("ada")).sign_in()
    ids = [claims(tokens.access)["jti"]]
    for _ in range(3):
        tokens = Tokens.of(refresh(live, tokens.refresh))
        ids.append(claims(tokens.access)["jti"])
    assert len(set(ids)) == 4


# forgeries


def key_id(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def published_key(live: Live, token: str) -> dict[str, Any]:
    keys = HTTP.get(f"{live.backend_url}/.well-known/jwks.json").json()["keys"]
    (key,) = [key for key in keys if key["kid"] == key_id(token)]
    return dict(key)


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def unsigned(live: Live, token: str) -> str:
    return f"{part({'alg': 'none', 'typ': 'at+jwt', 'kid': key_id(token)})}.{token.split('.')[1]}."


def signature_kept_with_alg_none(live: Live, token: str) -> str:
    header = part({"alg": "none", "typ": "at+jwt", "kid": key_id(token)})
    return ".".join([header, *token.split(".")[1:]])


def public_key_as_hmac_secret(live: Live, token: str) -> str:
    public = ECAlgorithm.from_jwk(published_key(live, token))
    assert isinstance(public, ec.EllipticCurvePublicKey)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    # PyJWT itself refuses to sign with a public key's text, so the signature is made by hand.
    body = f"{part({'alg': 'HS256', 'typ': 'at+jwt', 'kid': key_id(token)})}.{token.split('.')[1]}"
    signature = hmac.digest(pem, body.encode(), hashlib.sha256)
    return f"{body}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def signed_by_mallory(live: Live, token: str, **header: Any) -> str:
    own = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(claims(token), own, "ES256", headers={"typ": "at+jwt", "kid": key_id(token)} | header)


def key_in_the_header(live: Live, token: str) -> str:
    own = ec.generate_private_key(ec.SECP256R1())
    headers = {"typ": "at+jwt", "kid": key_id(token), "jwk": ECAlgorithm.to_jwk(own.public_key(), as_dict=True)}
    return jwt.encode(claims(token), own, "ES256", headers=headers)


def other_claims(live: Live, token: str) -> str:
    head, _, signature = token.split(".")
    return f"{head}.{part(claims(token) | {'scope': 'admin', 'exp': 2**40})}.{signature}"


def no_signature(live: Live, token: str) -> str:
    return token.rsplit(".", 1)[0]


@pytest.mark.parametrize(
    "forge",
    [
        unsigned,
        signature_kept_with_alg_none,
        public_key_as_hmac_secret,
        signed_by_mallory,
        lambda live, token: signed_by_mallory(live, token, kid="unknown"),
        lambda live, token: signed_by_mallory(live, token, kid="../../dev/null"),
        lambda live, token: signed_by_mallory(live, token, kid="' OR 1=1 --"),
        key_in_the_header,
        other_claims,
        no_signature,
        lambda live, token: token + "A",
        lambda live, token: token[:-1],
        lambda live, token: token.upper(),
        lambda live, token: token + "." + token,
        lambda live, token: "." + token,
        lambda live, token: ". .",
        lambda live, token: "A" * 20_000,
    ],
)
def test_a_forged_token_is_nobody(live: Live, ada: Tokens, forge: Forge) -> None:
    answer = call(live, "/me", forge(live, ada.access))
    assert answer.status_code in {401, 431}
    assert answer.status_code == 431 or answer.json()["code"] == "not_authenticated"
    assert call(live, "/me", ada.access).status_code == 200


# what ends it


def test_an_expired_token_is_refused_to_the_second(live: Live) -> None:
    with another_backend(live, ACCESS_TOKEN_SECONDS="2") as hasty:
        tokens = Browser(hasty, fresh("ada")).sign_in()
        assert tokens.body["expires_in"] == 2
        time.sleep(max(0.0, claims(tokens.access)["exp"] - time.time()))
        answer = call(hasty, "/me", tokens.access)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    # The others give it time enough to be used.
    renewed = Tokens.of(refresh(live, tokens.refresh))
    assert call(live, "/me", renewed.access).status_code == 200


def test_a_token_for_another_backend_is_refused_here(live: Live) -> None:
    with another_backend(live) as other:
        tokens = Browser(other, fresh("ada")).sign_in()
        assert call(other, "/me", tokens.access).status_code == 200
        assert call(live, "/me", tokens.access).status_code == 401


def test_the_end_of_the_session_is_felt_by_the_next_call(live: Live) -> None:
    tokens = Browser(live, fresh("ada")).sign_in()
    for _ in range(3):
        assert call(live, "/me", tokens.access).status_code == 200
    HTTP.post(f"{live.backend_url}/oauth/revoke", data={"client_id": CLI, "token": tokens.refresh})
    # Every worker has verified this signature before: what it remembers must not be the session.
    assert {call(live, "/me", tokens.access).status_code for _ in range(8)} == {401}


@pytest.mark.parametrize("column", ["expires_at", "ends_at"])
def test_a_session_past_its_time_is_felt_too(live: Live, column: str) -> None:
    tokens = Browser(live, fresh("ada")).sign_in()
    age(live, tokens.refresh, "expires_at", seconds=30 * 86_400 + 1)
    if column == "ends_at":
        age(live, tokens.refresh, "expires_at", seconds=60 * 86_400)
        age(live, tokens.refresh, "ends_at", seconds=90 * 86_400 + 1)
    assert call(live, "/me", tokens.access).status_code == 401


def test_a_session_that_is_not_there_any_more_is_nobodys(live: Live) -> None:
    tokens = Browser(live, fresh("ada")).sign_in(PORTAL)
    with live.connect() as connection:
        connection.execute("DELETE FROM tokens_session WHERE id = %s", [session_id(tokens.refresh)])
    assert call(live, "/me", tokens.access).status_code == 401


def test_using_a_token_adds_no_row_and_changes_none(live: Live) -> None:
    tokens = Browser(live, fresh("ada")).sign_in()
    before = session(live, tokens.refresh)
    call(live, "/me", tokens.access)
    assert session(live, tokens.refresh) == before
