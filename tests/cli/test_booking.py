"""Booking, moving and cancelling from the terminal, against the real backend with its demo."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.people import sign_in
from tests.cli.terminals import Machine
from tests.processes import Live

# The demo's: other tests offer sessions at other prices.
SLOTS = ("slots", "list", "--host", "grace")


@pytest.fixture(scope="module")
def demo(live: Live) -> None:
    """Hosts and slots."""
    live.manage("seed_demo")


@pytest.fixture
def ada(demo: None, installation: Path, live: Live, tmp_path: Path, request: pytest.FixtureRequest) -> Machine:
    """A new person's machine, with welcome credits and no bookings."""
    name = re.sub(r"[^a-z]+", "-", request.node.name.removeprefix("test_"))[:30].strip("-")
    return sign_in(installation, tmp_path, live.backend_url, f"ada-{name}")


def later_slots(machine: Machine) -> list[dict[str, Any]]:
    """Open slots that can be cancelled for a refund, no two at the same time."""
    slots = machine.run(*SLOTS, "--json").json
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    slots = [slot for slot in slots if datetime.fromisoformat(slot["refund_deadline"]) > in_an_hour]
    chosen: list[dict[str, Any]] = []
    for slot in slots:
        if slot["seats_left"] >= 2 and (not chosen or slot["starts_at"] >= chosen[-1]["ends_at"]):
            chosen.append(slot)
    return chosen


def soon_slot(machine: Machine) -> dict[str, Any]:
    """A slot that starts within eleven hours: too late for a refund."""
    return next(iter(machine.run(*SLOTS, "--json").json))


def credits(machine: Machine) -> int:
    return int(machine.run("credits", "--json").json["credits"])


def test_slots_are_listed_in_local_time(ada: Machine) -> None:
    done = ada.run(*SLOTS, "--from", "tomorrow")
    assert done.code == 0
    head, first = done.out.split("\n")[:2]
    assert re.split(r"\s{2,}", head) == ["ID", "WHEN (Africa/Lagos)", "HOST", "SESSION", "LEFT", "REFUND UNTIL"]
    slot = ada.run(*SLOTS, "--from", "tomorrow", "--json").json[0]
    assert slot["id"].startswith(first.split()[0])
    hour = (int(slot["starts_at"][11:13]) + 1) % 24  # Lagos is an hour ahead of UTC all year.
    assert f"{hour:02d}{slot['starts_at'][13:16]}-" in first
    assert max(map(len, done.out.split("\n"))) <= 100
    elsewhere = ada.run(*SLOTS, "--from", "tomorrow", TZ="Asia/Kolkata").out
    assert "Asia/Kolkata" in elsewhere


def test_slots_of_one_host(ada: Machine) -> None:
    slots = ada.run("slots", "list", "--host", "Grace", "--json").json
    assert slots
    assert {slot["host"]["login"] for slot in slots} == {"grace"}
    done = ada.run("slots", "list", "--host", "nobody")
    assert done.code == 1
    assert "Hosts:" in done.err
    assert "grace" in done.err


def test_a_slot_is_booked_by_the_start_of_its_id_shown_and_cancelled(ada: Machine) -> None:
    before = credits(ada)
    slot = later_slots(ada)[0]
    listed = ada.run(*SLOTS).out
    short = next(line.split()[0] for line in listed.split("\n")[1:] if line and slot["id"].startswith(line.split()[0]))
    booked = ada.run("book", short)
    assert booked.code == 0, booked.err
    booking_id = booked.out.strip()
    assert f"Booked: {slot['title']} with" in booked.err
    assert "(Africa/Lagos) and you get your credit back." in booked.err
    assert credits(ada) == before - 1
    assert booking_id[:8] in ada.run("bookings", "list").out
    shown = ada.run("bookings", "show", booking_id[:20]).out
    assert slot["title"] in shown
    assert "active" in shown
    assert booking_id[:8] in ada.run("calendar", "--week", slot["starts_at"][:10]).out
    refused = ada.run("cancel", booking_id)
    assert refused.code == 2
    assert "--yes" in refused.err
    cancelled = ada.run("cancel", booking_id, "--yes")
    assert cancelled.code == 0
    assert "1 credit comes back until" in cancelled.err
    assert "Cancelled; 1 credit came back." in cancelled.err
    assert credits(ada) == before
    assert "cancelled by client" in ada.run("bookings", "show", booking_id).out


def test_booking_at_a_terminal_shows_price_and_deadline_and_asks(ada: Machine) -> None:
    slot = later_slots(ada)[0]
    with ada.terminal("book", slot["id"]) as terminal:
        terminal.see(r"Full refund until \w{3} \d+ \w{3}, \d\d:\d\d \(Africa/Lagos\), in ")
        terminal.see(r"Book this session for 1 credit\? \[y/N\]")
        terminal.type("y\n")
        assert terminal.end() == 0
    with ada.terminal("book", soon_slot(ada)["id"]) as terminal:
        terminal.see(r"cannot be refunded: it starts in less than 12 hours\.")
        terminal.see(r"\[y/N\]")
        terminal.type("n\n")
        assert terminal.end() == 2
    assert [booking["slot_id"] for booking in ada.run("bookings", "list", "--json").json] == [slot["id"]]


def test_cancelling_at_a_terminal_shows_the_refund_and_asks(ada: Machine) -> None:
    booking_id = ada.run("book", later_slots(ada)[0]["id"]).out.strip()
    with ada.terminal("cancel", booking_id[:20]) as terminal:
        terminal.see(r"1 credit comes back until \w{3} \d+ \w{3}, \d\d:\d\d \(Africa/Lagos\), in ")
        terminal.see(r"Cancel this booking and get 1 credit back\? \[y/N\]")
        terminal.type("\n")
        assert terminal.end() == 2
    assert "Nothing was cancelled." in terminal.plain
    with ada.terminal("cancel", booking_id) as terminal:
        terminal.see(r"\[y/N\]")
        terminal.type("y\n")
        assert terminal.end() == 0
    assert ada.run("bookings", "list", "--json").json == []


def test_cancelling_late_says_before_that_nothing_comes_back(ada: Machine) -> None:
    before = credits(ada)
    booking_id = ada.run("book", soon_slot(ada)["id"]).out.strip()
    with ada.terminal("cancel", booking_id) as terminal:
        terminal.see("The deadline for a refund was .* ago: no credit comes back.")
        terminal.see("without getting a credit back")
        terminal.type("y\n")
        assert terminal.end() == 0
    assert credits(ada) == before - 1


def test_who_may_leave_without_loss_is_told_so(ada: Machine, live: Live, installation: Path, tmp_path: Path) -> None:
    """The host changes the place of a session that starts too soon for a refund."""
    slot, before = soon_slot(ada), credits(ada)
    booking_id = ada.run("book", slot["id"]).out.strip()
    (tmp_path / "host").mkdir()
    host = sign_in(installation, tmp_path / "host", live.backend_url, slot["host"]["login"])
    assert host.run("api", "PATCH", f"/api/v1/slots/{slot['id']}", "--field", "place=Room 2").code == 0
    assert "get everything back" in ada.run("bookings", "show", booking_id).out
    with ada.terminal("cancel", booking_id) as terminal:
        terminal.see("1 credit comes back until ")
        terminal.see("get 1 credit back")
        terminal.type("y\n")
        assert terminal.end() == 0
    assert credits(ada) == before


def test_a_booking_is_moved(ada: Machine) -> None:
    first, second = later_slots(ada)[:2]
    booking_id = ada.run("book", first["id"]).out.strip()
    moved = ada.run("reschedule", booking_id[:20], second["id"], "--json")
    assert moved.code == 0, moved.err
    assert (moved.json["id"], moved.json["slot_id"]) == (booking_id, second["id"])
    with ada.terminal("reschedule", booking_id, soon_slot(ada)["id"]) as terminal:
        terminal.see(r"Move your booking there and give up its refund\? \[y/N\]")
        terminal.type("n\n")
        assert terminal.end() == 2
    assert ada.run("bookings", "list", "--json").json[0]["slot_id"] == second["id"]


def test_refusals_say_what_to_do(ada: Machine) -> None:
    slot = later_slots(ada)[0]
    assert ada.run("book", slot["id"]).code == 0
    again = ada.run("book", slot["id"])
    assert again.code == 1
    assert "insighta bookings list" in again.err
    assert "already" in again.err
    unknown = ada.run("book", "0000ffff")
    assert unknown.code == 1
    assert "No slot has an id that starts with 0000ffff." in unknown.err
    several = ada.run("book", "019")
    assert several.code == 2
    several = ada.run("book", slot["id"][:4])
    assert several.code in {0, 2}


def test_credits_tell_where_they_went(ada: Machine) -> None:
    ada.run("book", later_slots(ada)[0]["id"])
    done = ada.run("credits")
    assert re.search(r"You have \d+ credits to book with\.", done.out)
    assert re.search(r"-1  booking", done.out)
    assert re.search(r"\+\d+  welcome", done.out)


def test_the_week_as_json_and_the_feed(ada: Machine) -> None:
    week = ada.run("calendar", "--week", "2026-W49", "--json").json
    assert (week["week"], week["time_zone"]) == ("2026-W49", "Africa/Lagos")
    assert (week["starts_at"], week["ends_at"]) == ("2026-11-30T00:00:00+01:00", "2026-12-07T00:00:00+01:00")
    assert ada.run("calendar", "--feed").out.strip().endswith(".ics")
    assert ada.run("calendar", "--week", "someday").code == 2


def test_a_host_sees_what_they_offer(demo: None, installation: Path, live: Live, tmp_path: Path) -> None:
    grace = sign_in(installation, tmp_path, live.backend_url, "grace")
    shown = "".join(grace.run("calendar", "--week", week).out for week in ("+0", "+1"))
    assert re.search(r"hosting \d+ of \d+", shown)


def test_another_persons_booking_is_not_there(ada: Machine, live: Live, installation: Path, tmp_path: Path) -> None:
    booking_id = ada.run("book", later_slots(ada)[0]["id"]).out.strip()
    (tmp_path / "mallory").mkdir()
    mallory = sign_in(installation, tmp_path / "mallory", live.backend_url, "mallory")
    for words in (["bookings", "show", booking_id], ["cancel", booking_id, "--yes"]):
        assert mallory.run(*words).code == 1
    assert ada.run("bookings", "list", "--json").json[0]["status"] == "active"


def test_completion_offers_ids(ada: Machine) -> None:
    slot = later_slots(ada)[0]
    booking_id = ada.run("book", slot["id"]).out.strip()
    offered = ada.run("__complete", "--", "cancel", "").out
    assert booking_id.startswith(offered.split("\t")[0])
    assert slot["title"] in offered
    assert ada.run("__complete", "--", "book", slot["id"][:6]).out
    assert "grace\t" in ada.run("__complete", "--", "slots", "list", "--host", "").out
    assert ada.run("__complete", "--", "sessions", "revoke", "").out.count("\n") >= 1
