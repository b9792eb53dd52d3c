from typing import Any
from zoneinfo import ZoneInfo

from rest_framework import serializers

from accounts.models import User
from accounts.policies import clean_text, list_zones


class MeSerializer(serializers.ModelSerializer[User]):
    """The person of `/me`; `scopes` are those of the credential that asks."""

    scopes = serializers.SerializerMethodField()
    email = serializers.CharField(read_only=True, help_text="Empty where GitHub gives none.")
    avatar_url = serializers.CharField(read_only=True, help_text="Empty where GitHub gives none.")
    display_name = serializers.CharField(max_length=100, required=False, allow_blank=True)

    class Meta:
        model = User
        fields = (
            "id",
            "login",
            "display_name",
            "email",
            "email_notifications",
            "hosting_notifications",
            "email_for_hosts",
            "avatar_url",
            "time_zone",
            "standing",
            "is_host",
            "is_staff",
            "scopes",
        )
        read_only_fields = ("id", "login", "email", "avatar_url", "standing", "is_host", "is_staff")

    def to_representation(self, person: User) -> dict[str, Any]:
        """The fields without their serializer fields, which cost more than the query: all are texts and flags."""
        plain = {name: getattr(person, name) for name in self.Meta.fields if name not in {"id", "scopes"}}
        return {"id": str(person.pk), **plain, "scopes": self.get_scopes(person)}

    def get_scopes(self, person: User) -> list[str]:
        return sorted(self.context["request"].auth.scopes)

    def validate_display_name(self, value: str) -> str:
        return clean_text(value, limit=100)

    def validate_time_zone(self, value: str) -> str:
        if value not in list_zones():
            raise serializers.ValidationError("Use an IANA time zone name such as Africa/Lagos.")
        return ZoneInfo(value).key
