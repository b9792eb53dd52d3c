"""The admin of the staff: every list answers at once, however many rows its table has.

A list has an index for its order, for each filter in that order, and for its search; it is sorted by nothing else.
"""

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property

# Lists are counted no further than this; whoever looks for one of more rows searches or filters.
COUNTED = 1_000
# GitHub's library keeps its rows itself; nobody edits who is who.
_HIDDEN = {"social_django"}


def _may_steer_jobs(_: object, request: HttpRequest) -> bool:
    """Nothing of a job can be edited; retrying and ending one change it all the same."""
    return request.user.has_perm("procrastinate.change_procrastinatejob")


# The jobs' own list offers filters that read every job, and its actions to whoever may look.
_NARROWED: dict[str, dict[str, Any]] = {
    "procrastinate": {
        "list_filter": ("status",),
        "ordering": ("-id",),
        "sortable_by": (),
        "has_steer_permission": _may_steer_jobs,
    }
}


class CappedPaginator(Paginator[Any]):
    """Counts up to `COUNTED` rows: `COUNT(*)` over a million reads a million.

    In the list's own order, so that the index which finds the page finds them, too.
    """

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows[:COUNTED].count())


class StaffSite(admin.AdminSite):
    """The one admin site; its rules for lists hold for every model that anybody registers."""

    site_header = site_title = "Insighta staff"
    index_title = "What would you like to look at?"
    enable_nav_sidebar = False

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        models: list[Any] = [model_or_iterable] if isinstance(model_or_iterable, type) else model_or_iterable
        shown = [model for model in models if model._meta.app_label not in _HIDDEN]
        narrowed = _NARROWED.get(models[0]._meta.app_label, {})
        for action in (narrowed and admin_class.actions) or ():
            action.allowed_permissions = ["steer"]
        lists = {
            "paginator": CappedPaginator,
            "show_full_result_count": False,
            "show_facets": admin.ShowFacets.NEVER,
            "list_per_page": 50,
            "list_max_show_all": 0,
        }
        super().register(shown, admin_class, **{**lists, **narrowed, **options})
