import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import quote_etag
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, Serializer
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

from bookings.errors import NotValid
from bookings.policies.times import day_of, end_day_of
from bookings.serializers.answers import (
    HostSerializer,
    PublicHostSerializer,
    PublicSlotSerializer,
    RowSerializer,
    SlotSerializer,
)
from bookings.serializers.requests import DaysQuery
from bookings.services.browsing import read_public
from tokens.authentication import credential_of

if TYPE_CHECKING:
    from bookings.repositories.keyset import Page


KEY_FORM = re.compile(r"[\x21-\x7e]{1,255}")
SHOWN_DAYS, MOST_DAYS = 35, 100
CALENDAR_SECONDS = 30
"""How long a cache may answer for the public calendar."""


class CalendarView(APIView):
    """A part of the public calendar: with `PUBLIC_CALENDAR` everybody may read it, and caches may keep what they read.

    What is sent to a token, and every refusal, is kept by nobody (RFC 9111 §5.2.2).
    """

    required_scopes: ClassVar[dict[str, str]] = {"GET": "bookings:read"}
    is_public_calendar = True
    get: Callable[..., Response]

    def initial(self, request: Request, *args: Any, **options: Any) -> None:
        """Let a standby answer whoever has been let in without a token."""
        super().initial(request, *args, **options)
        if request.auth is None:
            self.get = self.head = partial(self._read_public, self.get)

    def _read_public(self, get: Callable[..., Response], *args: Any, **options: Any) -> Response:
        return read_public(read=partial(get, *args, **options), now=timezone.now())

    def finalize_response(self, request: Request, response: Response, *args: Any, **options: Any) -> Response:
        """RFC 9110 §13.1.2: an answer to nobody in particular has an ETag, and is not sent to who has it."""
        answer = super().finalize_response(request, response, *args, **options)
        patch_vary_headers(answer, ["Authorization"])
        # After a refusal of the credential, asking for `auth` would raise the refusal again.
        is_read = answer.status_code == HTTPStatus.OK and request.method in {"GET", "HEAD"}
        is_public = is_read and request.auth is None
        answer.headers["Cache-Control"] = f"public, max-age={CALENDAR_SECONDS}" if is_public else "private, no-store"
        if not is_public:
            return answer
        digest = hashlib.sha256(answer.render().content).hexdigest()[:32]
        answer.headers["ETag"] = quote_etag(digest)
        same = get_conditional_response(request._request, etag=answer.headers["ETag"], response=answer)
        return cast(Response, same)


def find_caller_id(request: Request) -> UUID | None:
    """Who asks; None for a reader of the public calendar without an account."""
    return None if request.auth is None else caller_id(request)


def host_shape(request: Request) -> RowSerializer:
    """How the caller sees hosts."""
    return PublicHostSerializer() if request.auth is None else HostSerializer()


def slot_shape(request: Request) -> RowSerializer:
    """How the caller sees slots."""
    return PublicSlotSerializer() if request.auth is None else SlotSerializer()


def caller_id(request: Request) -> UUID:
    """Who asks. The permission class has made sure that somebody does."""
    return cast(UUID, request.user.pk)


def read_body(form: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    """The request's body, checked. Raises ValidationError."""
    return _checked(form, request.data)


def take_how(body: dict[str, Any], *names: str) -> dict[str, Any]:
    """Arguments of a service that a body gives besides values, taken out of it; `preview` is `is_preview` there."""
    how: dict[str, Any] = {name: body.pop(name) for name in names if name in body}
    return how | ({"is_preview": body.pop("preview")} if "preview" in body else {})


def read_query(form: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    """The address's parameters, checked; none of them is required. Raises ValidationError."""
    given = request.query_params.dict()
    return _checked(form, given) if given else {}


def read_whole_query(form: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    """As `read_query`, where some are required. Raises ValidationError."""
    return _checked(form, request.query_params.dict())


def read_key(request: Request) -> str | None:
    """The Idempotency-Key, None without one. Raises NotValid."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not KEY_FORM.fullmatch(key):
        raise NotValid("An Idempotency-Key has 1 to 255 visible ASCII characters. Send one like that, or none.")
    return key


@dataclass(frozen=True)
class AskedDays:
    """Days that follow one another in a zone."""

    days: list[date]
    zone: ZoneInfo
    filters: dict[str, Any]


def read_days(request: Request, *, now: datetime) -> AskedDays:
    """The days of a `DaysQuery`; without a token those from today on. Raises ValidationError."""
    asked = read_query(DaysQuery, request)
    zone = asked.get("zone") or zone_of_caller(request)
    today = day_of(now, zone=zone)
    first = day_of(asked["first"], zone=zone) if "first" in asked else today
    end = end_day_of(asked["end"], zone=zone) if "end" in asked else first + timedelta(days=SHOWN_DAYS)
    if end > first + timedelta(days=MOST_DAYS):
        raise ValidationError({"to": [f"Ask for at most {MOST_DAYS} days at a time."]})
    shown = first if request.auth is not None else max(first, today)
    days = [shown + timedelta(days=number) for number in range((end - shown).days)]
    return AskedDays(days, zone, {name: asked[name] for name in ("host_id", "offering_id") if name in asked})


def zone_of_caller(request: Request) -> ZoneInfo:
    """The caller's own zone, UTC for nobody."""
    return ZoneInfo("UTC") if request.auth is None else ZoneInfo(credential_of(request).person.time_zone)


def _checked(form: type[Serializer[Any]], given: Any) -> dict[str, Any]:
    if given is None:
        # A body of `null`, for which `is_valid` has words of its own.
        form(data=None).is_valid(raise_exception=True)
    values: dict[str, Any] = _shared(form).run_validation(given)
    return values


@cache
def _shared(form: type[Serializer[Any]]) -> Serializer[Any]:
    """One for all requests: validation keeps nothing in it, and making one copies every field."""
    return form()


def cursor_of(request: Request) -> str:
    """Which page of the list is asked for; empty for the first."""
    return request.query_params.get("cursor", "")


def rows_body(serializer: BaseSerializer[Any], rows: Iterable[Any]) -> list[Any]:
    """Rows of a list that is no page of a longer one."""
    return [serializer.to_representation(row) for row in rows]


def page_body(page: "Page[Any]", serializer: BaseSerializer[Any], request: Request) -> dict[str, Any]:
    """A list as the contract has it; the addresses of its neighbours keep every other parameter."""
    # Never the request's Host header, which its sender chooses.
    address = f"{settings.BACKEND_URL}{request.get_full_path()}"
    return {
        "results": rows_body(serializer, page.rows),
        "next": replace_query_param(address, "cursor", page.next) if page.next else None,
        "previous": replace_query_param(address, "cursor", page.previous) if page.previous else None,
    }


def feed_address(secret: str) -> str:
    """Where a calendar program reads the feed of that secret."""
    # Never the request's Host header, which its sender chooses.
    return f"{settings.BACKEND_URL}{reverse('calendar', args=[secret])}"
