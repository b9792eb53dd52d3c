from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from portal.rendering import render_page
from portal.visitor import PortalRequest

TIMES = 4


@require_safe
def host(request: PortalRequest, login: str) -> HttpResponse:
    """A host and what can be booked there: each kind of session with its next free times."""
    page = request.visitor.read(f"/pages/hosts/{quote(login, safe='')}")
    kinds = _by_kind(page["slots"]["results"])
    shown = {kind["slot"]["offering_id"] for kind in kinds}
    # Whose next free time lies behind those of the others, or who has none.
    others = [one for one in page.get("offerings", ()) if one["id"] not in shown]
    context = {"host": page["host"], "kinds": kinds, "others": others, "here": request.path}
    return render_page(request, "host", context, me=page["person"])


def _by_kind(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The free sessions of each offering, or of each title where there is none, in the order of their first time."""
    kinds: dict[str, dict[str, Any]] = {}
    for slot in found:
        kind = kinds.setdefault(slot["offering_id"] or slot["title"], {"slot": slot, "times": []})
        kind["times"].append(slot)
    return [kind | {"times": kind["times"][:TIMES]} for kind in kinds.values()]
