"""How somebody stops mails without signing in: an address of their own in every mail (RFC 8058)."""

from uuid import UUID

from django.conf import settings

from accounts.services.people import update_profile
from bookings import errors
from bookings.services.secret_addresses import read_owner, write_secret

PREFIX, LABEL = "insu_", "stop mails"
# What stopping mails of a kind changes in a person's settings.
CHANGES: dict[str, dict[str, object]] = {
    "bookings": {"email_notifications": False},
    "hosting": {"hosting_notifications": "none"},
}


def stop_address(*, kind: str, user_id: UUID) -> str:
    """Where the person stops mails of that kind; it works for as long as the mail is kept."""
    secret = write_secret(prefix=PREFIX, parts=(LABEL, kind), user_id=user_id)
    return f"{settings.BACKEND_URL}/mails/stop/{kind}/{secret}"


def find_owner(*, kind: str, secret: str) -> UUID:
    """Whose mails the address stops. Raises NotFound."""
    if kind not in CHANGES:
        raise errors.NotFound
    return read_owner(secret=secret, prefix=PREFIX, parts_of=lambda _: (LABEL, kind))


def stop_mails(*, kind: str, secret: str) -> None:
    """Send the person no more mails of that kind; security mails go on. Raises NotFound."""
    update_profile(user_id=find_owner(kind=kind, secret=secret), changes=dict(CHANGES[kind]))
