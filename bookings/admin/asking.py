from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts.admin import MOST_AT_ONCE, ReadOnlyAdmin, ask
from bookings.errors import BookingsError

Asked = Mapping[str, Any]
"""What `accounts.admin.ask` shows: title, sentence, action, button and lines."""


def ask_and_do(
    page: ReadOnlyAdmin,
    request: HttpRequest,
    queryset: QuerySet[Any],
    asked: Asked,
    act: Callable[..., object],
    *,
    form_class: type[forms.Form] = forms.Form,
) -> HttpResponse | None:
    """Ask with the form; then `act` on each row with what was said, each a transaction, refusals by name."""
    is_answered = "answered" in request.POST
    form = form_class(request.POST if is_answered else None)
    if not form.is_valid():
        return ask(request, {**asked, "form": form})
    for row in queryset[:MOST_AT_ONCE]:
        try:
            act(row.pk, **form.cleaned_data)
        except BookingsError as error:
            page.message_user(request, f"{row.pk}: {error}", messages.WARNING)
        else:
            page.message_user(request, f"{row.pk}: done.", messages.SUCCESS)
    return None
