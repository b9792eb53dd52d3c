import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.policies import clean_text, digest
from accounts.services import people
from accounts.services.events import record_event
from tokens import errors
from tokens.policies.clients import DEVICE_CODE, Client
from tokens.policies.device_codes import ALPHABET, LENGTH, format_user_code, normalize_user_code
from tokens.policies.scopes import parse_scope
from tokens.repositories import devices
from tokens.services.callers import Credential
from tokens.services.giving_access import lock_recent_sign_in, lock_sign_in
from tokens.services.sessions import TokenPair, open_session

if TYPE_CHECKING:
    from tokens.models import DeviceGrant

PREFIX = "insd_"
INTERVAL_SECONDS, SLOW_DOWN_SECONDS, LONGEST_INTERVAL_SECONDS = 5, 5, 60
_ATTEMPTS = 5


@dataclass(frozen=True)
class DeviceAuthorization:
    """The answer of RFC 8628 §3.2. The codes are returned once."""

    device_code: str = field(repr=False)
    user_code: str = field(repr=False)
    expires_in: int
    interval: int


def authorize_device(
    *, client: Client, scope: str, label: str, address: str | None, now: datetime
) -> DeviceAuthorization:
    """Begin a sign-in on a device without a browser. Raises UnauthorizedClient or InvalidScope."""
    if DEVICE_CODE not in client.grant_types:
        raise errors.UnauthorizedClient
    scopes = parse_scope(scope)
    if scopes is None:
        raise errors.InvalidScope
    device_code = PREFIX + secrets.token_urlsafe(32)
    columns: dict[str, object] = {
        "device_code_hash": digest(device_code),
        "client_id": client.client_id,
        "scope": " ".join(scopes),
        "label": clean_text(label, limit=100) or client.name,
        "address": address,
        "interval": INTERVAL_SECONDS,
        "expires_at": now + settings.DEVICE_CODE_LIFETIME,
    }
    user_code = _insert_with_free_user_code(columns)
    lifetime = int(settings.DEVICE_CODE_LIFETIME.total_seconds())
    return DeviceAuthorization(device_code, format_user_code(user_code), lifetime, INTERVAL_SECONDS)


def get_request(*, user_code: str, user_id: UUID, now: datetime) -> "DeviceGrant":
    """The request that a person was asked to look at. Raises NotFound, also once somebody else has decided it."""
    letters = normalize_user_code(user_code)
    grant = devices.find_by_user_code(digest(letters), now=now) if letters else None
    if grant is None or grant.user_id not in {None, user_id}:
        raise errors.NotFound("There is no sign-in request with this code, or it has expired. Check the code.")
    return grant


@transaction.atomic(durable=True)
def decide_request(*, decider: Credential, user_code: str, approve: bool, now: datetime) -> "DeviceGrant":
    """Approve or deny, once; the same decision again changes nothing.

    Raises NotFound, AlreadyDecided, PermissionDenied for a personal access token and for a sign-in with fewer
    scopes than the device asks for, and NotAuthenticated for a sign-in that has ended. Approving raises StepUpRequired.
    """
    lock = lock_recent_sign_in if approve else lock_sign_in
    sign_in = lock(decider, now=now)
    user_id = decider.person.pk
    grant = get_request(user_code=user_code, user_id=user_id, now=now)
    if approve and set(grant.scope.split()) - decider.scopes:
        raise errors.PermissionDenied("The device asks for more than this sign-in may do. Sign in again, then approve.")
    status = "approved" if approve else "denied"
    decided = devices.decide(
        grant.id, status=status, user_id=user_id, session_id=sign_in.id, auth_time=sign_in.auth_time, now=now
    )
    if decided:
        record_event(
            kind=f"device.{status}",
            user_id=user_id,
            actor_id=user_id,
            client_id=grant.client_id,
            address=grant.address,
            detail={"label": grant.label},
        )
    grant = get_request(user_code=user_code, user_id=user_id, now=now)
    if not decided and grant.status not in ({"approved", "redeemed"} if approve else {"denied"}):
        raise errors.AlreadyDecided
    return grant


def redeem_device_code(*, client: Client, device_code: str, address: str | None, now: datetime) -> TokenPair:
    """One poll of the device (RFC 8628 §3.4).

    Raises AuthorizationPending, SlowDown, AccessDenied, ExpiredToken, or InvalidGrant for an unknown or used code.
    """
    grant = devices.find_by_device_code(digest(device_code))
    if grant is None or grant.client_id != client.client_id:
        raise errors.InvalidGrant("the device code is unknown, start again")
    if grant.expires_at <= now:
        raise errors.ExpiredToken
    if grant.status == "denied":
        raise errors.AccessDenied
    if not _is_poll_due(grant, now=now):
        raise errors.SlowDown
    if grant.status == "pending":
        raise errors.AuthorizationPending
    return _redeem(grant, client, address=address, now=now)


@transaction.atomic(durable=True)
def _redeem(grant: "DeviceGrant", client: Client, *, address: str | None, now: datetime) -> TokenPair:
    if grant.user_id is None:
        raise errors.AuthorizationPending
    person = people.lock_allowed_person(user_id=grant.user_id)
    if not devices.redeem(grant.id, now=now):
        raise errors.InvalidGrant("the device code was used before, start again")
    return open_session(
        person=person,
        client=client,
        scope=grant.scope,
        label=grant.label,
        auth_time=grant.auth_time,
        is_device=True,
        address=address,
        now=now,
    )


@transaction.atomic(durable=True)
def _is_poll_due(grant: "DeviceGrant", *, now: datetime) -> bool:
    if devices.note_poll(grant, now=now):
        return True
    devices.slow_down(grant.id, seconds=SLOW_DOWN_SECONDS, most=LONGEST_INTERVAL_SECONDS)
    return False


def _insert_with_free_user_code(columns: dict[str, object]) -> str:
    for _ in range(_ATTEMPTS):
        letters = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        with transaction.atomic(durable=True):
            if devices.insert_grant(devices.build_grant(user_code_hash=digest(letters), **columns)):
                return letters
    raise errors.Busy
