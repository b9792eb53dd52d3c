import time
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from bookings.models import AvailabilityRule, Booking, CreditEntry, Plan, Slot, Subscription, WaitlistEntry
from bookings.services import demo
from bookings.services.audit import find_breaches
from bookings.services.booking import book_slot
from tests.bookings.people import credits_of, make_person


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=out)
    return out.getvalue()


@pytest.fixture
def development(audited: None, settings: Any) -> None:
    settings.DEBUG = True


def promise_holds(now: Any) -> bool:
    """What the contract says that the demo always has."""
    open_slots = Slot.objects.filter(status="open")
    far = open_slots.filter(starts_at__gt=now + timedelta(days=1), seats_taken=0)
    near = open_slots.filter(starts_at__gt=now, starts_at__lt=now + timedelta(hours=11), seats_taken__lt=4)
    hosts = User.objects.filter(is_host=True, login__in=["grace", "linus", "margaret"])
    return all(
        [
            far.filter(capacity=3).exists(),
            far.filter(capacity=12).exists(),
            near.exists(),
            hosts.values("time_zone").distinct().count() == 3,
            User.objects.filter(login="admin", is_staff=True).exists(),
            WaitlistEntry.objects.filter(status="waiting").exists(),
            Booking.objects.filter(scheduled_start_time__gt=now).exists(),
            Booking.objects.filter(scheduled_end_time__lt=now).exists(),
        ]
    )


@pytest.mark.alone
def test_the_demo_is_made_once(development: None) -> None:
    assert "People: grace, linus, margaret, ada" in run("seed_demo")
    assert promise_holds(timezone.now())
    before = [model.objects.count() for model in (User, Slot, Booking, AvailabilityRule, Subscription)]
    started = time.perf_counter()
    assert run("seed_demo") == "The demo is complete.\n"
    assert time.perf_counter() - started < 1
    assert [model.objects.count() for model in (User, Slot, Booking, AvailabilityRule, Subscription)] == before


def test_the_demo_shows_every_state_that_a_page_can_show(development: None) -> None:
    run("seed_demo")
    now = timezone.now()
    deadline = F("scheduled_start_time") - F("refund_window")
    cancelled, over = Booking.objects.filter(status="cancelled"), Booking.objects.filter(scheduled_end_time__lt=now)
    states = {
        "cancelled in time": cancelled.filter(cancelled_by="client", credits_refunded=1, cancelled_at__lt=deadline),
        "cancelled late": cancelled.filter(cancelled_by="client", credits_refunded=0, cancelled_at__gte=deadline),
        "cancelled by the host": cancelled.filter(cancelled_by="host", credits_refunded=1, slot__status="cancelled"),
        "moved": Booking.objects.filter(moves__isnull=False),
        "no-show": over.filter(status="no_show"),
        "completed": over.filter(status="active"),
        "ahead": Booking.objects.filter(status="active", scheduled_start_time__gt=now),
        "waiting": WaitlistEntry.objects.filter(status="waiting", slot__starts_at__gt=now),
        "promoted": WaitlistEntry.objects.filter(status="promoted"),
        "ended": Subscription.objects.filter(ends_at__lt=now, expired_at__isnull=False, credits_remaining__gt=0),
        "renewed": CreditEntry.objects.filter(reason="renewal"),
        "refund in the ledger": CreditEntry.objects.filter(reason="refund"),
    }
    assert [name for name, found in states.items() if not found.exists()] == []
    assert find_breaches() == {}


def test_the_demos_ledger_reads_in_the_order_of_time(development: None) -> None:
    run("seed_demo")
    for subscription in Subscription.objects.all():
        balance, entries = 0, list(subscription.entries.order_by("created_at", "id"))
        assert [entry.id for entry in entries] == sorted(entry.id for entry in entries)
        for entry in entries:
            balance += entry.amount
            assert entry.balance_after == balance
    assert not Booking.objects.filter(created_at__gte=F("scheduled_start_time")).exists()


def test_the_demo_is_topped_up_when_days_have_passed_and_seats_are_gone(development: None) -> None:
    run("seed_demo")
    Slot.objects.filter(status="open", seats_taken=0).delete()
    assert not promise_holds(timezone.now())
    assert "Slots: two weeks of them." in run("seed_demo")
    assert promise_holds(timezone.now())
    Slot.objects.filter(capacity__in=[3, 4, 12], seats_taken=0).update(capacity=13)
    lines = run("seed_demo")
    assert "Slot: 3 seats with" in lines
    assert "Slot: 12 seats with" in lines
    assert promise_holds(timezone.now())


def test_a_host_of_the_demo_who_left_comes_back(development: None) -> None:
    run("seed_demo")
    User.objects.filter(login="grace").update(is_active=False, is_host=False)
    run("seed_demo")
    assert promise_holds(timezone.now())


def test_who_signs_in_at_the_stand_in_is_the_person_of_the_demo(development: None) -> None:
    run("seed_demo")
    assert User.objects.get(login="grace").github_id == demo.github_id_of("Grace")


def test_no_demo_without_debug(audited: None) -> None:
    with pytest.raises(CommandError, match="DEBUG=true"):
        run("seed_demo")


def test_staff_make_hosts_and_unmake_them(ada: User) -> None:
    assert "is a host" in run("make_host", "ada")
    assert User.objects.get(id=ada.id).is_host
    assert "is no host any more" in run("make_host", str(ada.id), "--undo")
    assert not User.objects.get(id=ada.id).is_host
    with pytest.raises(CommandError, match="Nobody called"):
        run("make_host", "nobody")


def test_an_ambiguous_login_is_refused_with_ids(ada: User) -> None:
    other = make_person("countess")
    User.objects.filter(id=other.id).update(login="ada")
    with pytest.raises(CommandError, match=str(other.id)):
        run("make_host", "ada")


def test_staff_grant_credits_and_plans(ada: User) -> None:
    run("grant_credits", "ada", "3")
    assert credits_of(ada) == 8
    Plan.objects.create(name="Monthly", credits=10, period_days=30)
    run("grant_credits", "ada", "--plan", "Monthly")
    assert credits_of(ada) == 18
    for wrong in (["0"], ["--plan", "Nothing"]):
        with pytest.raises(CommandError):
            run("grant_credits", "ada", *wrong)


def test_the_audit_is_silent_about_a_sound_database(ada: User, slot: Slot) -> None:
    book_slot(client_id=ada.id, slot_id=slot.id)
    assert run("audit") == "Every rule holds.\n"
    assert run("expand_availability") == "0 slots were added.\n"
