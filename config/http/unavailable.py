import logging
from collections.abc import Callable

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.module_loading import import_string

from config.database.outages import is_away

RETRY_AFTER_SECONDS = 1

_log = logging.getLogger(__name__)


def unavailable_response(request: HttpRequest) -> HttpResponse:
    """503 with `Retry-After`; `UNAVAILABLE_VIEW` chooses JSON or a page by the request's path."""
    response: HttpResponse = import_string(settings.UNAVAILABLE_VIEW)(request)
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    response.headers["Cache-Control"] = "no-store"
    # CommonMiddleware, which usually sets it, does not see this response.
    response.headers["Content-Length"] = str(len(response.content))
    return response


class DatabaseErrorMiddleware:
    """Answers 503 where the database is unreachable, full, a standby for now, or has no free connection."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not is_away(error):
            return None
        _log.warning("database error: %s", str(error).strip().partition("\n")[0])
        _discard_broken_connections()
        return unavailable_response(request)


def _discard_broken_connections() -> None:
    """Check the whole pool: after a restart of the database every idle connection is broken."""
    pool = getattr(connection, "pool", None)
    if pool is not None and not pool.closed:
        pool.check()
