from functools import lru_cache
from typing import Any

from prometheus_client import Counter, Histogram

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BOOKING = ("api/v1/bookings", "POST")
# GitHub's redirect back; its failures are recognised by the status of the response.
_RETURN_FROM_GITHUB = "auth/complete/github/"
_FAILED_RETURNS = {
    400: "sign_in_expired",
    403: "github_address_unverified",
    502: "github_misconfigured",
    503: "github_unavailable",
}

REQUESTS = Counter("insighta_requests", "Requests answered.", ["view", "method", "status"])
SECONDS = Histogram(
    "insighta_request_seconds",
    "Time from the first byte of a request to its answer.",
    ["view", "method"],
    buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
PROBLEMS = Counter("insighta_problems", "Refusals by the API, by their stable code.", ["view", "code"])
EVENTS = Counter("insighta_events", "Lines of the audit trail that were committed.", ["kind"])
SIGN_INS = Counter("insighta_sign_ins", "Sign-ins: opened, or why not.", ["client", "outcome"])
REFRESHES = Counter("insighta_refreshes", "Refreshes: rotated, retried, replayed, refused.", ["outcome", "cause"])
BOOKINGS = Counter("insighta_bookings", "Bookings: what became of them, or the code of the refusal.", ["outcome"])
REFUNDS = Counter("insighta_refunds", "Cancellations that gave credits back.", ["by"])
REFUNDED = Counter("insighta_refunded_credits", "Credits given back.", ["by"])

RETRIES = Counter("insighta_obstructed_operations", "Operations on bookings that met another transaction.", ["because"])


def count_request(*, view: str, method: str, status: int, seconds: float, code: str) -> None:
    """`code` is the code of the problem response, or empty."""
    method = method if method in _METHODS else "OTHER"
    number, duration = _metrics_of_request(view, method, status)
    number.inc()
    duration.observe(seconds)
    if code:
        PROBLEMS.labels(view, code).inc()
        if (view, method) == _BOOKING:
            BOOKINGS.labels(code).inc()
    if view == _RETURN_FROM_GITHUB and status in _FAILED_RETURNS:
        SIGN_INS.labels("", _FAILED_RETURNS[status]).inc()


@lru_cache(maxsize=2048)
def _metrics_of_request(view: str, method: str, status: int) -> tuple[Counter, Histogram]:
    """`labels` makes texts of its values and takes a lock, each time."""
    return REQUESTS.labels(view, method, status), SECONDS.labels(view, method)


def count_event(*, kind: str, client_id: str = "", detail: dict[str, Any], **_: object) -> None:
    """Receiver of `accounts.signals.event_recorded`, which is sent after the commit."""
    EVENTS.labels(kind).inc()
    if kind == "session.opened":
        SIGN_INS.labels(client_id, "opened").inc()
    subject, _dot, what = kind.partition(".")
    if subject == "booking":
        _count_booking(what, detail)


def _count_booking(what: str, detail: dict[str, Any]) -> None:
    by, credits = str(detail.get("by", "")), int(detail.get("credits_refunded", 0))
    BOOKINGS.labels(f"{what}_by_{by}" if by else what).inc()
    if credits:
        REFUNDS.labels(by).inc()
        REFUNDED.labels(by).inc(credits)


def count_obstruction(*, because: str, **_: object) -> None:
    """Receiver of `bookings.signals.operation_retried`."""
    RETRIES.labels(because).inc()


def count_refusal(*, client_id: str, because: str, **_: object) -> None:
    """Receiver of `tokens.signals.sign_in_refused`."""
    SIGN_INS.labels(client_id, because).inc()


def count_refresh(*, outcome: str, cause: str = "", **_: object) -> None:
    """Receiver of `tokens.signals.refresh_answered`."""
    REFRESHES.labels(outcome, cause).inc()
