"""Odd text in every list, filter, search, page, form and action of the admin, and at its login: never a 500.

Everything is found through the registry, so a new list is covered by being registered.
"""

import re
from collections.abc import Iterator
from itertools import product
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.admin.options import ModelAdmin
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client as Http
from django.urls import reverse
from procrastinate.contrib.django import app as jobs

from accounts.models import User
from bookings.models import AvailabilityRule, Booking, Plan, Slot
from bookings.services import booking, offerings, waiting
from tests.bookings.people import make_person, make_slot
from tests.tokens.applications import register
from tests.tokens.in_process import call, sign_in
from tests.tokens.test_scopes import routes

# A lookup in an address may name a time without a zone.
pytestmark = pytest.mark.filterwarnings("ignore:DateTimeField .* received a naive datetime:RuntimeWarning")
BACKEND = "accounts.authentication.StaffBackend"
PASSWORD = "correct horse battery staple"
TEXTS = [
    "a\0b", "\u202e", "", "-1", "9" * 25, "9" * 5000, "\u0661", "2026-13-45", "0001-01-01",
    "9999-12-31 23:59:59-14:00", "[]", "a,b", "__", str(uuid4()), "x" * 50_000,
]  # fmt: skip
SHORT = ["\0", "x", "9" * 25]
IDS = ["\0", "_00", "x" * 9000, "-1", "9" * 25, "9" * 5000, "\u202e", "", "a/b", str(uuid4())]
# What lists and pages read from the query besides their filters.
QUERIES = ["q", "p", "o", "all", "e", "_popup", "_to_field", "_facets", "_changelist_filters", "topic", "before", "x"]
LOOKUPS = ["", "__exact", "__in", "__isnull", "__gte", "__range", "__contains", "__regex", "__year", "__x"]
MULTIPART, FORM = "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"


@pytest.fixture
def staff(transactional_db: None, settings: Any) -> Http:
    """An administrator's browser, among one row or more of everything that has a list."""
    settings.THROTTLE_SCALE = 100_000.0
    client = Http(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("root", PASSWORD), backend=BACKEND)
    grace, ada, lee = make_person("grace", is_host=True), make_person("ada"), make_person("lee")
    slot = make_slot(grace, capacity=1)
    booking.book_slot(client_id=ada.id, slot_id=slot.id)
    waiting.join_waitlist(client_id=lee.id, slot_id=slot.id)
    body = {"name": "ci", "scopes": ["account:read"]}
    assert call(Http(), "/personal-access-tokens", sign_in(ada).access_token, "POST", body).status_code == 201
    Plan.objects.create(name="Monthly", credits=1, period_days=30)
    AvailabilityRule.objects.create(
        host=grace, kind="weekly", weekday=1, start_time="10:00", end_time="11:00", title="x", capacity=1,
        slot_minutes=60, buffer_minutes=0, minimum_notice_minutes=0, horizon_days=30,
    )  # fmt: skip
    offerings.add_offering(host_id=grace.id, values={"title": "Talk", "minutes": 60, "capacity": 1})
    register("wiki")
    jobs.configure_task("bookings.send_notice", schedule_in={"days": 1}).defer(kind="none")
    return client


def models() -> list[Any]:
    return [pytest.param(model, id=model._meta.label_lower) for model in admin.site._registry]


def home(model: type[Model]) -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


def row_of(model: Any) -> str:
    row = model._default_manager.order_by("pk").last()
    assert row is not None, f"{model._meta.label} needs a row in `staff`"
    return str(row.pk)


def parameters(model: Any, changes: Any) -> Iterator[str]:
    """What a list's query may hold: Django's own, what its filters read, and each column with a lookup."""
    yield from QUERIES
    for spec in changes.filter_specs:
        yield from filter(None, spec.expected_parameters())
    for number, field in enumerate(model._meta.concrete_fields):
        yield field.name + LOOKUPS[number % len(LOOKUPS)]
        yield field.name + LOOKUPS[(number + 5) % len(LOOKUPS)]
        if field.is_relation:
            yield f"{field.name}__id__exact"


def asked(client: Http, address: str, query: dict[str, str]) -> None:
    answer = client.get(f"{address}?{urlencode(query)}")
    assert answer.status_code < 500, (address, {name: ascii(text[:40]) for name, text in query.items()})


def posted(client: Http, address: str, form: dict[str, Any]) -> Any:
    answer = client.post(address, form)
    assert answer.status_code < 500, (address, {name: ascii(str(text)[:40]) for name, text in form.items()})
    return answer


@pytest.mark.parametrize("model", models())
def test_every_parameter_of_every_list_takes_odd_text(staff: Http, model: Any) -> None:
    page = staff.get(home(model))
    assert page.status_code == 200
    for name in sorted(set(parameters(model, page.context["cl"]))):
        # A lookup that the list does not offer is refused by its name, before its text is read.
        is_refused = staff.get(home(model), {name: "1"}).status_code == 400
        for text in SHORT if is_refused else TEXTS:
            asked(staff, home(model), {name: text})


@pytest.mark.parametrize("model", models())
def test_every_page_of_an_object_takes_odd_ids_and_parameters(staff: Http, model: Any) -> None:
    for what in ("change", "history", "delete"):
        for text in IDS:
            asked(staff, f"{home(model)}{quote(text, safe='')}/{what}/", {})
        for name, text in product(QUERIES, SHORT):
            asked(staff, f"{home(model)}{row_of(model)}/{what}/", {name: text})
    for name, text in product(QUERIES, SHORT):
        asked(staff, f"{home(model)}add/", {name: text})
    for text in IDS:
        kind = ContentType.objects.get_for_model(model).pk
        asked(staff, f"/admin/r/{kind}/{quote(text, safe='')}/", {})
        asked(staff, f"/admin/r/{quote(text, safe='')}/{row_of(model)}/", {})


def fields_of(page: Any) -> set[str]:
    """The names of what a page's forms send, but the hidden token."""
    names = re.findall(r'<(?:input|textarea|select)[^>]*\bname="([^"]+)"', page.content.decode())
    return set(names) - {"csrfmiddlewaretoken"}


def form_of(page: Any) -> Any:
    """The form of a page that adds or changes; None for one that shows."""
    context = page.context or {}
    return context["adminform"].form if "adminform" in context else context.get("form")


def actions_of(listed: ModelAdmin[Any]) -> list[str]:
    return [action if isinstance(action, str) else action.__name__ for action in listed.actions or ()]


@pytest.mark.parametrize("model", models())
def test_every_action_takes_odd_rows_and_answers(staff: Http, model: Any) -> None:
    actions = actions_of(admin.site._registry[model])
    for name in [*actions, "delete_selected", "", "\0", "x" * 50_000, "__class__"]:
        # The rows of an action that there is not are never read.
        for text in TEXTS if name in actions else SHORT:
            posted(staff, home(model), {"action": name, "_selected_action": text})
            posted(staff, home(model), {"action": name, "_selected_action": [row_of(model), text]})
    for name in actions:
        chosen = {"action": name, "_selected_action": row_of(model)}
        for field in ("index", "select_across", *fields_of(posted(staff, home(model), chosen))):
            for text in TEXTS:
                if field not in chosen:
                    posted(staff, home(model), {**chosen, "answered": "yes", field: text})


@pytest.mark.parametrize("model", models())
def test_every_field_of_every_form_takes_odd_text_and_has_a_limit(staff: Http, model: Any) -> None:
    for address in (f"{home(model)}add/", f"{home(model)}{row_of(model)}/change/"):
        page = staff.get(address)
        form = form_of(page)
        for name in form.fields if form else ():
            good = {other: field.initial or "1" for other, field in form.fields.items()}
            for text in TEXTS:
                posted(staff, address, {**good, name: text, "_popup": "1", "_save": "1"})
            refused = posted(staff, address, {**good, name: "x" * 50_000})
            assert refused.status_code == 200, f"{name} of {model} takes 50 kB"
            assert form_of(refused).errors, name


# What each form of the front desk sends.
OPERATIONS: dict[str, tuple[type[Model], dict[str, str]]] = {
    "bookings_booking_move": (Booking, {"slot": "", "slot_id": ""}),
    "bookings_booking_cancel": (Booking, {"refund": "full", "message": "x"}),
    "bookings_booking_give_back": (Booking, {"credits": "1", "note": "x"}),
    "bookings_booking_book": (User, {"slot": "", "slot_id": "", "free": "on"}),
    "bookings_slot_cancel": (Slot, {"message": "x"}),
    "bookings_slot_make_host": (User, {}),
    "bookings_slot_end_hosting": (User, {"cancel_booked": "on"}),
}
# Any text ticks them.
CHECKBOXES = {"free", "cancel_booked"}
OF_DJANGO = ("_add", "_changelist", "_change", "_delete", "_history")


def test_every_operation_of_the_front_desk_is_tried_here() -> None:
    names = {str(pattern.name) for _, pattern in routes(admin.site.urls[0])}
    assert {one for one in names if one.startswith("bookings_") and not one.endswith(OF_DJANGO)} == set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_field_of_the_front_desk_takes_odd_text(staff: Http, name: str) -> None:
    model, good = OPERATIONS[name]
    address = reverse(f"admin:{name}", args=[row_of(model)])
    for text in TEXTS:
        asked(staff, address, {"host": text})
        for field in (*good, "step", "seen"):
            for step in ("look", "confirm", "change"):
                posted(staff, address, {**good, "step": step, "seen": "x", field: text})
    for text in IDS:
        asked(staff, address.replace(row_of(model), quote(text, safe="")), {})
    for field in good.keys() - CHECKBOXES:
        refused = posted(staff, address, {**good, field: "x" * 50_000, "step": "look"})
        assert refused.context["form"].errors, f"{field} takes 50 kB"


@pytest.mark.parametrize("body", ["+AAA-", "+2AA-"])
@pytest.mark.parametrize("charset", ["utf-8", "utf-7", "utf-16-le", "latin-1", "no-such"])
def test_a_form_in_another_charset_is_read_or_refused(staff: Http, charset: str, body: str) -> None:
    """UTF-7 can spell a NUL and half a surrogate pair, which no column can store."""
    plan, person = home(Plan), row_of(User)
    forms = {
        f"{plan}add/": {"name": body, "credits": "1", "period_days": "1"},
        "/admin/accounts/user/": {
            "action": "suspend", "_selected_action": person, "answered": "yes", "reason": body,
        },
        "/admin/login/": {"username": body, "password": body, "next": body},
        "/admin/password_change/": {"old_password": body, "new_password1": body, "new_password2": body},
    }  # fmt: skip
    for address, form in forms.items():
        part = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
        parts = "".join(part.format(*field) for field in form.items()) + "--x--\r\n"
        for kind, sent in ((MULTIPART, parts), (FORM, urlencode(form))):
            answer = staff.generic("POST", address, sent.encode(), f"{kind}; charset={charset}")
            assert answer.status_code < 500, (address, kind)


def test_the_pages_around_the_lists_take_odd_text(staff: Http) -> None:
    for text in TEXTS:
        odd = quote(text, safe="")
        for path in ("", f"{odd}/", f"accounts/{odd}/", "jsi18n/", "password_change/"):
            asked(staff, f"/admin/{path}", {"next": text, "_popup": text})
        for name in ("term", "app_label", "model_name", "field_name", "page"):
            good = {"term": "a", "app_label": "bookings", "model_name": "booking", "field_name": "client"}
            asked(staff, "/admin/autocomplete/", {**good, name: text})
        for name in ("old_password", "new_password1", "new_password2"):
            good = {"old_password": PASSWORD, "new_password1": "x", "new_password2": "x"}
            posted(staff, "/admin/password_change/", {**good, name: text})


@pytest.mark.parametrize("name", ["username", "password", "next", "csrfmiddlewaretoken", "x"])
def test_the_login_takes_odd_text(staff: Http, name: str) -> None:
    guest = Http(raise_request_exception=False)
    for text in TEXTS:
        for path in ("/admin/login/", "/admin/logout/", "/admin/"):
            asked(guest, path, {name: text})
            posted(guest, path, {"username": "root", "password": "x", "next": "/admin/", name: text})
