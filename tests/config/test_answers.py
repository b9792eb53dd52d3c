"""How answers reach the server: whole ones in one piece and over at once, files bit by bit."""

from collections.abc import Iterable
from typing import Any

import pytest
from django.core.signals import request_finished
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.test import RequestFactory

from config.http.request_middleware import RequestMiddleware
from config.http.wsgi_handler import Handler
from tests.people import HTTP
from tests.processes import Live


def served(response: HttpResponseBase, monkeypatch: pytest.MonkeyPatch) -> tuple[Iterable[bytes], list[object]]:
    """What the server is given for `response`, and which requests were over by then."""
    over: list[object] = []

    def note(sender: object, **_: Any) -> None:
        over.append(sender)

    handler = Handler()
    monkeypatch.setattr(handler, "get_response", lambda request: response)
    request_finished.connect(note)
    try:
        return handler(RequestFactory().get("/").environ, lambda status, headers: None), over
    finally:
        request_finished.disconnect(note)


# The end of a request looks at the database's connections.
@pytest.mark.django_db
def test_a_whole_answer_is_a_list_and_its_request_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    response = HttpResponse(b"whole")
    assert served(response, monkeypatch) == ([b"whole"], [Handler])
    assert response.closed


@pytest.mark.django_db
def test_an_answer_in_parts_stays_open_until_the_server_has_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    response = StreamingHttpResponse([b"in ", b"parts"])
    body, over = served(response, monkeypatch)
    assert (body, over, response.closed) == (response, [], False)
    assert b"".join(body) == b"in parts"


@pytest.mark.parametrize(
    ("wanted", "path", "agent", "is_told"),
    [
        ("1.2.0", "/api/v1/me", "insighta-cli/0.1.0 (Linux; Python 3.11.2)", True),
        ("1.2.0", "/api/v1/me", "insighta-cli/9.0.0", True),
        ("1.2.0", "/api/v1/me", "curl/8.0", False),
        ("1.2.0", "/healthz", "insighta-cli/0.1.0", False),
        ("", "/api/v1/me", "insighta-cli/0.1.0", False),
    ],
)
def test_the_terminal_is_told_which_version_is_wanted(
    wanted: str, path: str, agent: str, is_told: bool, settings: Any
) -> None:
    settings.CLI_WANTED_VERSION = wanted
    request = RequestFactory().get(path, headers={"User-Agent": agent})
    response = RequestMiddleware(lambda _: HttpResponse())(request)
    assert response.headers.get("Insighta-Cli-Version") == (wanted if is_told else None)


def test_every_kind_of_answer_arrives_and_the_connection_goes_on(live: Live) -> None:
    """One connection: a length that is wrong, or a body after HEAD, would spoil the answer that follows."""
    asked = [
        ("GET", "/healthz", 200),
        ("HEAD", "/healthz", 200),
        ("GET", "/", 302),
        ("GET", "/static/accounts/sign-in.css", 200),
        ("HEAD", "/static/accounts/sign-in.css", 200),
        ("POST", "/oauth/token", 400),
        ("OPTIONS", "/api/v1/me", 401),
        ("GET", "/nowhere", 404),
    ]
    for method, path, status in asked * 2:
        answer = HTTP.request(method, f"{live.backend_url}{path}")
        assert answer.status_code == status, (method, path)
        assert answer.headers["X-Request-ID"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert len(answer.content) == (0 if method == "HEAD" else int(answer.headers["Content-Length"]))
