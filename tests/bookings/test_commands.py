import json
import time
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from bookings.models import AvailabilityRule, Booking, CreditEntry, Plan, Slot, Subscription, WaitlistEntry
from bookings.services import demo
from bookings.services.audit import find_breaches
from bookings.services.booking import book_slot
from tests.bookings.people import credits_of, make_person, state

pytestmark = pytest.mark.slow


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
    ahead = Slot.objects.filter(status="open", starts_at__gt=timezone.now())
    assert ahead.count() == ahead.filter(offering__public=True).count() > 30, "everybody sees what can be booked"
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


SUBSCRIPTION = {"id", "plan", "credits_remaining", "starts_at", "ends_at", "active", "renews"}


def test_what_staff_do_to_credits_is_printed_as_json(ada: User) -> None:
    granted = json.loads(run("grant_credits", "ada", "3", "--json"))
    assert (granted.keys(), granted["credits_remaining"]) == (SUBSCRIPTION, 8)
    owned = granted["id"]
    adjusted = json.loads(run("adjust_credits", owned, "-2", "--note", "Counted again", "--json"))
    assert adjusted.keys() == SUBSCRIPTION | {"amount"}
    assert (adjusted["amount"], adjusted["credits_remaining"]) == (-2, 6)
    Subscription.objects.filter(id=owned).update(starts_at=F("starts_at") - timedelta(days=1))
    ends_at = {"before": adjusted["ends_at"]}
    for option in (["--stop"], ["--resume"], ["--extend", "3"], ["--end"]):
        changed = json.loads(run("change_subscription", owned, *option, "--json"))
        assert (changed.keys(), changed["id"]) == (SUBSCRIPTION, owned)
        ends_at[option[0]] = changed["ends_at"]
        assert changed["renews"] is (option[0] in {"--resume", "--extend"})
    assert ends_at["--end"] < ends_at["before"] < ends_at["--extend"]
    assert changed["active"] is False
    Plan.objects.create(name="Monthly", credits=10, period_days=30)
    plan = json.loads(run("grant_credits", "ada", "--plan", "Monthly", "--json"))
    assert (plan.keys(), plan["plan"], plan["credits_remaining"]) == (SUBSCRIPTION, "Monthly", 10)


def test_who_hosts_is_printed_as_json_and_can_be_looked_at_first(ada: User, grace: User, slot: Slot) -> None:
    made = json.loads(run("make_host", "ada", "--json"))
    assert made == {"person_id": str(ada.id), "is_host": True, "sessions_opened": 0, "dry_run": False}
    book_slot(client_id=ada.id, slot_id=slot.id)
    ended = {
        "person_id": str(grace.id),
        "is_host": False,
        "sessions_closed": 0,
        "bookings_cancelled": 1,
        "credits_refunded": 1,
    }
    words = ("make_host", "grace", "--undo", "--cancel-booked", "--json")
    assert json.loads(run(*words, "--dry-run")) == ended | {"dry_run": True}
    assert User.objects.get(id=grace.id).is_host
    assert json.loads(run(*words)) == ended | {"dry_run": False}
    assert not User.objects.get(id=grace.id).is_host


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["adjust_credits", "ada", "1", "--note", "x"], "'ada' is not an id."),
        (["adjust_credits", str(UUID(int=0)), "1", "--note", "x"], "There is no subscription by that id."),
        (["adjust_credits", "OWN", "0", "--note", "x"], "Say by how many credits."),
        (["adjust_credits", "OWN", "-6", "--note", "x"], "Only 5 can be taken"),
        (["adjust_credits", "OWN", "1", "--note", " "], "Write a note"),
        (["adjust_credits", "OWN", "some", "--note", "x"], "invalid int value: 'some'"),
        (["change_subscription", "mine", "--stop"], "'mine' is not an id."),
        (["change_subscription", str(UUID(int=0)), "--stop"], "There is no subscription by that id."),
        (["change_subscription", "OWN", "--extend", "0"], "Extend by 1 to"),
        (["grant_credits", "nobody", "1"], "Nobody called"),
        (["grant_credits", "ada", "-1"], "Grant one credit or more"),
        (["make_host", "nobody", "--undo"], "Nobody called"),
    ],
)
def test_wrong_input_is_refused_in_a_sentence(ada: User, words: list[str], said: str) -> None:
    own = str(Subscription.objects.get(user=ada).id)
    before = state()
    with pytest.raises(CommandError) as refused:
        run(*[own if word == "OWN" else word for word in words], "--json")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert state() == before


def test_no_command_of_the_front_desk_prints_the_link(ada: User, slot: Slot) -> None:
    Slot.objects.filter(id=slot.id).update(link="https://meet.example.org/secret-room")
    booked = json.loads(run("book_for", "ada", str(slot.id), "--json"))
    told = [run("show_booking", booked["id"], "--json"), run("show_booking", booked["id"])]
    told += [run("show_person", "ada", "--json"), run("give_back", booked["id"], "1", "--note", "x", "--json")]
    assert booked["link"] is None
    assert "secret-room" not in "".join(told)


def test_the_audit_is_silent_about_a_sound_database(ada: User, slot: Slot) -> None:
    book_slot(client_id=ada.id, slot_id=slot.id)
    assert run("audit") == "Every rule holds.\n"
    assert run("expand_availability") == "0 slots were added.\n"
