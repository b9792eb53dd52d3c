import re
from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import User
from bookings.models import Booking, Plan, Slot, Subscription
from bookings.services.booking import book_slot
from tests.bookings.people import credits_of, make_person, shift_start

LISTS = ["plan", "slot", "booking", "subscription", "creditentry", "waitlistentry", "availabilityrule"]
READ_ONLY = [name for name in LISTS if name != "plan"]


@pytest.fixture
def staff(db: None) -> Client:
    """A browser that is signed in to the admin."""
    person = User.objects.create(
        login="admin", username="admin", password=make_password("x"), is_staff=True, is_superuser=True
    )
    client = Client()
    client.force_login(person, backend="accounts.authentication.StaffBackend")
    return client


@pytest.mark.parametrize("name", LISTS)
def test_staff_can_look_at_everything(staff: Client, ada: User, slot: Slot, name: str) -> None:
    book_slot(client_id=ada.id, slot_id=slot.id)
    assert staff.get(reverse(f"admin:bookings_{name}_changelist")).status_code == 200


@pytest.mark.parametrize("name", READ_ONLY)
def test_what_operations_write_cannot_be_edited_by_hand(staff: Client, ada: User, slot: Slot, name: str) -> None:
    book_slot(client_id=ada.id, slot_id=slot.id)
    assert staff.get(reverse(f"admin:bookings_{name}_add")).status_code == 403
    target = reverse("admin:bookings_booking_change", args=[Booking.objects.get().pk])
    assert b'name="_save"' not in staff.get(target).content


LIST = "admin:bookings_booking_changelist"


@pytest.mark.parametrize(("action", "by"), [("cancel_for_client", "staff"), ("cancel_as_host", "host")])
def test_staff_see_the_refund_and_cancel(staff: Client, ada: User, slot: Slot, action: str, by: str) -> None:
    booking = book_slot(client_id=ada.id, slot_id=slot.id)["id"]
    shift_start(slot, hours=1)
    data = {"action": action, "_selected_action": [str(booking)]}
    asked = staff.post(reverse(LIST), data)
    assert b"1 credit back" in asked.content
    assert f"The clients are told that the {by} cancelled".encode() in asked.content
    assert Booking.objects.get().status == "active"
    done = staff.post(reverse(LIST), {**data, "answered": "yes"}, follow=True)
    assert b"ada has 1 credit back" in done.content
    assert (Booking.objects.get().cancelled_by, credits_of(ada)) == (by, 5)
    assert b"not active any more" in staff.post(reverse(LIST), {**data, "answered": "yes"}, follow=True).content


@pytest.mark.parametrize("action", ["cancel_for_client", "cancel_as_host"])
def test_staff_who_may_only_look_cancel_nothing(db: None, ada: User, slot: Slot, action: str) -> None:
    booking = book_slot(client_id=ada.id, slot_id=slot.id)["id"]
    helper = User.objects.create(login="helper", is_staff=True)
    helper.user_permissions.add(Permission.objects.get(codename="view_booking"))
    client = Client()
    client.force_login(helper, backend="accounts.authentication.StaffBackend")
    assert client.get(reverse(LIST)).status_code == 200
    client.post(reverse(LIST), {"action": action, "_selected_action": [str(booking)], "answered": "yes"})
    assert Booking.objects.get().status == "active"


def test_a_subscription_leads_to_its_ledger(staff: Client, ada: User) -> None:
    subscription = Subscription.objects.get(user=ada)
    page = staff.get(reverse("admin:bookings_subscription_change", args=[subscription.pk])).content.decode()
    ledger = f"{reverse('admin:bookings_creditentry_changelist')}?subscription__exact={subscription.pk}"
    assert f'href="{ledger}"' in page
    assert staff.get(ledger).context["cl"].result_count == 1


ACTIONS: dict[str, tuple[type[Any], dict[str, str]]] = {
    "adjust": (Subscription, {"amount": "3", "note": "Counted again"}),
    "extend": (Subscription, {"days": "30"}),
    "grant_credits_to_people": (User, {"credits": "3"}),
}


def asked(staff: Client, name: str, person: User) -> tuple[str, dict[str, Any]]:
    """Where the page of an action sends its form, and the form as it is filled in."""
    model, said = ACTIONS[name]
    row = person if model is User else Subscription.objects.get(user=person)
    path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    chosen = {"action": name, "_selected_action": [str(row.pk)]}
    page = staff.post(path, chosen).content.decode()
    return path, {**chosen, **said, "answered": "yes", "seen": re.findall(r'name="seen" value="([^"]+)"', page)}


def ledger_and_end(person: User) -> list[tuple[int, datetime]]:
    return [*Subscription.objects.filter(user=person).order_by("id").values_list("credits_remaining", "ends_at")]


@pytest.mark.parametrize("name", ACTIONS)
def test_a_second_click_on_credits_does_nothing_more(staff: Client, ada: User, name: str) -> None:
    before = ledger_and_end(ada)
    path, form = asked(staff, name, ada)
    assert form["seen"]
    assert b"nothing was done" not in staff.post(path, form, follow=True).content
    once = ledger_and_end(ada)
    assert once != before
    assert b"so nothing was done" in staff.post(path, form, follow=True).content
    assert ledger_and_end(ada) == once


def test_two_clicks_at_one_moment_grant_once_to_somebody_without_a_plan(staff: Client, ada: User) -> None:
    Subscription.objects.filter(user=ada).update(user=make_person("other"))
    path, form = asked(staff, "grant_credits_to_people", ada)
    staff.post(path, form, follow=True)
    staff.post(path, form, follow=True)
    assert [credits for credits, _ in ledger_and_end(ada)] == [3]


def test_staff_renew_and_make_plans(staff: Client, ada: User) -> None:
    data = {"action": "renew", "_selected_action": [str(Subscription.objects.get(user=ada).pk)]}
    page = staff.post(reverse("admin:bookings_subscription_changelist"), data, follow=True)
    assert b"0 renewed." in page.content
    made = staff.post(reverse("admin:bookings_plan_add"), {"name": "Monthly", "credits": 10, "period_days": 30})
    assert made.status_code == 302
    assert Plan.objects.filter(name="Monthly").exists()
