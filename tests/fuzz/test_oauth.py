"""Ten thousand malformed requests to the OAuth endpoints: each is refused as its standard says and changes nothing."""

import json
from collections import Counter
from urllib.parse import urlsplit

import pytest
from django.db import connection

from config.charsets import Application
from tests.fuzz.effort import EFFORT, SEED
from tests.fuzz.malformed import Request, good_requests, malformed, send
from tests.people import CLI, LOOPBACK
from tests.tokens.in_process import client_called, make_person, now, sign_in
from tokens.services import devices

NUMBER = 10_000 * EFFORT


@pytest.fixture
def good(db: None) -> list[Request]:
    """Requests of Ada that would each do something."""
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


def test_ten_thousand_malformed_requests_change_nothing(application: Application, good: list[Request]) -> None:
    before = everything()
    wrong: Counter[tuple[object, ...]] = Counter()
    statuses: Counter[int] = Counter()
    for request in malformed(good, number=NUMBER, seed=SEED):
        status, headers, body = send(application, request)
        statuses[status] += 1
        complaint = _complaint(request, status, headers, body)
        if complaint:
            wrong[complaint, request.method[:9], request.path, status, request.broken_by] += 1
    assert wrong == {}
    assert everything() == before
    assert statuses.total() >= 10_000


def _complaint(request: Request, status: int, headers: dict[str, str], body: bytes) -> str:
    """What is wrong with an answer; nothing where it is a refusal as its standard has it."""
    if status >= 500:
        return "a fault of ours"
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
