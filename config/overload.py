"""What a server does when it cannot do what it is asked: it says so at once, and when to come back."""

import logging
import threading
from collections.abc import Callable

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.module_loading import import_string

GetResponse = Callable[[HttpRequest], HttpResponseBase]

WAIT_SECONDS = 1.0
RETRY_AFTER_SECONDS = 1

# Asked while everything else is refused: to see why.
_ALWAYS_OPEN = frozenset({"/healthz", "/readyz", "/metrics"})
# Waits for GitHub, for seconds when GitHub is slow: a queue of its own keeps it from holding up everything else.
_WAITS_FOR_OTHERS = "/auth/complete/"

_log = logging.getLogger(__name__)


class Gate:
    """Lets `running` requests in at once; `waiting` more wait for a place, `seconds` at most."""

    def __init__(self, *, running: int, waiting: int, seconds: float) -> None:
        self._running = threading.Semaphore(running)
        self._present = threading.Semaphore(running + waiting)
        self._seconds = seconds

    def enter(self) -> bool:
        """Whether there is a place; whoever got one calls `leave`."""
        if not self._present.acquire(blocking=False):
            return False
        if self._running.acquire(timeout=self._seconds):
            return True
        self._present.release()
        return False

    def leave(self) -> None:
        """Give the place to the next who waits."""
        self._running.release()
        self._present.release()


class AdmissionMiddleware:
    """Sends requests away before they have cost anything, where more are under way than can be done in time.

    Without it they would all wait, each longer than its caller does, and the server would work for callers that left.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        sizes = {"running": settings.REQUESTS_AT_ONCE, "waiting": settings.REQUESTS_WAITING}
        self._gate = Gate(**sizes, seconds=WAIT_SECONDS)
        self._gate_of_sign_ins = Gate(**sizes, seconds=WAIT_SECONDS)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path in _ALWAYS_OPEN:
            return self.get_response(request)
        gate = self._gate_of_sign_ins if request.path.startswith(_WAITS_FOR_OTHERS) else self._gate
        if not gate.enter():
            return refuse(request)
        try:
            return self.get_response(request)
        finally:
            gate.leave()


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


def _discard_broken_connections() -> None:
    """After a restart of the database every idle connection is dead: one failed request is enough to find them all."""
    pool = getattr(connection, "pool", None)
    if pool is not None and not pool.closed:
        pool.check()
