import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth import get_user_model
from django.core.exceptions import BadRequest, ValidationError
from django.core.paginator import Paginator
from django.db import DataError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import cached_property

from config.observability.metrics.collector import read_number

COUNT_LIMIT = 1_000
_SURROGATE = re.compile("[\ud800-\udfff]")
# social-auth's own tables are not edited by hand, and neither are groups: roles are given by `manage.py grant_staff`,
# so nobody in the admin can give a right to anybody.
_HIDDEN = {"social_django", "auth"}


def _may_steer_jobs(_: object, request: HttpRequest) -> bool:
    """Retrying and aborting change a job, so they need the change permission."""
    return request.user.has_perm("procrastinate.change_procrastinatejob")


# procrastinate's own admin has filters that scan every job, and offers its actions to everybody who may view.
_OVERRIDES: dict[str, dict[str, Any]] = {
    "procrastinate": {
        "list_display": ("pk", "short_task_name", "pretty_status", "queue_name", "scheduled_at", "attempts", "summary"),
        "list_filter": ("status",),
        "ordering": ("-id",),
        "sortable_by": (),
        "has_steer_permission": _may_steer_jobs,
    }
}


# What Django's filters ask of a column.
_LOOKUPS = frozenset({"", "exact", "id__exact", "gte", "lt", "isnull"})


def _is_lookup_offered(listed: Any, lookup: str, _: str, request: HttpRequest) -> bool:
    """Whether a filter of the list, or a link to it, asks this.

    Django by itself lets staff ask any lookup of any column of the row, regular expressions among them.
    """
    filters: Any = listed.get_list_filter(request)
    if lookup in {getattr(one, "parameter_name", "") for one in filters}:
        return True
    column, _, asked = lookup.partition("__")
    links = {field.name for field in listed.opts.concrete_fields if field.is_relation}
    return column in {*links, *listed.search_fields, *filters} and asked in _LOOKUPS


def _respond_to_action(listed: Any, request: HttpRequest, queryset: Any) -> HttpResponseBase | None:
    """Django's answer to an action. Raises ValidationError where a chosen row's id is none."""
    for text in request.POST.getlist(ACTION_CHECKBOX_NAME):
        listed.opts.pk.to_python(text)
    response: HttpResponseBase | None = admin.ModelAdmin.response_action(listed, request, queryset)
    is_done = response is not None and response.status_code == HTTPStatus.FOUND
    return redirect(row_address(listed.opts, request)) if is_done and "from_row" in request.POST else response


def row_address(opts: Any, request: HttpRequest) -> str:
    """The page of the row that an action was chosen on."""
    name = f"admin:{opts.app_label}_{opts.model_name}_change"
    return reverse(name, args=[request.POST.get(ACTION_CHECKBOX_NAME, "")])


def _check_text(request: HttpRequest) -> None:
    """Raises BadRequest for what no column stores: NUL, and the half of a pair of UTF-16, which UTF-7 can spell."""
    given = [request.path_info, *request.GET, *request.POST]
    given += [text for fields in (request.GET, request.POST) for texts in fields.lists() for text in texts[1]]
    if any("\0" in text or (not text.isascii() and _SURROGATE.search(text)) for text in given):
        raise BadRequest("Text must not contain NUL or lone surrogates.")


@dataclass(frozen=True)
class Waiting:
    """Something for the staff to see to, in words, and the list that shows it."""

    words: str
    address: str


# What waits for the staff: a gauge of the metrics, its words for one and for several, and the list that shows it, with
# its filter. Whoever may look at the list is told.
_GAUGES = (
    (
        "insighta_people_pending",
        "person waits",
        "people wait",
        "for approval",
        "accounts.user",
        "standing__exact=pending",
    ),
    (
        "insighta_failed_jobs",
        "job was",
        "jobs were",
        "given up",
        "procrastinate.procrastinatejob",
        "status__exact=failed",
    ),
    ("insighta_calendars_due", "calendar lags", "calendars lag", "behind its hours", "bookings.availabilityrule", ""),
)


class CappedPaginator(Paginator[Any]):
    """Counts up to `COUNT_LIMIT` rows: `COUNT(*)` scans the whole table.

    The order is kept, so that the index that finds the page also finds the rows to count.
    """

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows[:COUNT_LIMIT].count())


def _list_waiting(request: HttpRequest) -> Iterator[Waiting]:
    if request.user.has_perm("procrastinate.view_procrastinatejob") and not read_number("insighta_workers"):
        yield Waiting("No worker is running", reverse("admin:procrastinate_procrastinatejob_changelist"))
    for gauge, one, several, what, model, query in _GAUGES:
        app_label, name = model.split(".")
        if request.user.has_perm(f"{app_label}.view_{name}") and (number := read_number(gauge)):
            address = reverse(f"admin:{app_label}_{name}_changelist")
            yield Waiting(
                f"{number} {one if number == 1 else several} {what}", f"{address}?{query}" if query else address
            )


class StaffSite(admin.AdminSite):
    """The admin site. Its list options apply to every registered model and bound the rows that a list page reads.

    A list has an index for its order, for each filter in that order, and for its search, and no other sorting.
    """

    site_header = site_title = "Insighta staff"
    index_title = "What would you like to look at?"
    index_template = "admin/waiting.html"
    enable_nav_sidebar = False

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """400 for a value that does not fit where it is asked for: an id, a date or a number out of range, odd text."""

        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            _check_text(request)
            try:
                response: HttpResponseBase = view(request, *args, **kwargs)
            except (ValidationError, DataError, OverflowError) as error:
                raise BadRequest("A value does not fit where it is asked for.") from error
            return response

        return super().admin_view(answer, cacheable)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Django's page below what waits, and a search for people."""
        shown = {"waiting": list(_list_waiting(request)), "people": self.get_model_admin(get_user_model())}
        return super().index(request, (extra_context or {}) | shown)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Django's page, for plain text only."""
        _check_text(request)
        return super().login(request, extra_context)

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        models: list[Any] = [model_or_iterable] if isinstance(model_or_iterable, type) else model_or_iterable
        shown = [model for model in models if model._meta.app_label not in _HIDDEN]
        overrides = _OVERRIDES.get(models[0]._meta.app_label, {})
        for action in (overrides and admin_class.actions) or ():
            action.allowed_permissions = ["steer"]
        lists = {
            "paginator": CappedPaginator,
            "show_full_result_count": False,
            "show_facets": admin.ShowFacets.NEVER,
            "list_per_page": 50,
            "list_max_show_all": 0,
            "lookup_allowed": _is_lookup_offered,
            "response_action": _respond_to_action,
        }
        super().register(shown, admin_class, **{**lists, **overrides, **options})
