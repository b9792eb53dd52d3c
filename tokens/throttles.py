"""Rate limits: who is counted, and how often. Counters live in the cache, shared through Redis where it is configured.

All traffic of the portal has one address, so people and sessions are counted by what they are, and an address
only where nobody is known yet. `THROTTLE_SCALE` multiplies every limit.

A period begins with a caller's first request and is over when its time has passed, however many were refused in it.
"""

import logging
import math
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from tokens.authentication import client_address
from tokens.errors import Throttled
from tokens.policies.refresh_tokens import RefreshToken

logger = logging.getLogger(__name__)


class _Throttle(SimpleRateThrottle):
    """One limit, named by `scope` in the cache."""

    rate: str
    num_requests: int
    duration: int
    """Seconds of a period."""
    _waits: float

    def parse_rate(self, rate: str | None) -> tuple[int | None, int | None]:
        number, seconds = super().parse_rate(rate)
        return max(1, round((number or 0) * settings.THROTTLE_SCALE)), seconds

    def allow_request(self, request: Any, view: Any) -> bool:
        """Count the request. Where the shared cache cannot be reached, people are let in and the operator is told."""
        key = self.get_cache_key(request, view)
        if key is None:
            return True
        try:
            return self._count(key)
        except RedisError as error:
            logger.error("rate limit %s is not counted: %s", self.scope, type(error).__name__)
            return True

    def _count(self, key: str) -> bool:
        # One number for each caller, not each request's time: a limit of a thousand costs what a limit of ten does.
        now = self.timer()
        began, count = self.cache.get(key) or (now, 0)
        if now >= began + self.duration:
            began, count = now, 0
        self._waits = began + self.duration - now
        if count >= self.num_requests:
            return False
        self.cache.set(key, (began, count + 1), math.ceil(self._waits))
        return True

    def wait(self) -> float:
        """Seconds until the period that is used up has passed."""
        return self._waits

    def get_cache_key(self, request: Any, view: Any) -> str | None:
        ident = self.identify(request)
        return f"throttle:{self.scope}:{ident}" if ident else None

    def identify(self, request: Any) -> str | None:
        """Whom this limit counts; None where it does not apply."""
        raise NotImplementedError


class PersonThrottle(_Throttle):
    """Every API call of a person, by whatever credential."""

    scope, rate = "person", "1200/min"

    def identify(self, request: Request) -> str | None:
        return str(request.user.pk) if request.auth is not None else None


class UserCodePersonThrottle(_Throttle):
    """Guesses of user codes (RFC 8628 §5.1) by one person."""

    scope, rate = "user-code-person", "20/min"

    def identify(self, request: Request) -> str | None:
        return str(request.user.pk) if request.auth is not None else None


class UserCodeAddressThrottle(_Throttle):
    """Guesses of user codes from one address, whoever signs in there. The portal's address stands for everybody."""

    scope, rate = "user-code-address", "60/min"

    def identify(self, request: Any) -> str | None:
        through_portal = getattr(request.auth, "client_id", "") == "insighta-portal"
        return None if through_portal else client_address(request)


class _AddressThrottle(_Throttle):
    def identify(self, request: Any) -> str | None:
        return client_address(request)


class SignInThrottle(_AddressThrottle):
    """Trips to GitHub begun from one address."""

    scope, rate = "sign-in", "60/min"


class StaffPasswordThrottle(_AddressThrottle):
    """Guesses of staff passwords from one address."""

    scope, rate = "staff-password", "10/min"


class DeviceThrottle(_AddressThrottle):
    """Device sign-ins begun from one address."""

    scope, rate = "device", "30/min"


class PublicClientThrottle(_AddressThrottle):
    """Requests of clients without a secret to the token endpoint, by address."""

    scope, rate = "public-client", "600/min"


class ClientSecretThrottle(_AddressThrottle):
    """Failed client authentications, by address: what a guesser of secrets does and an honest client does not."""

    scope, rate = "client-secret", "30/min"


class SessionThrottle(_Throttle):
    """Refreshes of one session, whichever client and address they come through."""

    scope, rate = "session", "120/min"

    def identify(self, presented: RefreshToken | None) -> str | None:
        # Only a token that this service made counts: nobody can use up another session's limit by knowing its id.
        return str(presented.session_id) if presented else None


def check(subject: HttpRequest | RefreshToken | None, kind: type[_Throttle]) -> None:
    """Count a request to a plain Django view, by what `kind` identifies. Raises Throttled with the seconds to wait."""
    throttle = kind()
    if not throttle.allow_request(subject, None):
        raise Throttled(throttle.wait())
