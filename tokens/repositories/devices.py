from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Q
from django.db.models.functions import Least

from tokens.models import DeviceGrant

# What a network may take from the time between two polls.
POLL_LEEWAY = timedelta(seconds=1)
PENDING, APPROVED = DeviceGrant.Status.PENDING, DeviceGrant.Status.APPROVED


def build_grant(**columns: object) -> DeviceGrant:
    """A grant that is not stored yet."""
    return DeviceGrant(**columns)


def insert_grant(grant: DeviceGrant) -> bool:
    """Store the grant; false if its user code is taken at the moment."""
    DeviceGrant.objects.bulk_create([grant], ignore_conflicts=True)
    return DeviceGrant.objects.filter(id=grant.id).exists()


def find_by_user_code(user_code_hash: bytes, *, now: datetime) -> DeviceGrant | None:
    return DeviceGrant.objects.filter(user_code_hash=user_code_hash, expires_at__gt=now).first()


def find_by_device_code(device_code_hash: bytes) -> DeviceGrant | None:
    return DeviceGrant.objects.select_related("user").filter(device_code_hash=device_code_hash).first()


def decide(
    grant_id: UUID, *, status: str, user_id: UUID, session_id: UUID, auth_time: datetime | None, now: datetime
) -> bool:
    """Approve or deny a pending grant; true for the one decision that counts."""
    pending = DeviceGrant.objects.filter(id=grant_id, status=PENDING, expires_at__gt=now)
    return bool(pending.update(status=status, user_id=user_id, decided_by=session_id, auth_time=auth_time))


def note_poll(grant: DeviceGrant, *, now: datetime) -> bool:
    """Write down that the device polled; false if it came before its interval was over."""
    due = Q(last_polled_at=None) | Q(last_polled_at__lte=now - timedelta(seconds=grant.interval) + POLL_LEEWAY)
    return bool(DeviceGrant.objects.filter(due, id=grant.id).update(last_polled_at=now))


def slow_down(grant_id: UUID, *, seconds: int, most: int) -> None:
    """Lengthen the interval up to `most` seconds. The refused poll is not one that the next is measured from."""
    DeviceGrant.objects.filter(id=grant_id).update(interval=Least(F("interval") + seconds, most))


def redeem(grant_id: UUID, *, now: datetime) -> bool:
    """Use an approved grant; true for the one caller that did."""
    approved = DeviceGrant.objects.filter(id=grant_id, status=APPROVED, expires_at__gt=now)
    return bool(approved.update(status=DeviceGrant.Status.REDEEMED))


def deny_approved_of(user_id: UUID) -> int:
    """Turn away the devices that a person let in and that have not come yet; how many."""
    return DeviceGrant.objects.filter(user_id=user_id, status=APPROVED).update(status=DeviceGrant.Status.DENIED)


def deny_approved_by(session_id: UUID) -> int:
    """Turn away the devices that a session let in and that have not come yet; how many."""
    return DeviceGrant.objects.filter(decided_by=session_id, status=APPROVED).update(status=DeviceGrant.Status.DENIED)
