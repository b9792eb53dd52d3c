"""`POST /oauth/token` for CI jobs (RFC 8693): attacks on a job's ID token are refused, the owner's job is not."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.db import connection
from django.test import Client as Http

from accounts.models import Event, User
from accounts.services import people
from sandbox.jobs import KID
from sandbox.people import github_id
from sandbox.state import State
from tests.tokens.applications import register
from tests.tokens.ci import (
    AUDIENCE,
    GRANT,
    ID_TOKEN,
    REPOSITORY,
    add_publisher,
    ci_stand_in,
    exchange,
    job_claims,
    job_token,
    make_owner,
    publisher_of,
    refusal,
)
from tests.tokens.in_process import call, client_called, now, post, send_security_mails, sign_in
from tokens.models import Session, TrustedPublisher, UsedJobToken
from tokens.policies.publishers import EVENTS
from tokens.services import issuer_keys, job_tokens
from tokens.services.id_tokens import add_id_token, subject_of
from tokens.services.outgoing import Answer, Unreachable
from tokens.services.purging import purge_expired

pytestmark = pytest.mark.django_db(transaction=True)
BAD = "The subject_token is not an ID token of a CI service that is believed here, or it has expired."


@pytest.fixture(scope="module")
def stand_in() -> Iterator[State]:
    with ci_stand_in() as state:
        yield state


@pytest.fixture(autouse=True)
def ci(stand_in: State, settings: Any) -> Iterator[State]:
    """The stand-in as the only believed issuer and as GitHub's API."""
    settings.CI_ISSUERS = [stand_in.jobs.issuer]
    settings.GITHUB_API_URL = stand_in.jobs.issuer
    issuer_keys.forget_keys()
    yield stand_in
    stand_in.repositories._described.clear()
    stand_in.people.forget(None)


@pytest.fixture
def ada() -> User:
    return make_owner("ada")


@pytest.fixture
def publisher(ada: User) -> TrustedPublisher:
    return publisher_of(ada)


# What is given


def test_a_job_of_the_owners_repository_gets_a_short_token_and_no_refresh_token(
    ci: State, publisher: TrustedPublisher, client: Http
) -> None:
    answer = exchange(job_token(ci))
    given = answer.json()
    assert given | {"access_token": ""} == {
        "access_token": "",
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "token_type": "Bearer",
        "expires_in": 900,
        "scope": "bookings:read",
    }
    assert answer.headers["Cache-Control"] == "no-store"
    assert call(client, "/bookings", given["access_token"]).status_code == 200
    assert call(client, "/me", given["access_token"]).status_code == 403
    session = Session.objects.get(client_id="insighta-ci")
    assert (session.label, session.publisher_id) == ("ada/site ci.yml", publisher.id)
    assert session.ends_at - session.created_at < timedelta(seconds=901)
    publisher.refresh_from_db()
    assert publisher.last_used_at is not None
    opened = Event.objects.get(kind="session.opened", client_id="insighta-ci")
    assert opened.detail == {"label": "ada/site ci.yml", "publisher_id": str(publisher.id)}


def test_it_is_shown_among_the_sign_ins_and_ended_there(ci: State, ada: User, publisher: Any, client: Http) -> None:
    given, own = exchange(job_token(ci)).json(), sign_in(ada)
    (shown,) = [
        one
        for one in call(client, "/sessions", own.access_token).json()["results"]
        if one["client_id"] == "insighta-ci"
    ]
    assert (shown["client_name"], shown["label"]) == ("CI job", "ada/site ci.yml")
    assert call(client, f"/sessions/{shown['id']}", own.access_token, "DELETE").status_code == 204
    assert call(client, "/bookings", given["access_token"]).status_code == 401


def test_a_job_may_give_its_token_up(ci: State, publisher: Any, client: Http) -> None:
    given = exchange(job_token(ci)).json()["access_token"]
    assert post(client, "revoke", client_id="insighta-ci", token=given).status_code == 200
    assert call(client, "/bookings", given).status_code == 401


def test_scope_narrows_and_never_widens(ci: State, ada: User) -> None:
    publisher_of(ada, scopes=["bookings:read", "bookings:write"])
    assert exchange(job_token(ci), scope="bookings:read").json()["scope"] == "bookings:read"
    assert exchange(job_token(ci), scope="bookings:read account:read").json()["error"] == "invalid_scope"
    assert exchange(job_token(ci)).json()["scope"] == "bookings:read bookings:write"


def test_nobody_gets_a_mail_for_each_job(ci: State, publisher: Any, mailoutbox: list[Any]) -> None:
    send_security_mails()
    mailoutbox.clear()
    for _ in range(2):
        assert exchange(job_token(ci)).status_code == 200
    send_security_mails()
    assert [mail.subject for mail in mailoutbox if "trusted publisher" not in mail.subject] == []


# Who has signed it


@pytest.mark.parametrize(
    "issuer",
    [
        "https://token.actions.githubusercontent.com.evil.example", "https://evil.example", "{issuer}/", "{issuer}/ada",
        "{issuer}@evil.example", "", None, ["{issuer}"], {"a": 1}, 7, AUDIENCE,
    ],
)  # fmt: skip
def test_another_issuer_is_not_believed(ci: State, publisher: Any, issuer: Any) -> None:
    named = issuer.format(issuer=ci.jobs.issuer) if isinstance(issuer, str) else issuer
    claims = job_claims(ci) | {"iss": named}
    try:
        token = jwt.encode(claims, ci.jobs.key, algorithm="RS256", headers={"kid": KID})
    except TypeError:
        unsigned = jwt.encode({**claims, "iss": "x"}, ci.jobs.key, algorithm="RS256", headers={"kid": KID})
        token = unsigned.replace(
            unsigned.split(".")[1], jwt.utils.base64url_encode(json.dumps(claims).encode()).decode()
        )
    assert refusal(exchange(token)) == ("invalid_request", BAD)


def forged(ci: State, kind: str) -> str:
    claims, key = job_claims(ci), ci.jobs.key
    stranger = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    own_jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(stranger.public_key()))
    good = jwt.encode(claims, key, algorithm="RS256", headers={"kid": KID})
    head, body, signature = good.split(".")
    hmac_head = jwt.utils.base64url_encode(json.dumps({"alg": "HS256", "kid": KID, "typ": "JWT"}).encode()).decode()
    by_hmac = jwt.utils.base64url_encode(
        jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(f"{hmac_head}.{body}".encode(), public)
    ).decode()
    return {
        "none": jwt.encode(claims, "", algorithm="none", headers={"kid": KID}),
        "HS256 with the public key": f"{hmac_head}.{body}.{by_hmac}",
        "another key": jwt.encode(claims, stranger, algorithm="RS256", headers={"kid": KID}),
        "the header's key": jwt.encode(claims, stranger, algorithm="RS256", headers={"kid": KID, "jwk": own_jwk}),
        "the header's address": jwt.encode(
            claims, stranger, algorithm="RS256", headers={"kid": KID, "jku": "http://127.0.0.1:1/keys"}
        ),
        "no kid": jwt.encode(claims, key, algorithm="RS256"),
        "unknown kid": jwt.encode(claims, key, algorithm="RS256", headers={"kid": "other"}),
        "PS256": jwt.encode(claims, key, algorithm="PS256", headers={"kid": KID}),
        "RS512": jwt.encode(claims, key, algorithm="RS512", headers={"kid": KID}),
        "an access token": jwt.encode(claims, key, algorithm="RS256", headers={"kid": KID, "typ": "at+jwt"}),
        "changed": f"{head}.{body}.{signature[:-6]}AAAAAA",
        "no token": "x",
        "dots": "...",
        "long": "a." * 20_000,
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "none", "HS256 with the public key", "another key", "the header's key", "the header's address", "no kid",
        "unknown kid", "PS256", "RS512", "an access token", "changed", "no token", "dots", "long",
    ],
)  # fmt: skip
def test_what_the_issuer_has_not_signed_is_refused(ci: State, publisher: Any, kind: str) -> None:
    assert exchange(job_token(ci)).status_code == 200
    assert refusal(exchange(forged(ci, kind))) == ("invalid_request", BAD)


def test_our_own_tokens_are_no_identity_of_a_job(ci: State, ada: User, publisher: Any, client: Http) -> None:
    register()
    pair = sign_in(ada, client_id="wiki", scope="openid")
    own = add_id_token(pair, client=client_called("wiki"), subject=subject_of(ada), auth_time=None, now=now()).id_token
    for token in (own, pair.access_token):
        assert refusal(exchange(token)) == ("invalid_request", BAD)


def test_a_jobs_token_is_neither_bearer_nor_hint_nor_anything_else(ci: State, publisher: Any, client: Http) -> None:
    token = job_token(ci)
    assert call(client, "/me", token).status_code == 401
    assert "Nothing has ended" in client.get("/oauth/logout", {"id_token_hint": token}).text
    assert post(client, "revoke", client_id="insighta-ci", token=token).status_code == 200
    fields = {"grant_type": "refresh_token", "refresh_token": token}
    assert post(client, "token", **fields).json()["error"] == "invalid_grant"
    assert exchange(token).status_code == 200


# For whom and when


@pytest.mark.parametrize(
    "audience", ["https://other.example", f"{AUDIENCE}/", AUDIENCE.upper(), [AUDIENCE], ["x", AUDIENCE], "", None, 7]
)
def test_another_audience_and_a_list_are_refused(ci: State, publisher: Any, audience: Any) -> None:
    error, reason = refusal(exchange(job_token(ci, aud=audience)))
    assert error == "invalid_target"
    assert f"expected {AUDIENCE}" in reason


@pytest.mark.parametrize(
    "times",
    [
        {"exp": -31}, {"iat": 31}, {"nbf": 31}, {"exp": 3601}, {"exp": 10**9}, {"iat": -4000}, {"exp": None},
        {"iat": None}, {"jti": None}, {"jti": ""}, {"jti": 7}, {"exp": "soon"}, {"iat": True},
        {"nbf": "now"}, {"exp": float("nan")},
    ],
)  # fmt: skip
def test_old_future_eternal_and_nameless_tokens_are_refused(ci: State, publisher: Any, times: dict[str, Any]) -> None:
    at = int(time.time())
    said = {
        name: at + value if name != "jti" and isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in times.items()
    }
    claims = {name: value for name, value in (job_claims(ci) | said).items() if value is not None}
    header = jwt.utils.base64url_encode(json.dumps({"alg": "RS256", "kid": KID, "typ": "JWT"}).encode()).decode()
    body = jwt.utils.base64url_encode(json.dumps(claims).encode()).decode()
    algorithm = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256)
    signed = jwt.utils.base64url_encode(algorithm.sign(f"{header}.{body}".encode(), ci.jobs.key)).decode()
    assert refusal(exchange(f"{header}.{body}.{signed}")) == ("invalid_request", BAD)


@pytest.mark.parametrize("times", [{"exp": -20}, {"iat": 20, "nbf": 20}, {"nbf": None}])
def test_clocks_may_differ_by_half_a_minute(ci: State, publisher: Any, times: dict[str, Any]) -> None:
    at = int(time.time())
    said = {name: at + value if value is not None else None for name, value in times.items()}
    assert exchange(job_token(ci, **({"iat": at - 100} | said))).status_code == 200


def test_a_token_is_used_once(ci: State, publisher: Any) -> None:
    token = job_token(ci)
    assert exchange(token).status_code == 200
    error, reason = refusal(exchange(token))
    assert (error, "has been used before" in reason) == ("invalid_request", True)
    # Another token with the same `jti` is the same one.
    again = job_token(ci, jti=jwt.decode(token, options={"verify_signature": False})["jti"], sha="f" * 40)
    assert "has been used before" in refusal(exchange(again))[1]


def test_twenty_at_once_give_one(ci: State, publisher: Any) -> None:
    token = job_token(ci)
    with ThreadPoolExecutor(20) as threads:
        answers = [one.result() for one in [threads.submit(_exchange_alone, token) for _ in range(20)]]
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 19
    assert Session.objects.filter(client_id="insighta-ci").count() == 1


def _exchange_alone(token: str) -> Any:
    try:
        return exchange(token)
    finally:
        connection.close()


def test_a_used_token_is_remembered_for_as_long_as_it_could_be_taken(ci: State, publisher: Any) -> None:
    assert exchange(job_token(ci)).status_code == 200
    used = UsedJobToken.objects.get()
    taken_until = now() + timedelta(seconds=300 + job_tokens.LEEWAY_SECONDS)
    purge_expired(now=taken_until)
    assert UsedJobToken.objects.filter(id=used.id).exists()
    assert purge_expired(now=taken_until + timedelta(seconds=31))["used job tokens"] == 1


def test_a_refused_exchange_uses_nothing_up(ci: State, ada: User) -> None:
    token = job_token(ci)
    assert exchange(token).status_code == 400
    publisher_of(ada)
    assert exchange(token).status_code == 200


# Which repository


def test_a_recycled_owners_name_is_another_owner(ci: State, publisher: Any) -> None:
    ci.people.describe("ada", {"id": 4711})
    error, reason = refusal(exchange(job_token(ci)))
    assert (error, "repository_owner_id 4711" in reason) == ("invalid_request", True)
    assert "is not for" in refusal(exchange(job_token(ci), publisher=str(publisher.id)))[1]


def test_a_repository_made_anew_is_another_one(ci: State, publisher: Any) -> None:
    ci.repositories.describe(REPOSITORY, {"id": 4712})
    assert "repository_id 4712" in refusal(exchange(job_token(ci)))[1]
    assert "is not for" in refusal(exchange(job_token(ci), publisher=str(publisher.id)))[1]


def test_a_transferred_repository_is_refused(ci: State, publisher: Any) -> None:
    moved = {"repository_owner_id": str(github_id("eve")), "repository_owner": "eve"}
    assert exchange(job_token(ci, **moved)).status_code == 400


def test_a_renamed_repository_goes_on_and_shows_its_new_name(ci: State, publisher: TrustedPublisher) -> None:
    ci.repositories.describe("ada/renamed", {"id": publisher.repository_id})
    assert exchange(job_token(ci, repository="ada/renamed")).status_code == 200
    publisher.refresh_from_db()
    assert publisher.repository == "ada/renamed"
    # Whoever takes the old name has another id.
    ci.repositories.describe(REPOSITORY, {"id": 4713})
    assert exchange(job_token(ci)).status_code == 400


def test_a_fork_has_its_own_ids(ci: State, publisher: Any) -> None:
    assert exchange(job_token(ci, repository="eve/site")).status_code == 400


@pytest.mark.parametrize("name", ["repository_id", "repository_owner_id"])
@pytest.mark.parametrize("value", [None, "", "0", "x", "1e3", "-1", "1" * 40, " 1"])
def test_an_id_that_is_none_is_refused(ci: State, publisher: Any, name: str, value: Any) -> None:
    claims = job_claims(ci) | {name: value}
    token = jwt.encode(
        {key: one for key, one in claims.items() if one is not None},
        ci.jobs.key,
        algorithm="RS256",
        headers={"kid": KID},
    )
    assert refusal(exchange(token)) == ("invalid_request", "repository_id and repository_owner_id are missing")


def test_a_private_repository_is_pinned_by_its_first_job_and_told(ci: State, ada: User, mailoutbox: list[Any]) -> None:
    User.objects.filter(id=ada.id).update(email="ada@users.example.test")
    ci.repositories.describe(REPOSITORY, {"private": True})
    publisher = publisher_of(ada)
    assert publisher.repository_id is None
    # Another repository of the owner is not meant.
    assert exchange(job_token(ci, repository="ada/other")).status_code == 400
    assert exchange(job_token(ci)).status_code == 200
    publisher.refresh_from_db()
    assert publisher.repository_id == ci.repositories.get_repository(REPOSITORY)["id"]
    ci.repositories.describe(REPOSITORY, {"private": True, "id": 4714})
    assert exchange(job_token(ci)).status_code == 400
    send_security_mails()
    (told,) = [mail for mail in mailoutbox if mail.subject.startswith("Trusted publisher used for the first time")]
    assert f"id {publisher.repository_id}" in told.body
    assert Event.objects.get(kind="publisher.pinned").detail["repository_id"] == publisher.repository_id


# Which job


@pytest.mark.parametrize(
    "event", ["pull_request", "pull_request_target", "workflow_run", "issue_comment", "merge_group", "", None, "PUSH"]
)
def test_an_event_that_others_cause_is_refused(ci: State, publisher: Any, event: Any) -> None:
    error, reason = refusal(exchange(job_token(ci, event_name=event)))
    assert (error, reason.startswith("event_name is ")) == ("invalid_request", True)
    assert all(name in reason for name in EVENTS)


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_of_the_repository_is_taken(ci: State, publisher: Any, event: str) -> None:
    assert exchange(job_token(ci, event_name=event)).status_code == 200


@pytest.mark.parametrize(
    "defined",
    [
        "ada/site/.github/workflows/other.yml@refs/heads/main",
        "ada/site/.github/workflows/ci.yml@refs/heads/evil@refs/heads/main",
        "ada/site/.github/workflows/ci.yml@refs/heads/other",
        "ada/site/.github/workflows/../workflows/ci.yml@refs/heads/main",
        "ada/site/.github/workflows/ci.yml.yml@refs/heads/main",
        "ada/site/.github/workflows/sub/ci.yml@refs/heads/main",
        "eve/ada/site/.github/workflows/ci.yml@refs/heads/main",
        "ada/site/.github/workflows/ci.yml",
        "ada/site/.github/workflows/ci.yml@",
        "",
        None,
    ],
)
def test_another_workflow_is_refused_whatever_its_display_name(ci: State, publisher: Any, defined: Any) -> None:
    said = {"job_workflow_ref": defined, "workflow_ref": defined, "workflow": "CI"}
    error, reason = refusal(exchange(job_token(ci, **said)))
    assert error == "invalid_request"
    assert reason.startswith("job_workflow_ref: expected ada/site/.github/workflows/ci.yml@refs/heads/main, seen ")


def test_a_file_named_so_on_a_branch_named_like_another_is_refused(ci: State, ada: User) -> None:
    publisher_of(ada, workflow="x.yml")
    ref = "refs/heads/x.yml@refs/heads/release.yml"
    defined = f"{REPOSITORY}/.github/workflows/release.yml@{ref}"
    assert exchange(job_token(ci, ref=ref, job_workflow_ref=defined, workflow_ref=defined)).status_code == 400


def test_without_a_ref_the_commit_names_the_workflow(ci: State, publisher: Any) -> None:
    sha = "a" * 40
    defined = f"{REPOSITORY}/.github/workflows/ci.yml@{sha}"
    said = {"ref": "", "sha": sha, "job_workflow_ref": defined, "workflow_ref": defined}
    assert exchange(job_token(ci, **said)).status_code == 200
    empty = f"{REPOSITORY}/.github/workflows/ci.yml@"
    said = {"ref": "", "sha": "", "job_workflow_ref": empty, "workflow_ref": empty}
    assert exchange(job_token(ci, **said)).status_code == 400


def test_a_reused_workflow_is_refused_and_both_are_named(ci: State, publisher: Any) -> None:
    shared = "octo/shared/.github/workflows/ci.yml@refs/heads/main"
    _, reason = refusal(exchange(job_token(ci, job_workflow_ref=shared)))
    assert shared in reason
    assert "ada/site/.github/workflows/ci.yml@refs/heads/main" in reason


def test_a_branch_is_compared_whole(ci: State, ada: User) -> None:
    publisher_of(ada, ref="refs/heads/main")
    assert exchange(job_token(ci)).status_code == 200
    for ref in ("refs/heads/main2", "refs/heads/Main", "refs/tags/main", "refs/heads/feature/refs/heads/main"):
        _, reason = refusal(exchange(job_token(ci, ref=ref)))
        assert reason == f"ref: expected refs/heads/main, seen {ref}"


@pytest.mark.parametrize("environment", [None, "", "staging", "production ", ["production"]])
def test_a_missing_environment_never_equals_one(ci: State, ada: User, environment: Any) -> None:
    publisher_of(ada, environment="production")
    assert exchange(job_token(ci, environment="Production")).status_code == 200
    _, reason = refusal(exchange(job_token(ci, environment=environment)))
    assert reason.startswith("environment: expected production, seen ")


def test_the_publisher_that_says_most_answers(ci: State, ada: User) -> None:
    plain = publisher_of(ada)
    with_ref = publisher_of(ada, ref="refs/heads/main")
    with_environment = publisher_of(ada, environment="production")
    for said, answering in (
        ({"environment": "production"}, with_environment),
        ({}, with_ref),
        ({"ref": "refs/heads/x"}, plain),
    ):
        assert exchange(job_token(ci, **said)).status_code == 200
        assert Session.objects.latest("id").publisher_id == answering.id


@pytest.mark.parametrize("sub", ["repo:eve@9/evil@8:ref:refs/heads/main", "", None, 7, {"a": 1}])
def test_sub_is_never_read(ci: State, publisher: Any, sub: Any) -> None:
    assert exchange(job_token(ci, sub=sub)).status_code == 200


# Whose it is


def test_a_stranger_who_registers_the_repository_does_not_receive_its_jobs(ci: State, ada: User) -> None:
    mallory = make_owner("mallory")
    theirs = publisher_of(mallory)
    assert refusal(exchange(job_token(ci)))[1].startswith("its owner has no trusted publisher here for ada/site")
    own = publisher_of(ada)
    assert exchange(job_token(ci)).status_code == 200
    assert set(Session.objects.filter(client_id="insighta-ci").values_list("publisher_id", flat=True)) == {own.id}
    # A job that names the stranger's publisher acts for the stranger, by its own will.
    assert exchange(job_token(ci), publisher=str(theirs.id)).status_code == 200
    assert Session.objects.filter(user=mallory, client_id="insighta-ci").count() == 1


def test_an_organisations_repository_is_named_by_its_publisher(ci: State, ada: User) -> None:
    publisher = publisher_of(ada, repository="octo-org/tool")
    token = job_token(ci, repository="octo-org/tool")
    assert exchange(token).status_code == 400
    assert exchange(token, publisher=str(publisher.id)).status_code == 200


@pytest.mark.parametrize("named", ["x", "0", "00000000-0000-0000-0000-000000000000", "é", "\x00", "a" * 64])
def test_a_publisher_that_is_none_is_refused(ci: State, publisher: Any, named: str) -> None:
    assert refusal(exchange(job_token(ci), publisher=named))[0] == "invalid_request"


def test_the_publisher_of_another_repository_cannot_be_named(ci: State, publisher: Any) -> None:
    make_owner("eve")
    token = job_token(ci, repository="eve/evil")
    _, reason = refusal(exchange(token, publisher=str(publisher.id)))
    assert reason.startswith("this publisher is not for eve/evil")
    assert "ada" not in reason


# It makes nothing that lasts


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/personal-access-tokens", {"name": "x", "scopes": ["bookings:read"]}),
        ("/trusted-publishers", {"repository": "ada/x", "workflow": "x.yml", "scopes": ["bookings:read"]}),
        ("/device-requests/BBBB-BBBB/approve", {}),
        ("/me/deactivate", {}),
        ("/calendar-feed/rotate", {}),
    ],
)
def test_a_jobs_token_makes_nothing_that_lasts(
    ci: State, ada: User, client: Http, path: str, body: dict[str, Any]
) -> None:
    publisher_of(ada, scopes=["account:read", "bookings:read", "bookings:write"])
    token = exchange(job_token(ci)).json()["access_token"]
    # Whatever its scopes: even with one that no publisher may have.
    assert call(client, path, token, "POST", body).status_code == 403
    for closed in ("/sessions", "/applications", "/calendar-feed"):
        assert call(client, closed, token).status_code == 403


@pytest.mark.parametrize("scopes", [["account:write"], ["openid"], [], ["bookings:read", "account:write"]])
def test_no_publisher_may_change_the_account(ci: State, ada: User, scopes: list[str]) -> None:
    assert add_publisher(ada, scopes=scopes).status_code == 400


def test_it_ends_with_its_publisher(ci: State, ada: User, publisher: TrustedPublisher, client: Http) -> None:
    token = exchange(job_token(ci)).json()["access_token"]
    own = sign_in(ada).access_token
    assert call(client, f"/trusted-publishers/{publisher.id}", own, "DELETE").status_code == 204
    assert call(client, "/bookings", token).status_code == 401
    assert exchange(job_token(ci)).status_code == 400


def test_a_suspended_person_gets_nothing(ci: State, ada: User, publisher: Any) -> None:
    people.suspend_person(user_id=ada.id, reason="x", actor_id=None, now=now())
    people.approve_person(user_id=ada.id, actor_id=None)
    assert exchange(job_token(ci)).status_code == 400
    assert add_publisher(ada).status_code == 201
    User.objects.filter(id=ada.id).update(standing="suspended")
    assert refusal(exchange(job_token(ci))) == ("invalid_grant", "account_suspended")


# The request


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:access_token"}, "invalid_request"),
        ({"subject_token_type": ""}, "invalid_request"),
        ({"subject_token": ""}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
        ({"audience": "https://other.example"}, "invalid_target"),
        ({"resource": "https://other.example"}, "invalid_target"),
        ({"client_id": "insighta-cli"}, "unauthorized_client"),
        ({"client_id": "insighta-ci", "client_secret": "x"}, "invalid_client"),
        ({"client_id": "nobody"}, "invalid_client"),
    ],
)
def test_a_malformed_request_is_refused(ci: State, publisher: Any, fields: dict[str, str], error: str) -> None:
    answer = exchange(job_token(ci), **fields)
    assert (answer.status_code in {400, 401}, answer.json()["error"]) == (True, error)
    assert not UsedJobToken.objects.exists()


def test_audience_and_types_may_be_named(ci: State, publisher: Any) -> None:
    said = {"audience": AUDIENCE, "requested_token_type": "urn:ietf:params:oauth:token-type:access_token"}
    assert exchange(job_token(ci), **said, client_id="insighta-ci").status_code == 200


@pytest.mark.parametrize(
    "grant", ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"]
)
def test_the_client_of_jobs_has_no_other_grant(client: Http, grant: str) -> None:
    assert post(client, "token", client_id="insighta-ci", grant_type=grant).json()["error"] == "unauthorized_client"


def test_the_metadata_names_the_grant(client: Http) -> None:
    assert GRANT in client.get("/.well-known/oauth-authorization-server").json()["grant_types_supported"]
    assert ID_TOKEN.endswith("id_token")


# The issuer's keys


class Issuer:
    """Answers of an issuer to the two documents, counted."""

    def __init__(self, state: State) -> None:
        self.base = state.jobs.issuer
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(state.jobs.key.public_key()))
        self.keys: list[Any] = [{**key, "kid": KID, "use": "sig"}]
        self.discovery: Any = {"issuer": self.base, "jwks_uri": f"{self.base}/keys"}
        self.status = 200
        self.is_down = False
        self.asked = 0

    def __call__(self, *, url: str, **_: Any) -> Answer:
        self.asked += 1
        if self.is_down:
            raise Unreachable("ConnectionRefusedError")
        document = {"keys": self.keys} if url.endswith("/keys") else self.discovery
        return Answer(self.status, document if isinstance(document, bytes) else json.dumps(document).encode())


@pytest.fixture
def issuer(ci: State, publisher: Any, monkeypatch: pytest.MonkeyPatch) -> Issuer:
    found = Issuer(ci)
    monkeypatch.setattr(issuer_keys, "send_request", found)
    return found


@pytest.fixture
def real_issuer(ci: State, ada: User, settings: Any) -> Iterator[Issuer]:
    """An issuer behind a socket of its own, whose jobs Ada's publisher takes."""
    found = Issuer(ci)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = found(url=self.path)
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.base = f"http://127.0.0.1:{server.server_port}"
    found.discovery = {"issuer": found.base, "jwks_uri": f"{found.base}/keys"}
    settings.CI_ISSUERS = [found.base]
    publisher_of(ada)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


def age_keys(issuer: str, seconds: float) -> None:
    issuer_keys._issuers[issuer]._tried_at -= seconds


def test_keys_are_read_once_and_kept_while_the_issuer_is_away(ci: State, issuer: Issuer) -> None:
    for _ in range(3):
        assert exchange(job_token(ci)).status_code == 200
    assert issuer.asked == 2
    issuer.is_down = True
    age_keys(ci.jobs.issuer, 3601)
    assert exchange(job_token(ci)).status_code == 200
    assert issuer.asked == 3
    assert exchange(job_token(ci)).status_code == 200
    assert issuer.asked == 3


@pytest.mark.parametrize(
    "change",
    [
        {"keys": []}, {"status": 302}, {"status": 500}, {"discovery": b"<html>"}, {"discovery": []},
        {"discovery": {"issuer": "https://evil.example", "jwks_uri": "https://evil.example/keys"}},
        {"discovery": {}}, {"keys": [{"kty": "oct", "kid": KID, "k": "AAAA"}]}, {"keys": ["x"]}, {"keys": 7},
        {"keys": [{"kty": "RSA", "kid": KID, "n": "", "e": ""}]}, {"discovery": b"x" * 300_000},
    ],
)  # fmt: skip
def test_a_broken_issuer_replaces_no_key(ci: State, issuer: Issuer, change: dict[str, Any]) -> None:
    assert exchange(job_token(ci)).status_code == 200
    vars(issuer).update(change)
    age_keys(ci.jobs.issuer, 3601)
    assert exchange(job_token(ci)).status_code == 200
    issuer_keys.forget_keys()
    assert exchange(job_token(ci)).status_code == 400


def padded(document: Any, size: int) -> bytes:
    """A document of JSON with spaces behind it: what is cut off at any place of those is still one."""
    return json.dumps(document).encode().ljust(size)


def many_keys(issuer: Issuer, count: int) -> list[Any]:
    """So many keys, each with an id of its own; the last one signs."""
    return [issuer.keys[0] | {"kid": f"another-{number}"} for number in range(1, count)] + issuer.keys


@pytest.mark.parametrize("excess", [0, 1])
@pytest.mark.parametrize("what", ["bytes of discovery", "keys"])
def test_what_a_real_issuer_sends_beyond_a_limit_replaces_no_key(
    ci: State, real_issuer: Issuer, what: str, excess: int
) -> None:
    def answer() -> int:
        return int(exchange(job_token(ci, iss=real_issuer.base)).status_code)

    assert answer() == 200
    if what == "keys":
        real_issuer.keys = many_keys(real_issuer, issuer_keys.MOST_KEYS + excess)
        assert len(json.dumps(real_issuer.keys)) < issuer_keys.LARGEST_DOCUMENT
    else:
        real_issuer.discovery = padded(real_issuer.discovery, issuer_keys.LARGEST_DOCUMENT + excess)
    age_keys(real_issuer.base, 3601)
    assert answer() == 200
    assert (len(issuer_keys._issuers[real_issuer.base]._keys) > 1) == (what == "keys" and not excess)
    issuer_keys.forget_keys()
    assert answer() == (400 if excess else 200)


def test_a_flood_of_unknown_keys_asks_the_issuer_once_a_minute(ci: State, issuer: Issuer) -> None:
    assert exchange(job_token(ci)).status_code == 200
    claims = job_claims(ci)
    for number in range(20):
        token = jwt.encode(claims, ci.jobs.key, algorithm="RS256", headers={"kid": f"k{number}"})
        assert exchange(token).status_code == 400
    assert issuer.asked == 2
    age_keys(ci.jobs.issuer, 61)
    assert exchange(jwt.encode(claims, ci.jobs.key, algorithm="RS256", headers={"kid": "new"})).status_code == 400
    assert issuer.asked == 4


def test_a_new_key_is_found_by_its_id(ci: State, issuer: Issuer) -> None:
    assert exchange(job_token(ci)).status_code == 200
    issuer.keys[0]["kid"] = "next"
    age_keys(ci.jobs.issuer, 61)
    token = jwt.encode(job_claims(ci), ci.jobs.key, algorithm="RS256", headers={"kid": "next"})
    assert exchange(token).status_code == 200


def test_with_keys_at_hand_nobody_waits_for_a_slow_issuer(ci: State, issuer: Issuer, monkeypatch: Any) -> None:
    assert exchange(job_token(ci)).status_code == 200
    age_keys(ci.jobs.issuer, 3601)
    reading, go_on = threading.Event(), threading.Event()

    def slow(**_: Any) -> Answer:
        reading.set()
        go_on.wait(20)
        raise Unreachable("TimeoutError")

    monkeypatch.setattr(issuer_keys, "send_request", slow)
    reader = threading.Thread(target=issuer_keys.find_key, kwargs={"issuer": ci.jobs.issuer, "kid": KID})
    reader.start()
    assert reading.wait(20)
    assert exchange(job_token(ci)).status_code == 200
    go_on.set()
    reader.join()
