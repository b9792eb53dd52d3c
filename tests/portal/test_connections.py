"""The portal's connections to the backend: kept, given up when dead, and honest about what may have been sent."""

import socket
import threading
from collections.abc import Iterator

import pytest

from portal.connections import ConnectionFailed, Pool
from tests.portal.fake_backend import Answer, FakeBackend
from tests.processes import free_port


@pytest.fixture
def pool(backend: FakeBackend) -> Pool:
    backend.fault = Answer(200, {})
    return Pool(backend.url, connect_seconds=5, answer_seconds=5)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_calls_in_turn_share_a_connection_and_calls_at_once_do_not(pool: Pool, backend: FakeBackend) -> None:
    for _ in range(5):
        assert pool.send("GET", "/a", headers={}).status == 200
    assert len(pool._idle) == 1
    backend.fault = Answer(200, {}, wait=0.5)
    threads = [threading.Thread(target=pool.send, args=("GET", "/b"), kwargs={"headers": {}}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pool._idle) == 4


def test_a_connection_that_died_idle_is_not_used_again(pool: Pool) -> None:
    pool.send("GET", "/a", headers={})
    [kept] = pool._idle
    kept.sock.shutdown(socket.SHUT_RDWR)
    assert pool.send("POST", "/once", headers={}, body=b"{}").status == 200
    assert kept not in pool._idle


def test_who_does_not_listen_was_sent_nothing() -> None:
    with pytest.raises(ConnectionFailed) as failed:
        Pool(f"http://127.0.0.1:{free_port()}", connect_seconds=2, answer_seconds=2).send("GET", "/", headers={})
    assert not failed.value.was_sent


def test_silence_ends_in_time_and_is_called_late(listener: socket.socket) -> None:
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(ConnectionFailed) as failed:
        Pool(url, connect_seconds=5, answer_seconds=0.2).send("GET", "/", headers={})
    assert (failed.value.was_sent, failed.value.is_late) == (True, True)


def test_a_dropped_answer_may_have_been_sent(pool: Pool, backend: FakeBackend) -> None:
    backend.fault = Answer(drop=True)
    with pytest.raises(ConnectionFailed) as failed:
        pool.send("GET", "/", headers={})
    assert (failed.value.was_sent, failed.value.is_late) == (True, False)
    assert not pool._idle
