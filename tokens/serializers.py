from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from rest_framework import serializers

from accounts.policies import clean_text
from tokens.models import DeviceGrant, PersonalAccessToken, Session
from tokens.policies.device_codes import format_user_code, normalize_user_code
from tokens.policies.scopes import ALL_SCOPES


class SessionSerializer(serializers.ModelSerializer[Session]):
    """One sign-in; `current` marks the one that asks."""

    current = serializers.SerializerMethodField()

    class Meta:
        model = Session
        fields = ("id", "client_id", "label", "created_at", "last_used_at", "current")

    def get_current(self, session: Session) -> bool:
        return bool(session.id == self.context["request"].auth.session_id)


class _PageSerializer(serializers.Serializer[Any]):
    """A list: `results` and the addresses of its neighbours."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class SessionPageSerializer(_PageSerializer):
    results = SessionSerializer(many=True)


class PersonalAccessTokenSerializer(serializers.ModelSerializer[PersonalAccessToken]):
    """A token without its secret."""

    scopes = serializers.SerializerMethodField()

    class Meta:
        model = PersonalAccessToken
        fields: tuple[str, ...] = ("id", "name", "prefix", "scopes", "expires_at", "last_used_at", "created_at")

    def get_scopes(self, token: PersonalAccessToken) -> list[str]:
        return token.scope.split()


class PersonalAccessTokenPageSerializer(_PageSerializer):
    results = PersonalAccessTokenSerializer(many=True)


class CreatedTokenSerializer(PersonalAccessTokenSerializer):
    """The `201`: the only answer that holds the secret."""

    token = serializers.SerializerMethodField()

    class Meta(PersonalAccessTokenSerializer.Meta):
        fields = (*PersonalAccessTokenSerializer.Meta.fields, "token")

    def get_token(self, token: PersonalAccessToken) -> str:
        return str(self.context["secret"])


# At the end of the calendar an instant cannot be shown in every zone, and a list that holds one could not be either.
LAST_YEAR = 9998


class ExpiryField(serializers.DateTimeField):
    """An instant, or a date, which means the end of that day in UTC. It must lie ahead."""

    def to_internal_value(self, value: Any) -> datetime:
        try:
            day = date.fromisoformat(value)
        except (TypeError, ValueError):
            instant = super().to_internal_value(value)
        else:
            instant = datetime.combine(day, time.max, tzinfo=UTC)
        if instant <= self.context["now"]:
            raise serializers.ValidationError("The expiry must lie in the future.")
        if instant.year > LAST_YEAR:
            raise serializers.ValidationError(
                f"The expiry must lie before the end of {LAST_YEAR}. Give none for a token without an end."
            )
        return instant


class NewTokenSerializer(serializers.Serializer[Any]):
    """What a person decides about a new token (context: `now`). Without an expiry it lives until it is revoked."""

    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=ALL_SCOPES), min_length=1)
    expires_at = ExpiryField(required=False, allow_null=True)
    expires_in_days = serializers.IntegerField(required=False, min_value=1, max_value=3660)

    def validate_name(self, value: str) -> str:
        cleaned = clean_text(value, limit=100)
        if not cleaned:
            raise serializers.ValidationError("Give the token a name that can be read.")
        return cleaned

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        days = attrs.pop("expires_in_days", None)
        if days is not None and attrs.get("expires_at") is not None:
            raise serializers.ValidationError({"expires_in_days": ["Give expires_at or expires_in_days, not both."]})
        if days is not None:
            attrs["expires_at"] = self.context["now"] + timedelta(days=days)
        return attrs


class DeviceRequestSerializer(serializers.ModelSerializer[DeviceGrant]):
    """What a person must see before they approve: which program, what it calls itself, from where and when."""

    user_code = serializers.SerializerMethodField()
    client_name = serializers.SerializerMethodField()

    class Meta:
        model = DeviceGrant
        fields = (
            "user_code",
            "client_id",
            "client_name",
            "label",
            "address",
            "scope",
            "status",
            "created_at",
            "expires_at",
        )

    def get_user_code(self, grant: DeviceGrant) -> str:
        return format_user_code(normalize_user_code(self.context["user_code"]) or "")

    def get_client_name(self, grant: DeviceGrant) -> str:
        return str(self.context["client_name"])
