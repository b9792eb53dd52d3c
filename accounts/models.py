from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.auth.password_validation import validate_password
from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models.functions import Now, Upper
from uuid6 import uuid7

from accounts import policies


class Standing(models.TextChoices):
    """The staff's decision about a person; no sign-in changes it."""

    PENDING = policies.PENDING
    APPROVED = policies.APPROVED
    SUSPENDED = policies.SUSPENDED


class HostingNotifications(models.TextChoices):
    """How a host is told of what others do with the own sessions: a mail for each change, one a day, or none."""

    EACH = "each"
    DAILY = "daily"
    NONE = "none"


class UserManager(BaseUserManager["User"]):
    """What Django's `createsuperuser` calls. People are made by `repositories.people`.

    `createsuperuser` validates no password that it has from the environment, and lets one who types it pass over the
    validators. Here nobody does.
    """

    def create_superuser(self, username: str, password: str | None = None, **fields: object) -> "User":
        user = self.model(
            username=username, login=username, standing=Standing.APPROVED, is_staff=True, is_superuser=True, **fields
        )
        if password is not None:
            validate_password(password, user)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person. `github_id` is who they are; `login` is what GitHub calls them today and is not unique.

    `is_active` says whether the person uses the account: deactivating clears it, signing in sets it.
    `access_ended_at` is the last time that all access of the person was ended: a sign-in that GitHub answered before
    it gives nothing.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    github_id = models.BigIntegerField(unique=True, null=True, editable=False)
    login = models.CharField(max_length=100, db_index=True)
    username = models.CharField(
        max_length=150,
        unique=True,
        null=True,
        blank=True,
        help_text="Only for staff who sign in to the admin with a password.",
    )
    display_name = models.CharField(max_length=100, blank=True)
    email = models.EmailField(max_length=254, blank=True)
    email_notifications = models.BooleanField(default=True)
    hosting_notifications = models.CharField(
        max_length=8, choices=HostingNotifications, default=HostingNotifications.DAILY, db_default="daily"
    )
    email_for_hosts = models.BooleanField(
        default=False, db_default=False, help_text="Whether hosts of what this person has booked see the address."
    )
    avatar_url = models.URLField(max_length=500, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    is_active = models.BooleanField(default=True)
    standing = models.CharField(max_length=16, choices=Standing, default=Standing.APPROVED)
    standing_reason = models.CharField(max_length=policies.REASON_LENGTH, blank=True)
    is_host = models.BooleanField(default=False)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    erased_at = models.DateTimeField(null=True, editable=False)
    access_ended_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name, verbose_name_plural = "person", "people"
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(standing__in=Standing.values), name="user_standing_is_known")
        ]
        # One for each search and filter of the staff's list, which shows the newest first.
        indexes: ClassVar = [
            models.Index(OpClass(Upper("login"), name="text_pattern_ops"), name="user_by_login"),
            models.Index(OpClass(Upper("email"), name="text_pattern_ops"), name="user_by_email"),
            models.Index(fields=["standing", "-id"], name="user_by_standing"),
            models.Index(fields=["-id"], condition=models.Q(is_active=False), name="user_inactive"),
            models.Index(fields=["-id"], condition=models.Q(is_host=True), name="user_hosts"),
            models.Index(fields=["-id"], condition=models.Q(is_staff=True), name="user_staff"),
        ]

    def __str__(self) -> str:
        return self.login


class SignInFlow(models.Model):
    """One trip of one browser tab to GitHub and back; purged some time after it has expired.

    `cookie_hash` binds it to the browser that began it. `state_hash` stands until GitHub's answer claims the flow, then
    another for the claimed state, by which the same answer is recognised when it comes again.
    `upstream` is the GitHub library's own state, `request` what the app that began the flow wants back. `answered_at`
    is the moment of GitHub's answer, by the database's clock. `decision` is what became of it, once: `approved` or why
    it was refused. `given_id` names what was given, where its id cannot be found otherwise.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    cookie_hash = models.BinaryField(max_length=32)
    state_hash = models.BinaryField(max_length=32, null=True, unique=True)
    upstream = models.JSONField(default=dict)
    request = models.JSONField(default=dict)
    resume_path = models.CharField(max_length=200)
    restart_path = models.TextField()
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")
    refused_because = models.CharField(max_length=64, blank=True)
    answered_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=64, blank=True, db_default="")
    decided_at = models.DateTimeField(null=True)
    given_id = models.UUIDField(null=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"sign-in flow {self.id}"


class Event(models.Model):
    """One line of the audit trail: who did what to whom, when, from where. Never holds a secret.

    `user_id` and `actor_id` are bare ids: the trail outlives an erased person. Only an erasure changes lines: it takes
    addresses and words out of them.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=64)
    user_id = models.UUIDField(null=True)
    actor_id = models.UUIDField(null=True)
    session_id = models.UUIDField(null=True)
    client_id = models.CharField(max_length=64, blank=True)
    address = models.GenericIPAddressField(null=True)
    detail = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["user_id", "-id"], name="event_by_user"),
            models.Index(fields=["kind", "-id"], name="event_by_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.user_id}"
