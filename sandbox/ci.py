"""A stand-in for GitHub Actions: repositories, and ID tokens of jobs (OpenID Connect), signed with a key of its own.

`POST /_sandbox/jobs` begins a job; its answer is the environment that a runner gives such a job.
"""

import secrets
import time
from typing import Any

from jwt.algorithms import RSAAlgorithm

from sandbox.http_messages import Request, Response, json_response
from sandbox.jobs import KID, is_repository, make_claims
from sandbox.state import State

LIFETIME_SECONDS = 300


def discovery(state: State, request: Request) -> Response:
    issuer = state.jobs.issuer
    return json_response(
        {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/.well-known/jwks",
            "subject_types_supported": ["public"],
            "response_types_supported": ["id_token"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
    )


def jwks(state: State, request: Request) -> Response:
    key = RSAAlgorithm.to_jwk(state.jobs.key.public_key(), as_dict=True)
    return json_response({"keys": [{**key, "kid": KID, "use": "sig", "alg": "RS256"}]})


def id_token(state: State, request: Request) -> Response:
    """`GET /actions/id-token?…&audience=…`: another token at each call, for the job whose bearer token is sent."""
    claims = state.jobs.find(request.token)
    if claims is None:
        return json_response({"message": "Bad credentials"}, 401)
    now = int(time.time())
    times = {"iat": now, "nbf": now, "exp": now + LIFETIME_SECONDS, "jti": secrets.token_hex(16)}
    token = state.jobs.sign({"aud": request.query.get("audience", ""), **times, **claims})
    return json_response({"count": len(token), "value": token})


def begin_job(state: State, request: Request) -> Response:
    """`{"repository", "workflow_file"?, "ref"?, "environment"?, "event_name"?, any claim?}`."""
    said = _read(request)
    if said is None:
        return json_response({"message": "Send JSON with a repository, OWNER/NAME."}, 422)
    token = state.jobs.begin(make_claims(state.jobs, state.repositories, said))
    # A runner's address has a query already, to which the audience is appended.
    url = f"{state.jobs.issuer}/actions/id-token?api-version=2.0"
    environment = {"GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": url}
    return json_response(environment | {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": token})


def repository(state: State, request: Request) -> Response:
    """`GET /repos/{owner}/{name}`: 404 for a private one, as for whoever may not see it."""
    name = request.path.removeprefix("/repos/")
    found = state.repositories.get_repository(name) if is_repository(name) else {"private": True}
    return json_response({"message": "Not Found"}, 404) if found["private"] else json_response(found)


def describe_repository(state: State, request: Request) -> Response:
    """`{"repository", "id"?, "private"?}`."""
    said = _read(request)
    if said is None:
        return json_response({"message": "Send JSON with a repository, OWNER/NAME."}, 422)
    name = said.pop("repository")
    state.repositories.describe(name, said)
    return json_response(state.repositories.get_repository(name))


def _read(request: Request) -> dict[str, Any] | None:
    """The JSON object, where it names a repository."""
    try:
        said = request.json() if request.is_json else {}
    except ValueError:
        return None
    return dict(said) if is_repository(str(said.get("repository", ""))) else None
