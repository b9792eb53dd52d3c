import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.urls import reverse

from accounts.models import User
from bookings.models import Booking, Plan, Slot, Subscription
from bookings.services.bookings import book_slot
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


def test_staff_cancel_bookings_with_a_refund(staff: Client, ada: User, slot: Slot) -> None:
    booking = book_slot(client_id=ada.id, slot_id=slot.id)["id"]
    shift_start(slot, hours=1)
    data = {"action": "cancel_with_refund", "_selected_action": [str(booking)]}
    address = reverse("admin:bookings_booking_changelist")
    assert b"cancelled and refunded" in staff.post(address, data, follow=True).content
    assert (Booking.objects.get().cancelled_by, credits_of(ada)) == ("staff", 5)
    assert b"not active any more" in staff.post(address, data, follow=True).content


def test_staff_renew_and_make_plans(staff: Client, ada: User) -> None:
    data = {"action": "renew", "_selected_action": [str(Subscription.objects.get(user=ada).pk)]}
    page = staff.post(reverse("admin:bookings_subscription_changelist"), data, follow=True)
    assert b"0 renewed." in page.content
    made = staff.post(reverse("admin:bookings_plan_add"), {"name": "Monthly", "credits": 10, "period_days": 30})
    assert made.status_code == 302
    assert Plan.objects.filter(name="Monthly").exists()
