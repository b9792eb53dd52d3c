from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts import policies
from accounts.errors import AccountsError
from accounts.models import Event, User
from accounts.services import events, lookup, people

MOST_AT_ONCE = 100
# Lists of other apps that can be narrowed to one person.
_ELSEWHERE = (
    ("Sign-ins", "tokens_session", "user"),
    ("Access tokens", "tokens_personalaccesstoken", "user"),
    ("Bookings", "bookings_booking", "client"),
    ("Subscriptions", "bookings_subscription", "user"),
    ("Events", "accounts_event", "user_id"),
)


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """To look at; what changes something is an action, which calls the service that the API calls."""

    ordering = ("-id",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReasonForm(forms.Form):
    """Why somebody is suspended; kept with the event, for the staff."""

    reason = forms.CharField(max_length=500, widget=forms.Textarea(attrs={"rows": 3}))


@admin.register(User)
class PersonAdmin(ReadOnlyAdmin):
    """People with their standing; it is changed by actions, so that sessions end and the event is written."""

    list_display = ("login", "display_name", "standing", "is_active", "is_host", "is_staff", "last_login", "created_at")
    list_filter = ("standing", "is_active", "is_host", "is_staff")
    sortable_by = ("login",)
    search_fields = ("login__istartswith", "email__istartswith")
    search_help_text = "The beginning of a login or address, or a whole id."
    fields = (
        "id",
        "github_id",
        ("login", "display_name", "email"),
        ("standing", "standing_reason"),
        ("is_active", "is_host", "is_staff", "is_superuser"),
        ("time_zone", "email_notifications"),
        ("created_at", "last_login", "erased_at"),
        "elsewhere",
    )
    readonly_fields = ("elsewhere",)
    actions = ("approve", "suspend", "reinstate")

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Who may use the actions: staff with the permission to change people."""
        return request.user.has_perm("accounts.change_user")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        """By id where the words are one; else by the beginning of login or address, which have indexes for it."""
        if not search_term:
            return queryset, False
        return queryset.filter(id__in=lookup.list_ids_beginning(words=search_term)), False

    @admin.display(description="More of this person")
    def elsewhere(self, person: User) -> SafeString:
        links = [
            (f"{reverse(f'admin:{name}_changelist')}?{field}__exact={person.pk}", title)
            for title, name, field in _ELSEWHERE
        ]
        return format_html_join(" · ", '<a href="{}">{}</a>', links)

    @admin.action(description="Approve", permissions=["decide"])
    def approve(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Newcomers who wait for it."""
        self._each(request, queryset, self._approve, done="approved")

    @admin.action(description="Reinstate", permissions=["decide"])
    def reinstate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """The suspended may sign in again."""
        self._each(request, queryset, self._approve, done="reinstated")

    @admin.action(description="Suspend…", permissions=["decide"])
    def suspend(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        """Asks for the reason; then every session of these people has ended."""
        form = ReasonForm(request.POST if "answered" in request.POST else None)
        if not form.is_valid():
            sentence = "They are signed out everywhere at once. Their bookings stay; nobody else is told."
            asked = {"title": "Suspend", "sentence": sentence, "action": "suspend", "button": "Suspend and sign out"}
            return ask(request, queryset, form, asked)
        reason = form.cleaned_data["reason"]
        self._each(request, queryset, lambda user_id, actor_id: _suspend(user_id, actor_id, reason), done="suspended")
        return None

    def _approve(self, user_id: UUID, actor_id: UUID) -> None:
        people.approve_person(user_id=user_id, actor_id=actor_id)

    def _each(
        self, request: HttpRequest, queryset: QuerySet[User], change: Callable[[UUID, UUID], None], *, done: str
    ) -> None:
        """One transaction a person; those who cannot be changed are named with the reason."""
        for person in queryset[:MOST_AT_ONCE]:
            try:
                change(person.pk, actor_of(request))
            except AccountsError as error:
                self.message_user(request, f"{person.login}: {error}", messages.WARNING)
            else:
                self.message_user(request, f"{person.login} is {done}.", messages.SUCCESS)


def _suspend(user_id: UUID, actor_id: UUID, reason: str) -> None:
    people.suspend_person(user_id=user_id, reason=reason, actor_id=actor_id, now=timezone.now())


def ask(request: HttpRequest, queryset: QuerySet[User], form: forms.Form, asked: dict[str, str]) -> HttpResponse:
    """The page between choosing an action and its effect: whom it meets, what it does, and what it has to know."""
    lines = {person.pk: f"{person.login} ({person.pk})" for person in queryset[:MOST_AT_ONCE]}
    context = {**admin.site.each_context(request), **asked, "lines": lines, "form": form}
    return render(request, "admin/ask.html", context)


def actor_of(request: HttpRequest) -> UUID:
    """Whose decision it is. Raises PermissionDenied for nobody."""
    if request.user.pk is None:
        raise PermissionDenied
    return UUID(str(request.user.pk))


class KindFilter(admin.SimpleListFilter):
    """The kinds that occur."""

    title = parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind) for kind in events.list_kinds()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class SinceFilter(admin.SimpleListFilter):
    """The last so many days, by the instant in each line's id: ids are in the order of time and indexed."""

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

    list_display = ("created_at", "kind", "person", "actor_id", "session_id", "client_id", "address", "detail")
    list_display_links = None
    list_filter = (KindFilter, SinceFilter)
    sortable_by = ()
    search_fields = ("user_id",)
    search_help_text = "A login, an address, or the id of a person."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        """What happened to the person with this id, or to whoever is called so."""
        if not search_term:
            return queryset, False
        return queryset.filter(user_id__in=lookup.list_ids_called(words=search_term)), False

    @admin.display(description="person")
    def person(self, event: Event) -> str:
        if event.user_id is None:
            return ""
        url = reverse("admin:accounts_user_change", args=[event.user_id])
        return format_html('<a href="{}">{}</a>', url, event.user_id)
