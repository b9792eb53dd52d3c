"""What a server does when it cannot do what it is asked: it says so at once, and when to come back."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.security import SecurityMiddleware
from django.utils.module_loading import import_string

from config.charsets import Application

GetResponse = Callable[[HttpRequest], HttpResponseBase]

# A queue may hold a burst. One in which everybody has had to wait for so long would only grow old.
STANDING_SECONDS = 0.5
WAIT_SECONDS, WAIT_SECONDS_IN_A_STANDING_QUEUE = 1.0, 0.2
RETRY_AFTER_SECONDS = 1
LOG_SECONDS = 1.0

# Asked while everything else is refused: to see why.
_ALWAYS_OPEN = frozenset({"/healthz", "/readyz", "/metrics"})
# Waits for GitHub, for seconds when GitHub is slow: a queue of its own keeps it from holding up everything else.
_WAITS_FOR_OTHERS = "/auth/complete/"

_log = logging.getLogger(__name__)


class Gate:
    """Lets `running` requests in at once; `waiting` more wait for a place, who came first first.

    They wait `seconds` at most, and a fifth of a second where nobody has found a free place for half a second: what is
    then let in is answered in time, and what is not is told so while its caller still listens.
    """

    def __init__(self, *, running: int, waiting: int, seconds: float = WAIT_SECONDS) -> None:
        self._free, self._waiting, self._seconds = running, waiting, seconds
        self._line: deque[threading.Lock] = deque()
        self._lock = threading.Lock()
        self._last_free = time.monotonic()

    def enter(self) -> bool:
        """Whether there is a place; whoever got one calls `leave`."""
        now = time.monotonic()
        with self._lock:
            if self._free:
                self._free, self._last_free = self._free - 1, now
                return True
            if len(self._line) >= self._waiting:
                return False
            turn = threading.Lock()
            turn.acquire()
            self._line.append(turn)
            is_standing = now - self._last_free > STANDING_SECONDS
        patience = min(self._seconds, WAIT_SECONDS_IN_A_STANDING_QUEUE) if is_standing else self._seconds
        return turn.acquire(timeout=patience) or not self._give_up(turn)

    def leave(self) -> None:
        """Give the place to whoever has waited longest."""
        with self._lock:
            if self._line:
                self._line.popleft().release()
            else:
                self._free += 1

    def _give_up(self, turn: threading.Lock) -> bool:
        """False for whom a place was found in the very last instant."""
        with self._lock:
            if turn not in self._line:
                return False
            self._line.remove(turn)
            return True


class Refusals:
    """Answers requests that are not let in, before Django has spent anything on them."""

    def __init__(self) -> None:
        # Not before now: the counters look for their files when they are made.
        from config.metrics.counters import count_request
        from config.middleware import settle_request_id

        self._count_request, self._settle_request_id = count_request, settle_request_id
        self._lock = threading.Lock()
        self._unsaid, self._said_at = 0, -LOG_SECONDS

    def answer(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """503 with `Retry-After`, in the form that callers of this address read; counted, and now and then logged."""
        began, method = time.perf_counter(), environ["REQUEST_METHOD"]
        line, headers, body = _prepared(_room(environ.get("PATH_INFO", "")), is_post=method == "POST")
        own = [("X-Request-ID", self._settle_request_id(environ))]
        if environ.get("CONTENT_LENGTH", "") not in {"", "0"} or "HTTP_TRANSFER_ENCODING" in environ:
            # The server hangs up on whoever's body was not read; a client that is not told sends its next one in vain.
            own.append(("Connection", "close"))
        start_response(line, headers + own)
        seconds = time.perf_counter() - began
        self._count_request(view="refused", method=method, status=int(line[:3]), seconds=seconds, code="")
        self._mention(time.monotonic())
        return [body]

    def _mention(self, now: float) -> None:
        """One line a second: a line for each would cost more than the answer."""
        with self._lock:
            self._unsaid += 1
            if now - self._said_at < LOG_SECONDS:
                return
            number, self._unsaid, self._said_at = self._unsaid, 0, now
        _log.warning("more is asked than can be done in time: %d sent away since the last such line", number)


def with_admission(application: Application) -> Application:
    """The WSGI application behind a gate that sends requests away where more are under way than can be done in time.

    Without it they would all wait, each longer than its caller does, and the server would work for callers that left.
    """
    sizes = {"running": settings.REQUESTS_AT_ONCE, "waiting": settings.REQUESTS_WAITING}
    gate_of_all, gate_of_sign_ins, refusals = Gate(**sizes), Gate(**sizes), Refusals()

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path in _ALWAYS_OPEN:
            return application(environ, start_response)
        gate = gate_of_sign_ins if path.startswith(_WAITS_FOR_OTHERS) else gate_of_all
        if not gate.enter():
            return refusals.answer(environ, start_response)
        try:
            return application(environ, start_response)
        finally:
            gate.leave()

    return answer


class DatabaseMiddleware:
    """Answers for a database that is gone, full or has no connection left: 503, because nothing is wrong here."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """The refusal for an error of the database's operation; everything else is left to Django."""
        if not isinstance(error, OperationalError | InterfaceError):
            return None
        _log.warning("the database failed a request: %s", str(error).strip().partition("\n")[0])
        _discard_broken_connections()
        return refuse(request)


def refuse(request: HttpRequest) -> HttpResponse:
    """503 with `Retry-After`, in the form that callers of this address read."""
    response: HttpResponse = import_string(settings.UNAVAILABLE_VIEW)(request)
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    response.headers["Cache-Control"] = "no-store"
    # The middleware that would write it comes later.
    response.headers["Content-Length"] = str(len(response.content))
    return response


@lru_cache(maxsize=32)
def _prepared(room: str, *, is_post: bool) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status line, headers and body of the refusal for every address of one room; all that the form may depend on."""
    request = HttpRequest()
    request.method, request.path, request.path_info = "POST" if is_post else "GET", room, room
    response = refuse(request)
    SecurityMiddleware(lambda _: response)(request)
    return f"{response.status_code} {response.reason_phrase}", list(response.items()), response.content


def _room(path: str) -> str:
    """The first part of an address: `/api/` of `/api/v1/me`, `/` of what has only one."""
    first, slash, _ = path[1:].partition("/")
    return f"/{first}/" if slash else "/"


def _discard_broken_connections() -> None:
    """After a restart of the database every idle connection is dead: one failed request is enough to find them all."""
    pool = getattr(connection, "pool", None)
    if pool is not None and not pool.closed:
        pool.check()
