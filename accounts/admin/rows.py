from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.services import lookup, roles

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
        more: dict[str, Any] = {}
        if obj is not None:
            more = {"tools": self.list_tools(request, obj), "parts": self.list_parts(request, obj)}
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
    return {person.pk: f"{person.display_name or person.login} ({person.login})" for person in queryset[:MOST_AT_ONCE]}


def actor_of(request: HttpRequest) -> UUID:
    """Whose decision it is. Raises PermissionDenied for nobody."""
    if request.user.pk is None:
        raise PermissionDenied
    return UUID(str(request.user.pk))


def is_within_rights(request: HttpRequest, *, user_id: UUID) -> bool:
    """Whether the actor may act upon this person, who has no right that the actor lacks."""
    return not roles.list_people_above(actor_id=actor_of(request), user_ids={user_id})
