"""Ten thousand malformed requests to the OAuth endpoints: each is refused as its standard says and changes nothing."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import WSGIApplication

import pytest
from django.db import connection
from django.http import HttpRequest

from tests.fuzz.effort import EFFORT, SEED
from tests.fuzz.malformed import Request, good_requests, malformed, send
from tests.people import CLI, LOOPBACK
from tests.tokens.in_process import client_called, make_person, now, sign_in
from tokens.models import Session
from tokens.policies.clients import Client
from tokens.services import devices
from tokens.views import token

NUMBER = 10_000 * EFFORT


@pytest.fixture
def good(db: None, settings: Any) -> list[Request]:
    """Requests of Ada that would each do something, to a server that knows its name."""
    settings.ALLOWED_HOSTS = ["localhost"]
    ada = make_person("ada")
    device = devices.authorize_device(client=client_called(CLI), scope="", label="", address=None, now=now())
    session = sign_in(ada)
    return good_requests(
        refresh_token=session.refresh_token,
        code="insc_" + "a" * 43,
        device_code=device.device_code,
        access_token=session.access_token,
    )


def everything() -> dict[str, tuple[int, str]]:
    """Rows and a digest of every table."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT count(*), md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {table} t")
            found[table] = cursor.fetchone()
    return found


@dataclass
class Attempt:
    """What became of malformed requests: how often each status, what was wrong with answers, whether a row changed."""

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: Counter[tuple[object, ...]] = field(default_factory=Counter)
    has_changed_something: bool = False


def attempt(application: WSGIApplication, requests: list[Request]) -> Attempt:
    """Send them all, and look at every table before and after."""
    done, before = Attempt(), everything()
    for request in requests:
        status, headers, body = send(application, request)
        done.statuses[status] += 1
        complaint = _complaint(request, status, headers, body)
        if complaint:
            done.wrong[complaint, request.method[:9], request.path, status, request.broken_by] += 1
    done.has_changed_something = everything() != before
    return done


def test_ten_thousand_malformed_requests_change_nothing(application: WSGIApplication, good: list[Request]) -> None:
    done = attempt(application, malformed(good, number=NUMBER, seed=SEED))
    assert done.wrong == {}
    assert not done.has_changed_something
    assert done.statuses.total() >= 10_000


@pytest.mark.parametrize("column", ["last_used_at", "label"])
def test_an_endpoint_that_writes_before_it_refuses_is_noticed(
    application: WSGIApplication, good: list[Request], monkeypatch: pytest.MonkeyPatch, column: str
) -> None:
    """One column of one row, in one request of a hundred, and the answer is a refusal as it should be."""
    countdown = iter(range(40, -1000, -1))

    def write_first(request: HttpRequest, form: token.Form, **options: str) -> Client:
        if next(countdown) == 0:
            Session.objects.update(**{column: {"last_used_at": now(), "label": "changed"}[column]})
        return authenticate(request, form, **options)

    authenticate = token.authenticated_client
    monkeypatch.setattr(token, "authenticated_client", write_first)
    done = attempt(application, malformed(good, number=200, seed=SEED))
    assert done.wrong == {}
    assert done.has_changed_something


def _complaint(request: Request, status: int, headers: dict[str, str], body: bytes) -> str:
    """What is wrong with an answer; nothing where it is a refusal as its standard has it."""
    if status >= 500:
        return "a fault of ours"
    if any(name == "Host" for name, _ in request.headers):
        return "" if status == 400 else "believed a forged host"
    if request.path == "/oauth/authorize":
        return _complaint_of_authorize(status, headers)
    if status == 200 and request.path == "/oauth/revoke":
        return ""  # RFC 7009 §2.2: also for a token that nobody knows
    if status == 200 and request.path == "/oauth/introspect":
        return "" if json.loads(body) == {"active": False} else "told something"
    if not 400 <= status < 500:
        return "was taken for good"
    return "" if request.method == "HEAD" or _is_oauth_error(headers, body) else "no error of OAuth"


def _is_oauth_error(headers: dict[str, str], body: bytes) -> bool:
    """RFC 6749 §5.2."""
    if headers.get("Content-Type") != "application/json" or headers.get("Cache-Control") != "no-store":
        return False
    return set(json.loads(body)) == {"error", "error_description"}


def _complaint_of_authorize(status: int, headers: dict[str, str]) -> str:
    """A page, or the client's own address with an error."""
    if status == 303:
        target = headers["Location"]
        return "" if target.startswith(LOOPBACK) and "error=" in urlsplit(target).query else "led elsewhere"
    return "" if 400 <= status < 500 else "was taken for good"
