from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from uuid6 import uuid7


class Application(models.Model):
    """A registered OAuth client. Its secrets are kept as SHA-256, in hex; a public one has none.

    `scope` is what it may be given. Addresses are compared exactly. Two secrets are valid while one replaces another.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    client_id = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=100)
    home_page = models.URLField(max_length=500, blank=True)
    is_public = models.BooleanField(default=False)
    redirect_uris = ArrayField(models.CharField(max_length=500))
    post_logout_redirect_uris = ArrayField(models.CharField(max_length=500), default=list)
    backchannel_logout_uri = models.CharField(max_length=500, blank=True, db_default="")
    origins = ArrayField(models.CharField(max_length=300), default=list)
    scope = models.CharField(max_length=200)
    id_token_algorithm = models.CharField(max_length=8, default="RS256")
    secret_digests = ArrayField(models.CharField(max_length=64), default=list)
    created_at = models.DateTimeField(db_default=Now())
    disabled_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(is_public=True, secret_digests__len=0)
                | Q(is_public=False, secret_digests__len__gte=1, secret_digests__len__lte=2),
                name="application_confidential_has_a_secret",
            ),
            models.CheckConstraint(
                condition=Q(id_token_algorithm__in=["RS256", "ES256"]), name="application_algorithm_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(client_id__startswith="insighta-"), name="application_id_is_not_reserved"
            ),
        ]

    def __str__(self) -> str:
        return self.client_id


class Session(models.Model):
    """One sign-in of one person in one client, and its family of refresh tokens. Secrets are kept as SHA-256 only.

    `generation` counts rotations. `expires_at` moves with use, `ends_at` never. `handoff_challenge` is the S256
    challenge of a hand-off; its generation 0 travelled in a URL. `auth_time` is the moment of GitHub's answer, for a
    device that of the sign-in that approved it; unknown where an earlier release opened the session.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    client_id = models.CharField(max_length=64)
    label = models.CharField(max_length=100, blank=True)
    scope = models.CharField(max_length=200)
    auth_time = models.DateTimeField(null=True)
    publisher_id = models.UUIDField(null=True, help_text="The trusted publisher whose job this is.")
    generation = models.IntegerField(default=0)
    current_hash = models.BinaryField(max_length=32)
    previous_hash = models.BinaryField(max_length=32, null=True)
    rotation_nonce = models.BinaryField(max_length=32, null=True)
    retry_key_hash = models.BinaryField(max_length=32, null=True)
    handoff_challenge = models.CharField(max_length=43, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    rotated_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(db_default=Now())
    last_address = models.GenericIPAddressField(null=True)
    expires_at = models.DateTimeField()
    ends_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_because = models.CharField(max_length=64, blank=True)

    client_is_disabled = False
    """Whether the application has been disabled; set where a session is found with its person."""

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(generation__gte=0), name="session_generation_not_negative"),
            models.CheckConstraint(condition=Q(expires_at__lte=F("ends_at")), name="session_expires_before_it_ends"),
        ]
        indexes: ClassVar = [models.Index(fields=["client_id", "-id"], name="session_by_client")]
        verbose_name = "signed-in device"

    def __str__(self) -> str:
        return f"{self.user.login}, {self.label}"


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
    nonce = models.CharField(max_length=255, blank=True, db_default="")
    scope = models.CharField(max_length=200)
    label = models.CharField(max_length=100, blank=True)
    auth_time = models.DateTimeField(null=True)
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
    decided_by = models.UUIDField(null=True, help_text="The session that approved or denied.")
    auth_time = models.DateTimeField(null=True)
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
    last_address = models.GenericIPAddressField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "access token"

    def __str__(self) -> str:
        return f"{self.user.login}, {self.name}"


class TrustedPublisher(models.Model):
    """Jobs of a CI service that may act as a person without a secret (RFC 8693), named by what their ID tokens say.

    The ids pin repository and owner: names are recycled. `repository_id` is unknown until first use where the
    repository could not be seen. An empty `environment` or `ref` means any.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    issuer = models.CharField(max_length=300)
    repository = models.CharField(max_length=140)
    repository_id = models.BigIntegerField(null=True)
    repository_owner_id = models.BigIntegerField()
    workflow = models.CharField(max_length=100)
    environment = models.CharField(max_length=255, blank=True)
    ref = models.CharField(max_length=255, blank=True)
    scope = models.CharField(max_length=200)
    created_at = models.DateTimeField(db_default=Now())
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["repository_owner_id"], name="publisher_by_owner")]

    def __str__(self) -> str:
        return f"trusted publisher {self.id}"


class UsedJobToken(models.Model):
    """An ID token that has been exchanged: the SHA-256 of issuer and `jti`, kept until nobody would take it again."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    token_hash = models.BinaryField(max_length=32, unique=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"used job token {self.id}"


class Consent(models.Model):
    """A person's answer to an application: the scopes that they have allowed it, until they withdraw."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    client_id = models.CharField(max_length=64)
    scope = models.CharField(max_length=200)
    first_used_at = models.DateTimeField(db_default=Now())
    last_used_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "client_id"], name="consent_once_per_client")]

    def __str__(self) -> str:
        return f"consent {self.id}"


class SigningKey(models.Model):
    """A key pair: ES256 for access tokens and ID tokens, RS256 for ID tokens.

    The private half is encrypted under a key derived from `SECRET_KEY`, and goes when the key retires. It signs from
    `activates_at` until a later one of its algorithm does, and is published until `retires_at`. Its public half
    verifies hints at sign-out until `hints_until`; for a key that leaked there is no such time.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kid = models.CharField(max_length=64, unique=True)
    algorithm = models.CharField(max_length=8, db_default="ES256")
    private_key = models.BinaryField()
    public_jwk = models.JSONField()
    activates_at = models.DateTimeField()
    retires_at = models.DateTimeField(null=True)
    hints_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"signing key {self.kid}"
