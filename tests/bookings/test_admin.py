import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import User
from bookings.models import Booking, Plan, Slot, Subscription
from bookings.services.booking import book_slot
from tests.bookings.people import credits_of, shift_start

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


def test_staff_renew_and_make_plans(staff: Client, ada: User) -> None:
    data = {"action": "renew", "_selected_action": [str(Subscription.objects.get(user=ada).pk)]}
    page = staff.post(reverse("admin:bookings_subscription_changelist"), data, follow=True)
    assert b"0 renewed." in page.content
    made = staff.post(reverse("admin:bookings_plan_add"), {"name": "Monthly", "credits": 10, "period_days": 30})
    assert made.status_code == 302
    assert Plan.objects.filter(name="Monthly").exists()
