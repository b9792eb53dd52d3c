from django.contrib import admin

from accounts.models import Event, User


@admin.register(User)
class UserAdmin(admin.ModelAdmin[User]):
    """People; standing is changed by actions, so that sessions end and the event is written."""

    list_display = ("login", "display_name", "standing", "is_active", "is_host", "is_staff", "created_at")
    list_filter = ("standing", "is_active", "is_host", "is_staff")
    search_fields = ("login", "email", "id")
    readonly_fields = ("id", "github_id", "login", "standing", "is_active", "is_host", "created_at", "last_login")
    exclude = ("password",)
    show_full_result_count = False


@admin.register(Event)
class EventAdmin(admin.ModelAdmin[Event]):
    """The audit trail, to read only."""

    list_display = ("created_at", "kind", "user_id", "actor_id", "client_id", "address")
    list_filter = ("kind",)
    search_fields = ("user_id", "session_id")
    show_full_result_count = False

    def has_add_permission(self, request: object) -> bool:
        return False

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: object, obj: object = None) -> bool:
        return False
