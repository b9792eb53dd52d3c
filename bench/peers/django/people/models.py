import uuid
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class Person(AbstractBaseUser):
    """The columns of the product's person, so that every peer reads a row of the same kind."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    login = models.CharField(max_length=100, unique=True)
    display_name = models.CharField(max_length=100, blank=True)
    email = models.EmailField(max_length=254, blank=True)
    email_notifications = models.BooleanField(default=True)
    avatar_url = models.URLField(max_length=500, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    is_active = models.BooleanField(default=True)
    standing = models.CharField(max_length=16, default="approved")
    standing_reason = models.CharField(max_length=500, blank=True)
    is_host = models.BooleanField(default=False)
    is_staff = models.BooleanField(default=False)
    is_superuser = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[BaseUserManager["Person"]] = BaseUserManager()

    USERNAME_FIELD = "login"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.login
