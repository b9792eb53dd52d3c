from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from rest_framework import serializers

from accounts.policies import clean_text
from tokens.models import DeviceGrant, PersonalAccessToken, Session, TrustedPublisher
from tokens.policies.device_codes import format_user_code, normalize_user_code
from tokens.policies.personal_tokens import latest_end, say_latest_end
from tokens.policies.publishers import PUBLISHER_SCOPES, publisher_problems
from tokens.policies.scopes import ALL_SCOPES
from tokens.services import publishers
from tokens.services.clients import find_client


class SessionSerializer(serializers.ModelSerializer[Session]):
    """One sign-in; `current` marks the one that asks."""

    client_name = serializers.SerializerMethodField()
    current = serializers.SerializerMethodField()

    class Meta:
        model = Session
        fields = ("id", "client_id", "client_name", "label", "created_at", "last_used_at", "last_address", "current")

    def get_client_name(self, session: Session) -> str:
        # A list brings the names along.
        name = getattr(session, "application_name", None)
        if name:
            return str(name)
        client = find_client(session.client_id)
        return client.name if client else session.client_id

    def get_current(self, session: Session) -> bool:
        return bool(session.id == self.context["request"].auth.session_id)


class KnownSessionSerializer(serializers.Serializer[Any]):
    """One sign-in with where it came from; `ended_at` is null while it can be used."""

    session = SessionSerializer()
    address = serializers.CharField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


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
        fields: tuple[str, ...] = (
            "id",
            "name",
            "prefix",
            "scopes",
            "expires_at",
            "last_used_at",
            "last_address",
            "created_at",
        )

    def get_scopes(self, token: PersonalAccessToken) -> list[str]:
        return token.scope.split()


class KnownTokenSerializer(serializers.Serializer[Any]):
    """One token with the sign-in that made it; `ended_at` is null while it can be used."""

    token = PersonalAccessTokenSerializer()
    made_by = KnownSessionSerializer(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class PersonalAccessTokenPageSerializer(_PageSerializer):
    results = PersonalAccessTokenSerializer(many=True)


class CreatedTokenSerializer(PersonalAccessTokenSerializer):
    """The `201`: the only answer that holds the secret."""

    token = serializers.SerializerMethodField()

    class Meta(PersonalAccessTokenSerializer.Meta):
        fields = (*PersonalAccessTokenSerializer.Meta.fields, "token")

    def get_token(self, token: PersonalAccessToken) -> str:
        return str(self.context["secret"])


class ExpiryField(serializers.DateTimeField):
    """An instant, or a date, which means the end of that day in UTC. It lies ahead, `PERSONAL_TOKEN_DAYS` at most."""

    def to_internal_value(self, value: Any) -> datetime:
        try:
            day = date.fromisoformat(value)
        except (TypeError, ValueError):
            instant = super().to_internal_value(value)
        else:
            instant = datetime.combine(day, time.max, tzinfo=UTC)
        if instant <= self.context["now"]:
            raise serializers.ValidationError("The expiry must lie in the future.")
        last = latest_end(now=self.context["now"], days=settings.PERSONAL_TOKEN_DAYS)
        if instant > last:
            raise serializers.ValidationError(say_latest_end(last))
        return instant


class NewTokenSerializer(serializers.Serializer[Any]):
    """What a person decides about a new token (context: `now`). Without an expiry it ends with the last day allowed."""

    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=ALL_SCOPES), min_length=1)
    expires_at = ExpiryField(required=False, allow_null=True)
    expires_in_days = serializers.IntegerField(required=False, min_value=1)

    def validate_name(self, value: str) -> str:
        cleaned = clean_text(value, limit=100)
        if not cleaned:
            raise serializers.ValidationError("Give the token a name that can be read.")
        return cleaned

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        days = attrs.pop("expires_in_days", None)
        if days is not None and attrs.get("expires_at") is not None:
            raise serializers.ValidationError({"expires_in_days": ["Give expires_at or expires_in_days, not both."]})
        if days is not None and days > settings.PERSONAL_TOKEN_DAYS:
            limit = f"Give {settings.PERSONAL_TOKEN_DAYS} days or fewer."
            raise serializers.ValidationError({"expires_in_days": [limit]})
        if days is not None:
            attrs["expires_at"] = self.context["now"] + timedelta(days=days)
        return attrs


class ApplicationSerializer(serializers.Serializer[Any]):
    """An application that a person has allowed."""

    client_id = serializers.CharField()
    name = serializers.CharField()
    home_page = serializers.CharField(help_text="Empty where the application has none.")
    scopes = serializers.SerializerMethodField()
    first_used_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField()
    last_address = serializers.CharField(allow_null=True, help_text="Where its newest use came from.")

    def get_scopes(self, application: Any) -> list[str]:
        return list(application.scope.split())


class ApplicationPageSerializer(_PageSerializer):
    results = ApplicationSerializer(many=True)


class TrustedPublisherSerializer(serializers.ModelSerializer[TrustedPublisher]):
    """CI jobs that may act as the person. An empty `environment` or `ref` means any."""

    scopes = serializers.SerializerMethodField()
    last_address = serializers.SerializerMethodField(help_text="Where its newest job came from.")
    warnings = serializers.SerializerMethodField(help_text="What is allowed and should be known.")

    class Meta:
        model = TrustedPublisher
        fields = (
            "id",
            "issuer",
            "repository",
            "repository_id",
            "repository_owner_id",
            "workflow",
            "environment",
            "ref",
            "scopes",
            "last_used_at",
            "last_address",
            "created_at",
            "warnings",
        )

    def get_scopes(self, publisher: TrustedPublisher) -> list[str]:
        return publisher.scope.split()

    def get_last_address(self, publisher: TrustedPublisher) -> str | None:
        # A list brings them along; one that was just added has none.
        return getattr(publisher, "last_address", None)

    def get_warnings(self, publisher: TrustedPublisher) -> list[str]:
        return publishers.warnings_about(publisher)


class TrustedPublisherPageSerializer(_PageSerializer):
    results = TrustedPublisherSerializer(many=True)


class NewPublisherSerializer(serializers.Serializer[Any]):
    """What a person decides about a new publisher. Without an issuer it is the first of `CI_ISSUERS`."""

    repository = serializers.CharField(max_length=140, help_text="OWNER/NAME")
    workflow = serializers.CharField(max_length=100, help_text="The file in .github/workflows, like release.yml.")
    environment = serializers.CharField(max_length=255, required=False, allow_blank=True, default="")
    ref = serializers.CharField(max_length=255, required=False, allow_blank=True, default="")
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=PUBLISHER_SCOPES), min_length=1)
    issuer = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")

    def validate_issuer(self, value: str) -> str:
        if value and value not in settings.CI_ISSUERS:
            raise serializers.ValidationError("Tokens of this issuer are not believed here.")
        return value or publishers.default_issuer()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        names = ("repository", "workflow", "environment", "ref")
        problems = publisher_problems(**{name: attrs[name] for name in names})
        if problems:
            raise serializers.ValidationError({name: [problem] for name, problem in problems.items()})
        return attrs


class DeviceRequestSerializer(serializers.ModelSerializer[DeviceGrant]):
    """What a person sees before they approve (RFC 8628 §3.3): client, label, address and time."""

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
        client = find_client(grant.client_id)
        return client.name if client else grant.client_id
