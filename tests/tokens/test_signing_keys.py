"""Keys of access tokens: sealed at rest, replaced without anybody noticing, withdrawn at once when one has leaked."""

import base64
import itertools
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.db import connection
from django.test import Client as Http
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from tests.accounts.github import fresh
from tests.people import Browser, Tokens, refresh
from tests.people import call as call_live
from tests.processes import Live, another_backend
from tests.tokens.in_process import call, make_person, now, sign_in
from tokens.services import signing_keys
from tokens.services.access_tokens import find_claims

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _fresh_ring() -> Iterator[None]:
    """No key of an earlier test is remembered by this process."""
    signing_keys.forget_keys()
    yield
    signing_keys.forget_keys()


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def published(at: datetime, *, algorithm: str = "") -> set[str]:
    """The key set as a process sees it that reads its keys at this instant; of one algorithm, where it is named."""
    signing_keys.forget_keys()
    return {key["kid"] for key in signing_keys.key_set(now=at)["keys"] if algorithm in {"", key["alg"]}}


def signing(at: datetime, *, algorithm: str = "ES256") -> str:
    signing_keys.forget_keys()
    return signing_keys.active_key(now=at, algorithm=algorithm).kid


# At rest


def test_the_private_half_is_nowhere_in_the_table(client: Http, db: None) -> None:
    key = signing_keys.active_key(now=now())
    assert isinstance(key.private_key, EllipticCurvePrivateKey)
    number = key.private_key.private_numbers().private_value.to_bytes(32, "big")
    der = key.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    forms = [der, number, base64.b64encode(number)[:-2], base64.urlsafe_b64encode(number).rstrip(b"=")]
    forms += [number.hex().encode(), str(int.from_bytes(number)).encode()]
    with connection.cursor() as cursor:
        cursor.execute("SELECT kid, private_key, public_jwk::text, tokens_signingkey::text FROM tokens_signingkey")
        ((kid, sealed, jwk, row),) = cursor.fetchall()
    assert kid == key.kid
    stored = b"\0".join([bytes(sealed), jwk.encode(), row.encode(), base64.urlsafe_b64decode(bytes(sealed))])
    assert not [form for form in forms if form in stored]
    assert not [form.hex() for form in forms if form.hex().encode() in stored]


def test_the_key_set_holds_public_halves_only(client: Http, db: None) -> None:
    (key,) = client.get("/.well-known/jwks.json").json()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-256", "ES256", "sig")


def test_the_first_key_of_an_algorithm_is_published_at_once_by_every_process(
    client: Http, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(now())
    # Another process makes the key: this one's own keys stay as they were read.
    monkeypatch.setattr(signing_keys, "_ring", signing_keys.KeyRing())
    signing_keys.ensure_signing_key(now=now(), algorithm="RS256")
    monkeypatch.undo()
    assert {key["alg"] for key in client.get("/.well-known/jwks.json").json()["keys"]} == {"ES256", "RS256"}


def test_a_new_secret_key_still_opens_what_the_old_one_sealed(db: None, settings: Settings) -> None:
    pair = sign_in(make_person("ada"))
    old = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a-new-secret-key-for-the-deployment-after", [old]
    assert signing(now()) == kid_of(pair.access_token)
    assert find_claims(pair.access_token, now=now()) is not None


def test_a_key_whose_secret_is_gone_verifies_but_does_not_sign(db: None, settings: Settings) -> None:
    pair = sign_in(make_person("ada"))
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a-secret-key-that-knows-nothing-of-the-old", []
    new = signing(now())
    assert new != kid_of(pair.access_token)
    assert published(now()) == {new, kid_of(pair.access_token)}
    assert find_claims(pair.access_token, now=now()) is not None
    assert kid_of(sign_in(make_person("grace")).access_token) == new
    assert signing(now()) == new


# Rotation


def test_a_retiring_key_stays_published_until_the_last_of_its_tokens_has_expired(db: None) -> None:
    start = now()
    old = signing(start)
    new = signing_keys.rotate_signing_keys(now=start, activates_in=HOUR)
    assert published(start) == {old, new}
    assert signing(start + HOUR - timedelta(seconds=1)) == old
    assert signing(start + HOUR) == new
    # A process may not have noticed for a minute after the switch.
    stale_until = start + HOUR + timedelta(seconds=60)
    last_use = stale_until + timedelta(seconds=180)
    assert published(last_use) == {old, new}
    assert published(start + 2 * HOUR) == {new}


def test_a_token_signed_just_before_the_switch_lives_out_its_three_minutes(db: None) -> None:
    start = now()
    signing(start)
    signing_keys.rotate_signing_keys(now=start, activates_in=HOUR)
    signing_keys.forget_keys()
    switch = start + HOUR
    pair = sign_in(make_person("ada"), at=switch - timedelta(seconds=1))
    assert kid_of(pair.access_token) != signing(switch)
    for seconds in (0, 90, 178):
        signing_keys.forget_keys()
        assert find_claims(pair.access_token, now=switch + timedelta(seconds=seconds)) is not None


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_new_key_never_signs_before_every_process_has_read_it(db: None, algorithm: str) -> None:
    start = now()
    old = signing(start, algorithm=algorithm)
    signing_keys.rotate_signing_keys(now=start, activates_in=timedelta(0))
    (new,) = published(start, algorithm=algorithm) - {old}
    assert signing(start + timedelta(seconds=59), algorithm=algorithm) == old
    assert signing(start + timedelta(seconds=60), algorithm=algorithm) == new


def test_a_leaked_key_is_withdrawn_at_once(client: Http, db: None) -> None:
    pair = sign_in(make_person("ada"))
    new = signing_keys.rotate_signing_keys(now=now(), activates_in=HOUR, retire_now=True)
    signing_keys.forget_keys()
    assert call(client, "/me", pair.access_token).status_code == 401
    assert (published(now()), signing(now())) == ({new}, new)


def test_a_leaked_key_is_withdrawn_even_in_the_middle_of_a_rotation(db: None) -> None:
    start = now()
    old = signing(start)
    coming = signing_keys.rotate_signing_keys(now=start, activates_in=HOUR)
    assert published(start) == {old, coming}
    new = signing_keys.rotate_signing_keys(now=start, activates_in=HOUR, retire_now=True)
    assert published(start) == {new}
    assert signing(start + 2 * HOUR) == new


def test_no_refresh_and_no_call_fails_while_processes_switch_keys(live: Live) -> None:
    people = [Browser(live, fresh("ada")).sign_in() for _ in range(3)]
    old = kid_of(people[0].access)
    new = live.manage("rotate_signing_keys").strip()
    # The other backend reads its keys at its first refresh and switches in time; the shared one signs on with what it
    # has read before.
    with another_backend(live, BACKEND_URL=live.backend_url) as other, ThreadPoolExecutor() as pool:
        with live.connect() as connection:
            # Later than a process that met an unknown key looks for new ones again, as it always is outside of tests.
            soon = "UPDATE tokens_signingkey SET activates_at = now() + interval '6 seconds' WHERE kid = %s"
            connection.execute(soon, [new])
        seen = set().union(*pool.map(lambda tokens: refresh_until_signed_by(new, tokens, [live, other]), people))
    assert seen == {old, new}


def refresh_until_signed_by(kid: str, tokens: Tokens, backends: list[Live]) -> set[str]:
    """Refresh at one backend after the other and use each access token at both; every kid that was seen."""
    seen: set[str] = set()
    deadline = time.monotonic() + 300
    for backend in itertools.cycle(backends):
        tokens = Tokens.of(refresh(backend, tokens.refresh))
        seen.add(kid_of(tokens.access))
        for asked in backends:
            assert call_live(asked, "/me", tokens.access).status_code == 200, kid_of(tokens.access)
        if kid in seen:
            return seen
        assert time.monotonic() < deadline
    raise AssertionError("no backend")


# Unknown keys


def test_unknown_kids_are_refused_without_a_query_each(client: Http, db: None) -> None:
    pair = sign_in(make_person("mallory"))
    assert call(client, "/me", pair.access_token).status_code == 200
    claims = jwt.decode(pair.access_token, options={"verify_signature": False})
    key = signing_keys.active_key(now=now()).private_key
    with CaptureQueriesContext(connection) as queries:
        for _ in range(200):
            headers = {"typ": "at+jwt", "kid": secrets.token_urlsafe(12)}
            forged = jwt.encode(claims, key, algorithm="ES256", headers=headers)
            assert call(client, "/me", forged).status_code == 401
    assert len(queries) <= 1
