from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from uuid6 import uuid7


class Session(models.Model):
    """One sign-in of one person in one client, and its family of refresh tokens. Secrets are kept as SHA-256 only.

    `generation` counts rotations. `expires_at` moves with use, `ends_at` never. `handoff_challenge` is the S256
    challenge of a hand-off; its generation 0 travelled in a URL.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    client_id = models.CharField(max_length=64)
    label = models.CharField(max_length=100, blank=True)
    scope = models.CharField(max_length=200)
    generation = models.IntegerField(default=0)
    current_hash = models.BinaryField(max_length=32)
    previous_hash = models.BinaryField(max_length=32, null=True)
    rotation_nonce = models.BinaryField(max_length=32, null=True)
    retry_key_hash = models.BinaryField(max_length=32, null=True)
    handoff_challenge = models.CharField(max_length=43, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    rotated_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    ends_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_because = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(generation__gte=0), name="session_generation_not_negative"),
            models.CheckConstraint(condition=Q(expires_at__lte=F("ends_at")), name="session_expires_before_it_ends"),
        ]
        indexes: ClassVar = [models.Index(fields=["client_id", "-id"], name="session_by_client")]

    def __str__(self) -> str:
        return f"session {self.id}"


class AuthorizationCode(models.Model):
    """RFC 6749 §4.1.2: single use, 60 seconds, bound to client, redirect URI and PKCE challenge.

    A redeemed one stays until it is purged, so that a second attempt can revoke `session`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    code_hash = models.BinaryField(max_length=32, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    client_id = models.CharField(max_length=64)
    redirect_uri = models.CharField(max_length=500)
    code_challenge = models.CharField(max_length=43)
    scope = models.CharField(max_length=200)
    label = models.CharField(max_length=100, blank=True)
    expires_at = models.DateTimeField(db_index=True)
    redeemed_at = models.DateTimeField(null=True)
    session = models.ForeignKey(Session, null=True, on_delete=models.SET_NULL, related_name="+")

    def __str__(self) -> str:
        return f"authorization code {self.id}"


class DeviceGrant(models.Model):
    """RFC 8628: a sign-in that a device began and a person decides in another place. Both codes are kept as SHA-256."""

    class Status(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        DENIED = "denied"
        REDEEMED = "redeemed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    device_code_hash = models.BinaryField(max_length=32, unique=True)
    user_code_hash = models.BinaryField(max_length=32, unique=True)
    client_id = models.CharField(max_length=64)
    scope = models.CharField(max_length=200)
    label = models.CharField(max_length=100, blank=True)
    address = models.GenericIPAddressField(null=True)
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    interval = models.IntegerField(help_text="Seconds that the device must wait between two polls.")
    last_polled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(status__in=["pending", "approved", "denied", "redeemed"]), name="device_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(status="pending") | Q(user__isnull=False), name="device_decision_has_a_person"
            ),
        ]

    def __str__(self) -> str:
        return f"device grant {self.id}"


class PersonalAccessToken(models.Model):
    """A long-lived bearer token that a person made for a script. Shown once, kept as SHA-256.

    `prefix` is its beginning, by which its owner recognises it. `last_used_at` is written at most once a minute.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16)
    token_hash = models.BinaryField(max_length=32, unique=True)
    scope = models.CharField(max_length=200)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"personal access token {self.id}"


class SigningKey(models.Model):
    """A key pair for access tokens (ES256). The private half is encrypted under a key derived from `SECRET_KEY`.

    It signs from `activates_at` until a later one does, and is published until `retires_at`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kid = models.CharField(max_length=64, unique=True)
    private_key = models.BinaryField()
    public_jwk = models.JSONField()
    activates_at = models.DateTimeField()
    retires_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"signing key {self.kid}"
