from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial, partialmethod
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_permission_codename
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
from accounts.services import events, lookup, people, roles

MOST_AT_ONCE = 100
# A search shows the last rows of a person, at most this many.
MOST_FOUND = 200


Tool = tuple[str, str]
"""A link to something that may be done: its address and its title."""


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """The base of every list: to look at; what changes something is an action, which calls a service."""

    ordering: ClassVar[tuple[str, ...]] = ("-id",)
    sortable_by: ClassVar[tuple[str, ...]] = ()
    search_fields: ClassVar[tuple[str, ...]] = ("id",)
    search_help_text = "A login, an address, or an id: of a person, or of a row."
    # Columns that hold a row's people; each has an index.
    people: ClassVar[tuple[str, ...]] = ()
    # The column of the person whom the actions are done to; without one they are done to nobody.
    acts_upon = ""
    change_form_template = "admin/row.html"

    def list_tools(self, request: HttpRequest, row: Any) -> list[Tool]:
        """What may be done with a row, for the links above its page."""
        return []

    def list_parts(self, request: HttpRequest, row: Any) -> list[str]:
        """What stands on a row's page below its columns, rendered."""
        return []

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        more = {} if obj is None else {"tools": self.list_tools(request, obj), "parts": self.list_parts(request, obj)}
        if obj is not None and (not self.acts_upon or is_within_rights(request, user_id=getattr(obj, self.acts_upon))):
            more["choices"] = self.get_action_choices(request)[1:]
        return super().render_change_form(request, {**context, **more}, add, change, form_url, obj)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """The row with this id, or the last rows of whoever the words name, each way through its index."""
        if not search_term:
            return queryset, False
        found: set[Any] = set()
        for column, ids in self.search_columns(lookup.list_ids_called(words=search_term)).items():
            rows = queryset.filter(**{f"{column}__in": ids}).order_by(*self.ordering)
            found.update(rows.values_list("pk", flat=True)[:MOST_FOUND])
        return queryset.filter(pk__in=found), False

    def search_columns(self, ids: list[UUID]) -> dict[str, list[UUID]]:
        """The columns by which the rows of these people, or with these ids, are found, with the ids to look for."""
        return dict.fromkeys(("id", *self.people), ids)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Each action is given at most `MOST_AT_ONCE` rows, and none of people with more rights than the actor's."""
        found: dict[str, Any] = super().get_actions(request)
        return {name: (partial(_act_within_rights, act), *about) for name, (act, *about) in found.items()}

    def within_rights(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The chosen rows whose people have no right that the actor lacks; a message tells of the others."""
        if not self.acts_upon:
            return queryset
        chosen = dict(queryset.values_list("pk", self.acts_upon)[:MOST_AT_ONCE])
        above = roles.list_people_above(actor_id=actor_of(request), user_ids=set(chosen.values()))
        allowed = [pk for pk, user_id in chosen.items() if user_id not in above]
        if above:
            left_out = f"Left out {len(chosen) - len(allowed)} of the chosen: these people have rights that you lack."
            self.message_user(request, left_out, messages.WARNING)
        return queryset.filter(pk__in=allowed)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Who may use the actions: staff with the permission to change such rows."""
        return request.user.has_perm(f"{self.opts.app_label}.{get_permission_codename('change', self.opts)}")

    def may_decide_about(self, request: HttpRequest, *, user_id: UUID) -> bool:
        """Whether the actor may do to this person what is decided here."""
        return self.has_decide_permission(request) and is_within_rights(request, user_id=user_id)


def _act_within_rights(
    act: Callable[..., HttpResponse | None], listed: ReadOnlyAdmin, request: HttpRequest, queryset: QuerySet[Any]
) -> HttpResponse | None:
    rows = listed.within_rights(request, queryset)
    return act(listed, request, rows) if rows.exists() else None


def ask(request: HttpRequest, asked: dict[str, Any]) -> HttpResponse:
    """The page between choosing an action and its effect: whom it meets (`lines`), what it does, what it must know."""
    return render(request, "admin/ask.html", {**admin.site.each_context(request), **asked})


def describe_people(queryset: QuerySet[Any]) -> dict[UUID, str]:
    """The `lines` of `ask` for an action on people."""
    return {person.pk: f"{person.login} ({person.pk})" for person in queryset[:MOST_AT_ONCE]}


def actor_of(request: HttpRequest) -> UUID:
    """Whose decision it is. Raises PermissionDenied for nobody."""
    if request.user.pk is None:
        raise PermissionDenied
    return UUID(str(request.user.pk))


class ReasonForm(forms.Form):
    """Why somebody is suspended; kept with the event, for the staff."""

    reason = forms.CharField(max_length=policies.REASON_LENGTH, widget=forms.Textarea(attrs={"rows": 3}))


PersonalList = tuple[str, type[Model], str]
"""A list that can be narrowed to one person: its title, its model, and the column of the person."""


@admin.register(User)
class PersonAdmin(ReadOnlyAdmin):
    """People. Their standing is changed by actions, which call services."""

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
        ("is_active", "is_host", "is_staff", "role"),
        ("time_zone", "email_notifications"),
        ("created_at", "last_login", "erased_at"),
        "elsewhere",
    )
    readonly_fields = ("elsewhere", "role")
    actions = ["approve", "suspend", "reinstate"]
    acts_upon = "id"
    lists: ClassVar[list[PersonalList]] = [("Events", Event, "user_id")]
    tools: ClassVar[list[Callable[[HttpRequest, User], list[Tool]]]] = []
    parts: ClassVar[list[Callable[[HttpRequest, User], str]]] = []

    def list_tools(self, request: HttpRequest, row: User) -> list[Tool]:
        return [tool for of_app in self.tools for tool in of_app(request, row)]

    def list_parts(self, request: HttpRequest, row: User) -> list[str]:
        return [of_app(request, row) for of_app in self.parts]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        """By id where the words are one; else by the beginning of login or address, which have indexes for it."""
        if not search_term:
            return queryset, False
        return queryset.filter(id__in=lookup.list_ids_beginning(words=search_term)), False

    @admin.display(description="Role")
    def role(self, person: User) -> str:
        return roles.get_role(user_id=person.pk)

    @admin.display(description="More of this person")
    def elsewhere(self, person: User) -> SafeString:
        links = [(_list_address(model, column, person.pk), title) for title, model, column in self.lists]
        return format_html_join(" · ", '<a href="{}">{}</a>', links)

    @admin.action(description="Approve", permissions=["decide"])
    def approve(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Approve people whose standing is pending."""
        self._each(request, queryset, self._approve, done="approved")

    @admin.action(description="Reinstate", permissions=["decide"])
    def reinstate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Approve people who are suspended."""
        self._each(request, queryset, self._approve, done="reinstated")

    @admin.action(description="Suspend…", permissions=["decide"])
    def suspend(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        """Ask for the reason, then end all access of these people."""
        form = ReasonForm(request.POST if "answered" in request.POST else None)
        if not form.is_valid():
            sentence = "They are signed out everywhere at once. Their bookings stay; nobody else is told."
            asked = {"title": "Suspend", "sentence": sentence, "action": "suspend", "button": "Suspend and sign out"}
            return ask(request, {**asked, "lines": describe_people(queryset), "form": form})
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


def add_to_people(
    *,
    action: Callable[..., HttpResponse | None],
    lists: Sequence[PersonalList],
    permissions: Mapping[str, str] | None = None,
) -> None:
    """For apps above: an action on people, and their lists that can be narrowed to one person.

    `permissions` names the permission behind each name of the action's own that is not one of Django's.
    """
    PersonAdmin.actions = [*(PersonAdmin.actions or ()), action]
    PersonAdmin.lists += lists
    for name, permission in (permissions or {}).items():
        setattr(PersonAdmin, f"has_{name}_permission", partialmethod(_has_permission, permission))


def add_to_page_of_person(
    *, tools: Callable[[HttpRequest, User], list[Tool]], part: Callable[[HttpRequest, User], str]
) -> None:
    """For apps above: what may be done for one person, and what stands on their page."""
    PersonAdmin.tools.append(tools)
    PersonAdmin.parts.append(part)


def is_within_rights(request: HttpRequest, *, user_id: UUID) -> bool:
    """Whether the actor may act upon this person, who has no right that the actor lacks."""
    return not roles.list_people_above(actor_id=actor_of(request), user_ids={user_id})


def _has_permission(_: PersonAdmin, permission: str, request: HttpRequest) -> bool:
    return request.user.has_perm(permission)


def _list_address(model: type[Model], column: str, user_id: UUID) -> str:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    return f"{reverse(name)}?{column}__exact={user_id}"


def _suspend(user_id: UUID, actor_id: UUID, reason: str) -> None:
    people.suspend_person(user_id=user_id, reason=reason, actor_id=actor_id, now=timezone.now())


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
    search_help_text = "A login, an address, or the id of a person."

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
        linked = [(name, event.detail[f"{name}_id"]) for name in ("booking", "slot") if event.detail.get(f"{name}_id")]
        links = ((reverse(f"admin:bookings_{name}_change", args=[pk]), name) for name, pk in linked)
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
