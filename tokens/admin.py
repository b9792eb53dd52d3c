from django.contrib import admin
from django.http import HttpRequest

from tokens.models import PersonalAccessToken, Session


class ReadOnlyAdmin(admin.ModelAdmin[Session]):
    """To look at only; what ends access goes through services, with its event."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    """Sign-ins, without anything that could be used as one."""

    list_display = ("id", "user", "client_id", "label", "created_at", "last_used_at", "revoked_at", "revoked_because")
    fields = (*list_display, "scope", "generation", "expires_at", "ends_at")
    list_filter = ("client_id",)
    list_select_related = ("user",)
    search_fields = ("id", "user__login")


@admin.register(PersonalAccessToken)
class PersonalAccessTokenAdmin(ReadOnlyAdmin):
    """Tokens for scripts, never a secret."""

    list_display = ("id", "user", "name", "prefix", "scope", "created_at", "last_used_at", "expires_at", "revoked_at")
    fields = list_display
    list_select_related = ("user",)
    search_fields = ("id", "user__login", "prefix")
