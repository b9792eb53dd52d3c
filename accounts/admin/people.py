from collections.abc import Callable, Mapping, Sequence
from functools import partialmethod
from typing import ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from accounts import policies
from accounts.admin.rows import MOST_AT_ONCE, ReadOnlyAdmin, Tool, actor_of, ask, describe_people
from accounts.errors import AccountsError
from accounts.models import Event, User
from accounts.services import lookup, people, roles


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
    search_help_text = "The beginning of a login or address, or a whole id: of a person, or of a booking."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("login", "display_name", "email"),
                    ("standing", "standing_reason"),
                    ("is_active", "is_host", "is_staff", "role"),
                    "elsewhere",
                )
            },
        ),
        (
            "Details",
            {
                "fields": (
                    ("time_zone", "email_notifications"),
                    ("created_at", "last_login", "erased_at"),
                    ("id", "github_id"),
                )
            },
        ),
    )
    readonly_fields = ("elsewhere", "role")
    actions = ["approve", "suspend", "reinstate"]
    acts_upon = "id"
    lists: ClassVar[list[PersonalList]] = [("Events", Event, "user_id")]
    tools: ClassVar[list[Callable[[HttpRequest, User], list[Tool]]]] = []
    parts: ClassVar[list[Callable[[HttpRequest, User], str]]] = []
    finders: ClassVar[list[Callable[[HttpRequest, UUID], UUID | None]]] = []

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
        ids = lookup.list_ids_beginning(words=search_term)
        if not queryset.filter(id__in=ids).exists():
            ids = list(find_owners(request, ids).values())
        return queryset.filter(id__in=ids), False

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


def find_owners(request: HttpRequest, ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Whose these are that a person may quote the id of; without what the actor may not see."""
    return {named: owner for named in ids for find in PersonAdmin.finders if (owner := find(request, named))}


def add_to_search_of_people(find: Callable[[HttpRequest, UUID], UUID | None]) -> None:
    """For apps above: whose something is that a person may quote the id of; None where nothing has it."""
    PersonAdmin.finders.append(find)


def add_to_page_of_person(
    *, tools: Callable[[HttpRequest, User], list[Tool]], part: Callable[[HttpRequest, User], str]
) -> None:
    """For apps above: what may be done for one person, and what stands on their page."""
    PersonAdmin.tools.append(tools)
    PersonAdmin.parts.append(part)


def _has_permission(_: PersonAdmin, permission: str, request: HttpRequest) -> bool:
    return request.user.has_perm(permission)


def _list_address(model: type[Model], column: str, user_id: UUID) -> str:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    return f"{reverse(name)}?{column}__exact={user_id}"


def _suspend(user_id: UUID, actor_id: UUID, reason: str) -> None:
    people.suspend_person(user_id=user_id, reason=reason, actor_id=actor_id, now=timezone.now())
