from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts.admin import MOST_AT_ONCE, ask
from accounts.errors import AccountsError
from bookings.errors import BookingsError

Asked = Mapping[str, Any]
"""What `accounts.admin.ask` shows: title, sentence, action, button and lines; `seen` names each row as it is."""


def ask_and_do(
    page: admin.ModelAdmin[Any],
    request: HttpRequest,
    queryset: QuerySet[Any],
    asked: Asked,
    act: Callable[..., str | None],
    *,
    form_class: type[forms.Form] = forms.Form,
) -> HttpResponse | None:
    """Ask with the form; then `act` on each row with what was said, each a transaction, refusals by name.

    The form names what was `seen` of each row, and `act` is given it: a second click finds another state and does
    nothing more. What `act` answers is said of the row.
    """
    is_answered = "answered" in request.POST
    form = form_class(request.POST if is_answered else None)
    if not form.is_valid():
        return ask(request, {**asked, "form": form})
    seen = dict(one.split(":", 1) for one in request.POST.getlist("seen") if ":" in one)
    for row in queryset[:MOST_AT_ONCE]:
        name = getattr(row, "login", row.pk)
        try:
            done = act(row.pk, **form.cleaned_data, seen=seen.get(str(row.pk)))
        except (AccountsError, BookingsError) as error:
            page.message_user(request, f"{name}: {error}", messages.WARNING)
        else:
            page.message_user(request, f"{name}: {done or 'done.'}", messages.SUCCESS)
    return None
