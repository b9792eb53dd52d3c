"""The portal's connections to the backend: kept, given up when dead, and used again only where that is harmless."""

import socket
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from pytest_django import Settings
from urllib3 import HTTPConnectionPool

from portal import client
from portal.errors import BackendUnreachable
from tests.portal.fake_backend import Answer, FakeBackend
from tests.processes import free_port

CALLER = client.Caller(request_id="test", address="127.0.0.1")
ask = partial(client.call_api, access_token="e30.e30.abc", caller=CALLER)


@pytest.fixture
def pool(backend: FakeBackend, settings: Settings) -> Iterator[HTTPConnectionPool]:
    backend.fault = Answer(200, {})
    settings.BACKEND_URL, settings.BACKEND_TIMEOUT_SECONDS = backend.url, 60
    client._pool.cache_clear()
    yield client._pool()
    client._pool.cache_clear()


def moved(settings: Settings, port: int, seconds: float) -> None:
    """The backend is at another port now."""
    settings.BACKEND_URL, settings.BACKEND_TIMEOUT_SECONDS = f"http://127.0.0.1:{port}", seconds
    client._pool.cache_clear()


def test_calls_in_turn_share_a_connection_and_calls_at_once_do_not(
    pool: HTTPConnectionPool, backend: FakeBackend
) -> None:
    for _ in range(5):
        assert ask("GET", "/a") == {}
    assert pool.num_connections == 1
    all_there = threading.Barrier(4)
    backend.fault = Answer(200, {}, wait_for=all_there.wait)
    threads = [threading.Thread(target=ask, args=("GET", "/b")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pool.num_connections == 4


def test_a_connection_that_died_idle_is_not_used_again(pool: HTTPConnectionPool, backend: FakeBackend) -> None:
    ask("GET", "/a")
    connection: Any = pool._get_conn()
    kept = connection.sock
    kept.shutdown(socket.SHUT_RDWR)
    pool._put_conn(connection)
    assert ask("POST", "/once", body={}) == {}
    assert connection.sock is not kept
    assert len(backend.calls) == 2


def test_who_does_not_listen_is_unreachable(
    pool: HTTPConnectionPool, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    moved(settings, free_port(), 2)
    with pytest.raises(BackendUnreachable):
        ask("GET", "/", query={"cursor": "a-secret"})
    assert caplog.messages == ["GET /api/v1/ has no answer: NewConnectionError"]


def test_silence_ends_in_time_and_is_not_asked_twice(pool: HTTPConnectionPool, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        moved(settings, silent.getsockname()[1], 0.2)
        with pytest.raises(BackendUnreachable):
            ask("GET", "/")
        assert client._pool().num_connections == 1


@pytest.mark.parametrize(("method", "times"), [("GET", 2), ("POST", 1), ("DELETE", 1)])
def test_only_what_may_be_repeated_is_asked_again_where_an_answer_was_lost(
    pool: HTTPConnectionPool, backend: FakeBackend, method: str, times: int
) -> None:
    backend.fault = Answer(drop=True)
    with pytest.raises(BackendUnreachable):
        ask(method, "/")
    assert len(backend.calls) == times
