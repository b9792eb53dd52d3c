"""The stand-in for GitHub Actions, as a job and a verifier see it."""

from typing import Any

import httpx
import jwt
import pytest

from tests.people import HTTP


def begin(address: str, **said: Any) -> dict[str, str]:
    answer = HTTP.post(f"{address}/_sandbox/jobs", json={"repository": "ada/site"} | said)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def ask(job: dict[str, str], audience: str) -> httpx.Response:
    """As a job asks: the audience is appended to an address that has a query."""
    headers = {"Authorization": f"Bearer {job['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"}
    return HTTP.get(f"{job['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience={audience}", headers=headers)


def test_a_jobs_token_verifies_by_discovery(address: str) -> None:
    discovery = HTTP.get(f"{address}/.well-known/openid-configuration").json()
    assert discovery["issuer"] == address
    key = jwt.PyJWKClient(discovery["jwks_uri"]).get_signing_key_from_jwt
    job = begin(address, environment="production", actor=None, sub=None)
    first, second = (ask(job, "https://api.example").json()["value"] for _ in range(2))
    claims = jwt.decode(first, key(first).key, algorithms=["RS256"], audience="https://api.example", issuer=address)
    assert claims["job_workflow_ref"] == "ada/site/.github/workflows/ci.yml@refs/heads/main"
    assert (claims["environment"], "sub" in claims) == ("production", False)
    again = jwt.decode(second, key(second).key, algorithms=["RS256"], audience="https://api.example")
    assert claims["jti"] != again["jti"]
    shown = HTTP.get(f"{address}/repos/ada/site").json()
    assert (claims["repository_id"], claims["repository_owner_id"]) == (str(shown["id"]), str(shown["owner"]["id"]))
    assert shown["owner"]["id"] == HTTP.get(f"{address}/users/ada").json()["id"]


def test_only_the_jobs_own_token_is_answered(address: str) -> None:
    assert ask(begin(address) | {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x"}, "y").status_code == 401


def test_a_repository_may_be_made_anew_and_private(address: str) -> None:
    changed = {"repository": "ada/anew", "id": 7, "private": True}
    assert HTTP.post(f"{address}/_sandbox/repositories", json=changed).json()["id"] == 7
    assert HTTP.get(f"{address}/repos/ada/anew").status_code == 404


@pytest.mark.parametrize("path", ["jobs", "repositories"])
@pytest.mark.parametrize("body", ["[]", "{", '{"repository": "x"}', '{"repository": "a/b/c"}', "{}"])
def test_what_names_no_repository_is_refused(address: str, path: str, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    assert HTTP.post(f"{address}/_sandbox/{path}", content=body, headers=headers).status_code == 422
    assert HTTP.post(f"{address}/_sandbox/{path}", data={"repository": "a/b"}).status_code == 422
