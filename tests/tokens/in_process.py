"""Sign-ins without processes: people, sessions and calls through Django's test client."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.test import Client as Http
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.models import User
from accounts.services import people
from tokens.policies.clients import Client
from tokens.policies.refresh_tokens import read_token
from tokens.policies.scopes import ALL_SCOPES
from tokens.services.clients import find_client
from tokens.services.rotation import rotate_session
from tokens.services.sessions import TokenPair, open_session
from tokens.tasks import send_security_mail

CLI, PORTAL = "insighta-cli", "insighta-portal"
PORTAL_SECRET = "development-only-portal-client-secret-do-not-deploy"
EVERY_SCOPE = " ".join(ALL_SCOPES)


def now() -> datetime:
    return datetime.now(UTC)


def client_called(client_id: str) -> Client:
    client = find_client(client_id)
    assert client is not None
    return client


def make_person(login: str) -> User:
    """A person whom GitHub has named, approved and active."""
    number = int.from_bytes(hashlib.sha256(login.encode()).digest()[:6])
    return people.upsert_person(github_id=number, login=login, display_name=login.title(), now=now())


def sign_in(
    person: User,
    *,
    client_id: str = CLI,
    scope: str = EVERY_SCOPE,
    label: str = "Insighta CLI on build-7",
    at: datetime | None = None,
    handoff_challenge: str = "",
) -> TokenPair:
    """A new session of this person."""
    return open_session(
        person=person,
        client=client_called(client_id),
        scope=scope,
        label=label,
        handoff_challenge=handoff_challenge,
        auth_time=at or now(),
        now=at or now(),
    )


def present(token: str, *, client: Client, at: datetime, key: str = "") -> TokenPair:
    """One refresh by the service itself."""
    presented = read_token(token, keys=settings.TOKEN_KEYS)
    return rotate_session(client=client, presented=presented, retry_key=key, challenge="", address=None, now=at)


def call(http: Http, path: str, token: str, method: str = "GET", body: object = None, *, key: str = "") -> Any:
    """An API call with a bearer token; `body` is sent as JSON, `key` as the Idempotency-Key."""
    content = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
    headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
    return http.generic(method, f"/api/v1{path}", headers=headers, **content)  # type: ignore[arg-type]  # data and its type


def post(http: Http, path: str, *, client_id: str = CLI, key: str = "", **fields: str) -> Any:
    """A form to an OAuth endpoint, by a client with its secret if it has one."""
    if client_id == PORTAL:
        fields = {"client_secret": PORTAL_SECRET} | fields
    headers = {"Idempotency-Key": key} if key else {}
    body = urlencode({"client_id": client_id} | fields)
    return http.post(f"/oauth/{path}", body, content_type="application/x-www-form-urlencoded", headers=headers)


def send_security_mails() -> None:
    """Run the jobs that the operations before have ordered, as the worker would."""
    for job in ProcrastinateJob.objects.filter(task_name="tokens.send_security_mail").order_by("id"):
        send_security_mail(**{name: value for name, value in job.args.items() if name != "request_id"})
