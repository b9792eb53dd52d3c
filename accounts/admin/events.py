from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts import policies
from accounts.admin.people import find_owners
from accounts.admin.rows import MOST_FOUND, ReadOnlyAdmin
from accounts.models import Event
from accounts.services import events, lookup


class KindFilter(admin.SimpleListFilter):
    """The kinds that occur."""

    title = parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind) for kind in events.list_kinds()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class SinceFilter(admin.SimpleListFilter):
    """The last days, by the instant in each event's UUIDv7, which is indexed."""

    title, parameter_name = "time", "days"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "The last 24 hours"), ("7", "The last 7 days"), ("31", "The last 31 days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        if self.value() not in {days for days, _title in self.lookup_choices}:
            return queryset
        return queryset.filter(id__gte=policies.first_id_at(timezone.now() - timedelta(days=int(self.value() or 0))))


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """The audit trail."""

    list_display = ("created_at", "kind", "person", "actor", "client_id", "address", "about")
    list_display_links = None
    list_filter = (KindFilter, SinceFilter)
    search_fields = ("user_id",)
    search_help_text = "A login, an address, or the id of a person or of a booking."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        """The events of a person; for the id of a booking those of its client that name it."""
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        if not search_term or found.exists():
            return found, may_repeat
        named: set[UUID] = set()
        for booking_id, user_id in find_owners(request, lookup.list_ids_called(words=search_term)).items():
            trail = events.list_trail(user_id=user_id, about={"booking_id": str(booking_id)}, limit=MOST_FOUND)
            named.update(event.id for event in trail)
        return queryset.filter(pk__in=named), False

    def search_columns(self, ids: list[UUID]) -> dict[str, list[UUID]]:
        return {"user_id": ids}

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, whose events know the logins of their people, which are read for all at once."""
        changes = super().get_changelist_instance(request)
        ids = {user_id for event in changes.result_list for user_id in (event.user_id, event.actor_id) if user_id}
        logins = lookup.find_logins(user_ids=ids)
        for event in changes.result_list:
            event.logins = logins
        return changes

    def person(self, event: Any) -> str:
        return _link_person(event.user_id, event.logins)

    def about(self, event: Event) -> SafeString:
        """The detail, with links where it names a booking or a session."""
        said = {name: value for name, value in event.detail.items() if value and not name.endswith("_id")}
        things = (("booking", "booking"), ("slot", "session"))
        linked = [(name, word, pk) for name, word in things if (pk := event.detail.get(f"{name}_id"))]
        links = ((reverse(f"admin:bookings_{name}_change", args=[pk]), word) for name, word, pk in linked)
        words = format_html_join("", "{}: {} ", said.items())
        return words + format_html_join(" ", '<a href="{}">{}</a>', links)

    @admin.display(description="done by")
    def actor(self, event: Any) -> str:
        return _link_person(event.actor_id, event.logins)


def _link_person(user_id: UUID | None, logins: Mapping[UUID, str]) -> str:
    if user_id is None:
        return ""
    url = reverse("admin:accounts_user_change", args=[user_id])
    return format_html('<a href="{}">{}</a>', url, logins.get(user_id, user_id))
