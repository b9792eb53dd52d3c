"""Load shedding: bounded concurrency, a bounded FIFO queue, and a limit on the time spent in it (sojourn time).

A rejected request gets 503 with Retry-After before Django runs. The limit follows CoDel (RFC 8289): a queue that has
not been empty for an interval is a standing queue, and everything in it gets a short limit.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable
from functools import lru_cache
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.conf import settings
from django.http import HttpRequest
from django.middleware.security import SecurityMiddleware

from config.http.unavailable import unavailable_response

# CoDel's interval: a queue that has had no free place for so long is a standing queue.
INTERVAL_SECONDS = 0.5
MAX_SOJOURN_SECONDS, MAX_SOJOURN_IN_STANDING_QUEUE = 1.0, 0.2
LOG_INTERVAL_SECONDS = 1.0

# Monitoring works while everything else is rejected.
_EXEMPT = frozenset({"/healthz", "/readyz", "/metrics"})
# These requests wait seconds for a slow GitHub. A queue of their own (a bulkhead) keeps them from filling the other.
_WAITS_FOR_GITHUB = "/auth/complete/"

_log = logging.getLogger(__name__)


class AdmissionQueue:
    """Admits up to `concurrency` requests and queues up to `queue_limit` more, first in, first out."""

    def __init__(self, *, concurrency: int, queue_limit: int, max_sojourn: float = MAX_SOJOURN_SECONDS) -> None:
        self._free, self._queue_limit, self._max_sojourn = concurrency, queue_limit, max_sojourn
        self._queue: deque[threading.Lock] = deque()
        self._mutex = threading.Lock()
        self._last_free = time.monotonic()

    def acquire(self) -> bool:
        """Wait for a place. False: the queue is full, or the sojourn time is over. True: call `release` later."""
        now = time.monotonic()
        with self._mutex:
            if self._free:
                self._free, self._last_free = self._free - 1, now
                return True
            if len(self._queue) >= self._queue_limit:
                return False
            turn = threading.Lock()
            turn.acquire()
            self._queue.append(turn)
            is_standing = now - self._last_free > INTERVAL_SECONDS
        limit = min(self._max_sojourn, MAX_SOJOURN_IN_STANDING_QUEUE) if is_standing else self._max_sojourn
        return turn.acquire(timeout=limit) or not self._leave_queue(turn)

    def release(self) -> None:
        """Give the place to the head of the queue."""
        with self._mutex:
            if self._queue:
                self._queue.popleft().release()
            else:
                self._free += 1

    def _leave_queue(self, turn: threading.Lock) -> bool:
        """False if a place was assigned after the time-out."""
        with self._mutex:
            if turn not in self._queue:
                return False
            self._queue.remove(turn)
            return True


class Rejections:
    """Answers rejected requests: counts each, logs their number once a second."""

    def __init__(self) -> None:
        # Importing the metrics makes them, which must come after `share_between_workers`.
        from config.http.request_middleware import ensure_request_id
        from config.observability.metrics.counters import count_request

        self._count_request, self._ensure_request_id = count_request, ensure_request_id
        self._mutex = threading.Lock()
        self._unlogged, self._logged_at = 0, -LOG_INTERVAL_SECONDS

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        """503 with `Retry-After`, in the format of the address's audience."""
        began, method = time.perf_counter(), environ["REQUEST_METHOD"]
        status, headers, body = _rejection(_first_segment(environ.get("PATH_INFO", "")), is_post=method == "POST")
        own = [("X-Request-ID", self._ensure_request_id(environ))]
        if environ.get("CONTENT_LENGTH", "") not in {"", "0"} or "HTTP_TRANSFER_ENCODING" in environ:
            # granian closes a connection whose request body was not read; the client has to know.
            own.append(("Connection", "close"))
        start_response(status, headers + own)
        seconds = time.perf_counter() - began
        self._count_request(view="refused", method=method, status=int(status[:3]), seconds=seconds, code="")
        self._log(time.monotonic())
        return [body]

    def _log(self, now: float) -> None:
        with self._mutex:
            self._unlogged += 1
            if now - self._logged_at < LOG_INTERVAL_SECONDS:
                return
            number, self._unlogged, self._logged_at = self._unlogged, 0, now
        _log.warning("overloaded: %d requests rejected since the last such line", number)


def shed_load(application: WSGIApplication) -> WSGIApplication:
    """`application` behind an admission queue of `REQUESTS_AT_ONCE` and `REQUESTS_WAITING`.

    Without a limit every request would queue until its client has given up, and the server would work for nobody.
    """
    sizes = {"concurrency": settings.REQUESTS_AT_ONCE, "queue_limit": settings.REQUESTS_WAITING}
    requests, sign_ins, rejections = AdmissionQueue(**sizes), AdmissionQueue(**sizes), Rejections()

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path in _EXEMPT:
            return application(environ, start_response)
        queue = sign_ins if path.startswith(_WAITS_FOR_GITHUB) else requests
        if not queue.acquire():
            return rejections.answer(environ, start_response)
        try:
            return application(environ, start_response)
        finally:
            queue.release()

    return answer


@lru_cache(maxsize=32)
def _rejection(segment: str, *, is_post: bool) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status, headers and body of the rejection. They depend on the first path segment and the method alone."""
    request = HttpRequest()
    request.method, request.path, request.path_info = "POST" if is_post else "GET", segment, segment
    response = unavailable_response(request)
    SecurityMiddleware(lambda _: response)(request)
    return f"{response.status_code} {response.reason_phrase}", list(response.items()), response.content


def _first_segment(path: str) -> str:
    """`/api/` of `/api/v1/me`; `/` of a path with one segment."""
    first, slash, _ = path[1:].partition("/")
    return f"/{first}/" if slash else "/"
