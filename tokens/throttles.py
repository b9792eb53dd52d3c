"""Rate limits: who is counted, and how often. Sliding windows, of a minute unless told, counted by `limits`.

All traffic of the portal has one address, so people and sessions are counted by what they are, and an address
only where nobody is known yet. `THROTTLE_SCALE` multiplies every limit.
"""

import ipaddress
import logging
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from time import monotonic
from typing import Any

from cachetools import cached
from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from limits.errors import StorageError
from limits.storage import RedisStorage
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from tokens.authentication import VOUCHED_FOR, client_address, is_made_by_portal, is_public
from tokens.errors import Throttled
from tokens.policies.clients import CI, Client
from tokens.policies.refresh_tokens import RefreshToken

REDIS_SECONDS = 2

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limit:
    """At most `number` requests of one caller in so many minutes."""

    name: str
    number: int
    minutes: int = 1

    def count(self, caller: str | None) -> None:
        """Count a request of `caller`, of nobody for None. Raises Throttled where it is one too many.

        Where Redis cannot be reached, people are let in and the operator is told.
        """
        if caller is None:
            return
        number = max(1, round(self.number * settings.THROTTLE_SCALE))
        key, seconds = f"{self.name}/{caller}", 60 * self.minutes
        try:
            if limiter().acquire_sliding_window_entry(key, number, seconds):
                return
            wait = _seconds_until_allowed(key, number, seconds)
        except StorageError as error:
            logger.error("rate limit %s is not counted: %s", self.name, type(error.storage_error).__name__)
            return
        raise Throttled(wait)

    def count_address(self, request: Any, *, is_vouched_for: bool = False) -> None:
        """Count a request of the address it comes from, an IPv6 address by its /64. Raises Throttled."""
        address = client_address(request, is_vouched_for=is_vouched_for)
        self.count(address and _network_of(address))


PERSON = Limit("person", 1200)
"""Every API call of a person, by whatever credential."""
READER = Limit("reader", 120)
"""Reads of the public calendar without an account, by the address of the browser where the portal asks for one."""
SESSION = Limit("session", 120)
"""Refreshes of one session, whichever client and address they come through."""
USER_CODE_PERSON = Limit("user-code-person", 20)
"""Guesses of user codes (RFC 8628 §5.1) by one person."""
USER_CODE_ADDRESS = Limit("user-code-address", 60)
"""Guesses of user codes from one address, whoever signs in there; the browser's where the portal proves itself."""
BOOKING_IN = Limit("booking-in", 60, minutes=60)
"""People whom one host books in. A higher limit would let a host find out who is here."""
SIGN_IN = Limit("sign-in", 60)
"""Trips to GitHub begun from one address."""
SIGN_OUT = Limit("sign-out", 120)
"""Sign-outs that applications send from one address: each may cost a signature and queries."""
STAFF_PASSWORD = Limit("staff-password", 10)
"""Guesses of staff passwords from one address."""
STAFF_ACCOUNT = Limit("staff-account", 5)
"""Guesses of the password of one staff name, known or not, from whatever addresses. GitHub is another way in."""
DEVICE = Limit("device", 30)
"""Device sign-ins begun from one address."""
PUBLIC_CLIENT = Limit("public-client", 600)
"""Requests of clients without a secret to the token endpoint, by address."""
CLIENT = Limit("client", 12_000)
"""Requests of one registered application that its secret proves.

Whoever knows the id of a public one can send it, so that at the OAuth endpoints it counts by address alone. The portal
and the terminal are everybody's.
"""
CLIENT_TOKENS = Limit("client-tokens", 12_000)
"""API calls with the tokens of one registered application's people, who by themselves stop none of its sign-ins."""
CLIENT_SECRET = Limit("client-secret", 30)
"""Failed client authentications, by address: guesses of secrets."""


@dataclass
class Window:
    """How often each caller was counted in one window and in the one before. Older ones are forgotten."""

    number: int
    counts: dict[str, int]
    counts_before: dict[str, int]

    def advanced_to(self, number: int) -> "Window":
        if number == self.number:
            return self
        return Window(number, {}, self.counts if number == self.number + 1 else {})


class LocalStorage:
    """Sliding windows of one process, safe for threads.

    The memory storage of `limits` 5.8 loses counts, raises, and looks at every counter in a thread that it starts a
    hundred times a second.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self.windows: dict[int, Window] = {}

    def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count, where the weighted sum of both windows stays within the limit; whether it was counted."""
        with self._lock:
            window, weight = self._read(expiry)
            count = window.counts.get(key, 0)
            if int(window.counts_before.get(key, 0) * weight + count) + amount > limit:
                return False
            window.counts[key] = count + amount
            return True

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """The count of the window before, the seconds until it no longer matters, and both of this window."""
        with self._lock:
            window, weight = self._read(expiry)
            ends_in = weight * expiry
            return window.counts_before.get(key, 0), ends_in, window.counts.get(key, 0), ends_in + expiry

    def _read(self, expiry: int) -> tuple[Window, float]:
        """The window of this length that is now, and the part of it that is left."""
        number, passed = divmod(monotonic(), expiry)
        window = self.windows.get(expiry) or Window(int(number), {}, {})
        window = self.windows[expiry] = window.advanced_to(int(number))
        return window, 1 - passed / expiry


@cached({}, lock=Lock())
def limiter() -> LocalStorage | RedisStorage:
    """This process's counters, or those that all processes share where `REDIS_URL` is set."""
    if not settings.REDIS_URL:
        return LocalStorage()
    # Loading it takes half as long as starting a command.
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    # One more attempt, for a connection that Redis has closed since it was last used.
    options: dict[str, Any] = {"retry": Retry(NoBackoff(), 1)}
    options |= {"socket_connect_timeout": REDIS_SECONDS, "socket_timeout": REDIS_SECONDS}
    return RedisStorage(settings.REDIS_URL, key_prefix="throttle", wrap_exceptions=True, **options)


def count_staff_name(name: str) -> None:
    """Count a guess of this name's password. Raises Throttled. The name is not kept: it may be a password."""
    STAFF_ACCOUNT.count(salted_hmac("tokens.throttles.staff", name, algorithm="sha256").hexdigest())


def count_refresh(presented: RefreshToken | None) -> None:
    """Count a refresh of the token's session. Raises Throttled.

    Only a token that this service made counts: nobody can use up another session's limit by knowing its id.
    """
    SESSION.count(str(presented.session_id) if presented else None)


def count_client(request: HttpRequest, client: Client) -> None:
    """Count a request to an OAuth endpoint of a client that has been authenticated. Raises Throttled."""
    if not client.is_confidential:
        PUBLIC_CLIENT.count_address(request)
    elif not client.is_built_in:
        CLIENT.count(client.client_id)


class PersonThrottle(BaseThrottle):
    """DRF's throttle for every view of the API; a view whose POST is about somebody else says `posts_for_others`."""

    def allow_request(self, request: Request, view: object) -> bool:
        PERSON.count(_person_of(request))
        CLIENT_TOKENS.count(_application_of(request))
        if request.method == "POST" and getattr(view, "posts_for_others", False):
            BOOKING_IN.count(_person_of(request))
        if request.auth is None and is_public(view):
            READER.count_address(request, is_vouched_for=request.META.get(VOUCHED_FOR, False))
        return True


class UserCodeThrottle(BaseThrottle):
    """DRF's throttle for views that answer whether a user code exists."""

    def allow_request(self, request: Request, view: object) -> bool:
        USER_CODE_ADDRESS.count_address(request, is_vouched_for=is_made_by_portal(request))
        USER_CODE_PERSON.count(_person_of(request))
        return True


def _person_of(request: Request) -> str | None:
    return str(request.user.pk) if request.auth is not None else None


def _application_of(request: Request) -> str | None:
    """The registered application whose token it is. The jobs of CI have nothing in common but the name."""
    credential: Any = request.auth
    if credential is None or not credential.is_of_application or credential.client_id == CI:
        return None
    return str(credential.client_id)


def _seconds_until_allowed(key: str, number: int, seconds: int) -> float:
    """Seconds until the weighted sum of this window and the one before is below the limit."""
    before, before_ends_in, now, ends_in = limiter().get_sliding_window(key, seconds)
    if now >= number:
        return float(ends_in - seconds)
    return float(before_ends_in - (number - now) * seconds / before) if before else 0.0


@lru_cache(maxsize=1024)
def _network_of(address: str) -> str:
    parsed = ipaddress.ip_address(address)
    if parsed.version == 4:
        return address
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
