from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from tokens.models import PersonalAccessToken, Session
from tokens.policies.clients import CLI, PORTAL
from tokens.services import staff

MOST_AT_ONCE = 100


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """To look at only; what ends access goes through services, with its event."""

    ordering = ("-id",)
    list_select_related = ("user",)
    sortable_by = ()
    search_fields = ("id",)
    search_help_text = "A login, an address, or an id: of a person, or of a row."

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Who may use the actions: staff with the permission to change people."""
        return request.user.has_perm("accounts.change_user")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The row with this id, or the rows of whoever the words name."""
        if not search_term:
            return queryset, False
        ids = staff.list_ids_called(words=search_term)
        return queryset.filter(Q(user_id__in=ids) | Q(id__in=ids)), False


class ClientFilter(admin.SimpleListFilter):
    """The two OAuth clients."""

    title, parameter_name = "client", "client"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(CLI, CLI), (PORTAL, PORTAL)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Session]) -> QuerySet[Session]:
        return queryset.filter(client_id=self.value()) if self.value() else queryset


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    """Sign-ins, without anything that could be used as one."""

    list_display = ("id", "user", "client_id", "label", "created_at", "last_used_at", "revoked_at", "revoked_because")
    fields = (*list_display, "scope", "generation", "expires_at", "ends_at")
    list_filter = (ClientFilter,)
    actions = ("end",)

    @admin.action(description="End", permissions=["decide"])
    def end(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        """At once; the person has to sign in again there."""
        now, actor_id = timezone.now(), actor_of(request)
        ended = sum(staff.end_session(session_id=row.id, actor_id=actor_id, now=now) for row in queryset[:MOST_AT_ONCE])
        self.message_user(request, f"{ended} sessions ended.", messages.SUCCESS)


@admin.register(PersonalAccessToken)
class PersonalAccessTokenAdmin(ReadOnlyAdmin):
    """Tokens for scripts, never a secret."""

    list_display = ("id", "user", "name", "prefix", "scope", "created_at", "last_used_at", "expires_at", "revoked_at")
    fields = list_display
    actions = ("revoke",)

    @admin.action(description="Revoke", permissions=["decide"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[PersonalAccessToken]) -> None:
        """At once; the scripts that use them are refused."""
        now, actor_id = timezone.now(), actor_of(request)
        ended = sum(
            staff.end_token(user_id=row.user_id, token_id=row.id, actor_id=actor_id, now=now)
            for row in queryset[:MOST_AT_ONCE]
        )
        self.message_user(request, f"{ended} tokens revoked.", messages.SUCCESS)


@admin.action(description="Sign out everywhere", permissions=["decide"])
def sign_out_everywhere(people: admin.ModelAdmin[Any], request: HttpRequest, queryset: QuerySet[Any]) -> None:
    """Every session of these people ends at once."""
    for person in queryset[:MOST_AT_ONCE]:
        ended = staff.end_all_sessions(user_id=person.pk, actor_id=actor_of(request), now=timezone.now())
        people.message_user(request, f"{person.login}: {ended} sessions ended.", messages.SUCCESS)


def actor_of(request: HttpRequest) -> UUID:
    """Whose decision it is. Raises PermissionDenied for nobody."""
    if request.user.pk is None:
        raise PermissionDenied
    return UUID(str(request.user.pk))


# People are listed by the app below, which does not know of sessions.
_people = admin.site.get_model_admin(get_user_model())
_people.actions = [*(_people.actions or ()), sign_out_everywhere]
