"""Expansion as operators meet it: one host's failure, calendars of thousands, the end of a host's role."""

import json
from datetime import time, timedelta
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, models, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from bookings.models import Booking, Host, Slot
from bookings.repositories import clock, transactions
from bookings.services.availability import add_rule, change_rule, remove_rule
from bookings.services.booking import book_slot
from bookings.services.expansion import expand_all, expand_host
from bookings.tasks import retry_expansions
from config.observability.metrics.collector import DatabaseCollector
from tests.bookings.api import Caller
from tests.bookings.people import credits_of, make_person, make_slot

pytestmark = pytest.mark.slow

WEEKLY = {"kind": "weekly", "start_time": time(9), "end_time": time(12), "title": "Office hours", "horizon_days": 14}


def calendars_due() -> float:
    (metric,) = (family for family in DatabaseCollector().collect() if family.name == "insighta_calendars_due")
    return metric.samples[0].value


@pytest.fixture
def hosts(audited: None) -> list[User]:
    """Three hosts by id; the rules of all but the first are new since the last expansion."""
    found = [make_person(name, is_host=True) for name in ("grace", "linus", "margaret")]
    for host in found:
        for weekday in range(1, 8):
            add_rule(host_id=host.id, values=WEEKLY | {"weekday": weekday})
    Slot.objects.all().delete()
    return sorted(found, key=lambda host: host.id)


def test_one_hosts_failure_is_its_own_counted_and_retried(hosts: list[User], caplog: pytest.LogCaptureFixture) -> None:
    broken, *others = hosts
    User.objects.filter(id=broken.id).update(time_zone="Nowhere/Land")
    done = expand_all()
    assert (done.failed, done.added > 0) == ([broken.id], True)
    assert {*Slot.objects.values_list("host_id", flat=True)} == {host.id for host in others}
    assert any(
        "calendar_not_expanded" in str(record.msg) and str(broken.id) in str(record.msg) for record in caplog.records
    )
    assert calendars_due() == 1
    first = Host.objects.get(user=broken).expansion_due_at
    assert expand_all(only_due=True).failed == [broken.id]
    assert Host.objects.get(user=broken).expansion_due_at == first, "since when it fails"
    User.objects.filter(id=broken.id).update(time_zone="UTC")
    retry_expansions(timestamp=0)
    assert Slot.objects.filter(host=broken).exists()
    assert calendars_due() == 0


def test_the_command_names_the_hosts_that_failed(hosts: list[User]) -> None:
    User.objects.filter(id=hosts[0].id).update(time_zone="Nowhere/Land")
    out = StringIO()
    with pytest.raises(CommandError, match=str(hosts[0].id)):
        call_command("expand_availability", "--json", stdout=out)
    assert json.loads(out.getvalue())["failed"] == [str(hosts[0].id)]
    assert json.loads(out.getvalue())["slots"] > 0


def statements(work: Any) -> tuple[int, Any]:
    with CaptureQueriesContext(connection) as captured:
        done = work()
    assert max(query["sql"].count("%s") for query in captured) < 100
    return len([query for query in captured if "SAVEPOINT" not in query["sql"]]), done


def test_a_calendar_of_thousands_takes_few_statements(grace: User) -> None:
    """More slots than a statement may have parameters for: 65,535, at a dozen a slot."""
    savepoint = transaction.savepoint()
    values = WEEKLY | {"weekday": 1, "start_time": time(0), "end_time": time(0), "horizon_days": 366}
    small, made = statements(lambda: add_rule(host_id=grace.id, values=values | {"slot_minutes": 720}))
    large, changed = statements(
        lambda: change_rule(host_id=grace.id, rule_id=made.rule.id, values={"slot_minutes": 10})
    )
    assert (made.calendar.opened > 100, changed.calendar.opened > 7000) == (True, True)
    assert large <= small + 8
    moved, _ = statements(lambda: change_rule(host_id=grace.id, rule_id=made.rule.id, values={"weekday": 3}))
    assert moved <= large + 1
    again, added = statements(lambda: expand_host(host_id=grace.id))
    assert (added, again <= small) == (0, True)
    removed, gone = statements(lambda: remove_rule(host_id=grace.id, rule_id=made.rule.id))
    assert gone.closed > 7000
    assert removed <= small + 8
    assert not Slot.objects.exists()
    # Or the deferred triggers would look for the bookings of every slot that was here.
    transaction.savepoint_rollback(savepoint)


def test_a_host_who_is_one_no_more_has_no_sessions(ada: User, grace: User) -> None:
    add_rule(host_id=grace.id, values=WEEKLY | {"weekday": 1})
    booked = make_slot(grace, hours=30)
    book_slot(client_id=ada.id, slot_id=booked.id)
    own = make_slot(grace, hours=40)
    with pytest.raises(CommandError, match=r"1 bookings.*--cancel-booked"):
        call_command("make_host", "grace", "--undo")
    assert User.objects.get(id=grace.id).is_host
    out = StringIO()
    call_command("make_host", "grace", "--undo", "--cancel-booked", stdout=out)
    assert "1 bookings were cancelled" in out.getvalue()
    assert {*Slot.objects.values_list("id", "status")} == {(booked.id, "cancelled"), (own.id, "cancelled")}
    assert (Booking.objects.get().cancelled_by, credits_of(ada)) == ("host", 5)
    assert Caller(ada).get("/slots", open="true")["results"] == []
    assert expand_all().added == 0
    call_command("make_host", "grace", stdout=StringIO())
    assert Slot.objects.filter(status="open", title="Office hours").exists()


def test_a_suspended_host_gets_nothing_new_until_reinstated(grace: User) -> None:
    add_rule(host_id=grace.id, values=WEEKLY | {"weekday": 1})
    Slot.objects.all().delete()
    User.objects.filter(id=grace.id).update(standing="suspended")
    assert expand_all().added == 0
    User.objects.filter(id=grace.id).update(standing="approved")
    assert expand_all().added > 0


def test_a_slot_left_by_the_last_rule_is_looked_after(ada: User, grace: User) -> None:
    day = (clock.read_now() + timedelta(days=5)).date()
    extra = {"kind": "extra", "date": day, "start_time": time(9), "end_time": time(10), "title": "Once"}
    rule = add_rule(host_id=grace.id, values=extra).rule
    slot = Slot.objects.get()
    book_slot(client_id=ada.id, slot_id=slot.id)
    remove_rule(host_id=grace.id, rule_id=rule.id)
    Caller(ada).post(f"/bookings/{Booking.objects.get().id}/cancel")
    expand_all()
    slot.refresh_from_db()
    assert slot.status == "cancelled"


def test_every_constraint_that_another_transaction_can_break_has_a_meaning() -> None:
    """What is unique or must not overlap is written without a look first, or after one that is stale by then."""
    constraints = [found for model in apps.get_app_config("bookings").get_models() for found in model._meta.constraints]
    guards = {found.name for found in constraints if not isinstance(found, models.CheckConstraint)}
    assert guards <= transactions.MEANINGS.keys()
