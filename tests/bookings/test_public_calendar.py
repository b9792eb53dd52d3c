"""The calendar without an account: what it shows, to whom, how often, and that it never tells who has booked."""

import base64
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings as product
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from bookings.models import Offering, Slot
from bookings.repositories import clock
from bookings.services.booking import book_slot
from bookings.services.hosting import cancel_slot
from bookings.services.offerings import archive_offering
from bookings.services.waiting import join_waitlist
from tests.bookings.api import Caller
from tests.bookings.people import make_offering, make_person, make_slot, shift_start
from tokens.policies.clients import PORTAL

READS = ["/hosts", "/hosts/grace", "/slots", "/slots/days", "/slots/{slot}", "/offerings"]
HOST = {"id", "login", "display_name"}
SLOT = {
    "id", "host", "offering_id", "title", "description", "place", "starts_at", "ends_at", "capacity", "seats_left",
    "status", "price_credits", "refund_deadline",
}  # fmt: skip


@pytest.fixture
def _public(settings: Settings) -> None:
    settings.PUBLIC_CALENDAR = True


@pytest.fixture
def slot(grace: User) -> Slot:
    """Grace's public session three days ahead, with three seats."""
    return open_slot(grace)


def open_slot(host: User, **how: Any) -> Slot:
    """A session of the host's that is made from a public offering."""
    return make_slot(host, offering=make_offering(host), **how)


def read(path: str, headers: dict[str, str] | None = None, *, status: int = 200) -> Any:
    """An answer of the API to somebody who sends these headers only."""
    found = Client().get(f"/api/v1{path}", headers=headers or {})
    assert found.status_code == status, found.content
    return found


def body(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(read(path).content)
    return found


def basic(client_id: str = PORTAL, secret: str = product.PORTAL_CLIENT_SECRETS[0]) -> str:
    return f"Basic {base64.b64encode(f'{client_id}:{secret}'.encode()).decode()}"


@pytest.mark.parametrize("path", READS)
def test_without_the_setting_nobody_reads_without_a_token(slot: Slot, path: str) -> None:
    for authorization in ({}, {"Authorization": basic()}):
        found = read(path.format(slot=slot.id), headers=authorization, status=401)
        assert json.loads(found.content)["code"] == "not_authenticated"


@pytest.mark.usefixtures("_public")
class TestWhatIsShown:
    def test_it_shows_the_listed_fields_and_no_other(self, ada: User, slot: Slot) -> None:
        book_slot(client_id=ada.id, slot_id=slot.id)
        (listed,) = body("/slots")["results"]
        assert listed == body(f"/slots/{slot.id}")
        assert (listed.keys(), listed["host"].keys(), listed["seats_left"]) == (SLOT, HOST, 2)
        (host,) = body("/hosts")["results"]
        assert host == body("/hosts/GRACE")
        assert host.keys() == HOST

    def test_who_has_booked_or_waits_changes_nothing_but_the_seats(self, ada: User, mallory: User, grace: User) -> None:
        full = open_slot(grace, capacity=1)
        book_slot(client_id=ada.id, slot_id=full.id)
        before = read("/slots").content
        join_waitlist(client_id=mallory.id, slot_id=full.id)
        assert read("/slots").content == before
        # With its quotes: an id, whose first digits are the time, may hold the letters.
        assert not any(name in before.decode() for name in ('"ada"', str(ada.id), "booking", "waiting", "seats_taken"))

    def test_what_has_started_is_not_shown(self, slot: Slot, grace: User) -> None:
        later = open_slot(grace, hours=100)
        shift_start(slot, hours=-0.5)
        long_ago = "2000-01-01T00:00:00Z"
        assert [one["id"] for one in body(f"/slots?from={long_ago}")["results"]] == [str(later.id)]
        read(f"/slots/{slot.id}", status=404)
        assert Caller(grace).get(f"/slots/{slot.id}")["id"] == str(slot.id)

    def test_a_cancelled_slot_says_so(self, slot: Slot, grace: User) -> None:
        cancel_slot(host_id=grace.id, slot_id=slot.id)
        assert body(f"/slots/{slot.id}")["status"] == "cancelled"
        assert body("/slots?open=true")["results"] == []

    def test_a_host_who_may_not_use_the_account_is_not_there(self, slot: Slot, grace: User) -> None:
        User.objects.filter(id=grace.id).update(standing="suspended")
        for path in (f"/slots/{slot.id}", "/hosts/grace"):
            read(path, status=404)
        assert (body("/slots")["results"], body("/hosts")["results"]) == ([], [])
        assert not any(day["open_slots"] for day in body("/slots/days")["results"])

    def test_a_slot_is_shown_where_its_offering_is_public(self, ada: User, grace: User) -> None:
        shown, hidden = (
            Offering.objects.create(host=grace, title="Clinic", minutes=60, capacity=3, public=public)
            for public in (True, False)
        )
        slots = {one: make_slot(grace, hours=50 + number) for number, one in enumerate((shown, hidden, None))}
        for offering, slot in slots.items():
            Slot.objects.filter(id=slot.id).update(offering=offering, link="https://meet.example/secret")
        assert [one["id"] for one in body("/slots")["results"]] == [str(slots[shown].id)]
        for one in (hidden, None):
            read(f"/slots/{slots[one].id}", status=404)
        assert sum(day["open_slots"] for day in body("/slots/days")["results"]) == 1
        for path in (f"/slots?offering={shown.id}", f"/slots/days?offering={shown.id}"):
            assert "secret" not in read(path).content.decode()
        assert [one["offering_id"] for one in body(f"/slots?offering={shown.id}")["results"]] == [str(shown.id)]
        assert sum(day["open_slots"] for day in body(f"/slots/days?offering={hidden.id}")["results"]) == 0
        seen = Caller(ada)
        assert len(seen.get("/slots")["results"]) == 3
        assert sum(day["open_slots"] for day in seen.get(f"/slots/days?offering={hidden.id}")["results"]) == 1

    def test_of_two_hosts_with_a_recycled_name_the_one_who_signed_in_last_has_it(self, grace: User) -> None:
        former = make_person("former", is_host=True)
        for one in (grace, former):
            make_offering(one)
        User.objects.filter(id=former.id).update(login="Grace", last_login=datetime(2020, 1, 1, tzinfo=UTC))
        User.objects.filter(id=grace.id).update(last_login=clock.read_now())
        assert body("/hosts/grace")["id"] == str(grace.id)

    def test_a_host_is_shown_who_shows_something(self, ada: User, grace: User) -> None:
        linus = make_person("linus", is_host=True)
        make_slot(linus, offering=make_offering(linus, public=False))
        ahead, offering = open_slot(grace), make_offering(grace)

        def shown() -> list[list[str]]:
            lists = [body("/hosts")["results"], body("/pages/slots")["hosts"], body("/pages/days")["hosts"]]
            return [[one["login"] for one in found] for found in lists]

        assert shown() == [["grace"]] * 3
        for path in ("/hosts/linus", "/pages/hosts/linus"):
            read(path, status=404)
            assert Caller(ada).get(path)
        assert [one["login"] for one in Caller(ada).get("/hosts")["results"]] == ["grace", "linus"]
        archive_offering(host_id=grace.id, offering_id=offering.id)
        assert shown() == [["grace"]] * 3, "a session of it lies ahead"
        shift_start(ahead, hours=-2)
        assert shown() == [[]] * 3
        read("/hosts/grace", status=404)
        make_offering(linus, title="New")
        assert shown() == [["linus"]] * 3, "what is offered has no session yet"

    @pytest.mark.parametrize("login", ["nobody", "ada", "%00", "%ED%A0%80", "x" * 3000, "..", "%25", "me"])
    def test_who_hosts_nothing_is_not_a_host(self, ada: User, login: str) -> None:
        assert read(f"/hosts/{login}", status=404)["Content-Type"] == "application/problem+json"

    @pytest.mark.slow
    def test_pages_of_the_list_follow_one_another(self, grace: User) -> None:
        made = [str(open_slot(grace, hours=50 + number, minutes=30).id) for number in range(60)]
        first = body("/slots")
        second = body(first["next"].partition("/api/v1")[2])
        assert [one["id"] for one in first["results"] + second["results"]] == made

    @pytest.mark.parametrize("path", ["/bookings", "/me", "/waitlist", "/credit-entries", "/slots/{slot}/bookings"])
    def test_nothing_else_is_public(self, slot: Slot, path: str) -> None:
        for authorization in ({}, {"Authorization": basic()}):
            read(path.format(slot=slot.id), headers=authorization, status=401)

    def test_nothing_can_be_changed(self, slot: Slot) -> None:
        for method, path in (("post", "/slots"), ("post", f"/slots/{slot.id}/cancel"), ("delete", f"/slots/{slot.id}")):
            for authorization in ({}, {"Authorization": basic()}):
                answer = getattr(Client(), method)(f"/api/v1{path}", headers=authorization)
                assert answer.status_code == 401, path


@pytest.mark.usefixtures("_public")
class TestHowItIsKept:
    @pytest.mark.parametrize("path", READS)
    def test_caches_may_keep_it_for_half_a_minute(self, slot: Slot, path: str) -> None:
        found = read(path.format(slot=slot.id))
        assert (found["Cache-Control"], found["Vary"]) == ("public, max-age=30", "Authorization")
        for given in (found["ETag"], f"W/{found['ETag']}", f'"other", {found["ETag"]}', "*"):
            same = read(path.format(slot=slot.id), headers={"If-None-Match": given}, status=304)
            assert (same.content, same["ETag"], same["Vary"]) == (b"", found["ETag"], "Authorization")
            assert same["Cache-Control"] == "public, max-age=30"
        assert read(path.format(slot=slot.id), headers={"If-None-Match": '"other"'})["ETag"] == found["ETag"]

    def test_its_tag_changes_with_it(self, ada: User, slot: Slot) -> None:
        before = read(f"/slots/{slot.id}")["ETag"]
        book_slot(client_id=ada.id, slot_id=slot.id)
        assert read(f"/slots/{slot.id}", headers={"If-None-Match": before})["ETag"] != before

    @pytest.mark.parametrize("path", READS)
    def test_nobody_keeps_what_a_person_sees(self, ada: User, slot: Slot, path: str) -> None:
        found = Caller(ada).client.get(f"/api/v1{path.format(slot=slot.id)}")
        assert (found["Cache-Control"], "ETag" in found) == ("private, no-store", False)
        assert "Authorization" in found["Vary"]

    def test_nobody_keeps_a_refusal(self, slot: Slot) -> None:
        for path in ("/slots?from=soon", "/slots/0193a000-0000-7000-8000-000000000001"):
            assert Client().get(f"/api/v1{path}")["Cache-Control"] == "private, no-store"


@pytest.mark.usefixtures("_public")
class TestWhoReads:
    @pytest.mark.parametrize(
        "authorization",
        ["Bearer ", "Bearer forged", "bearer insp_" + "x" * 36, "Bearer e30.e30.e30", "Basic ", "Basic x", "Digest x",
         basic(secret="wrong"), basic(client_id="insighta-cli", secret=""), basic(client_id="nobody"),
         "x" * 5000],
    )  # fmt: skip
    def test_a_bad_credential_is_never_nobodys(self, slot: Slot, authorization: str) -> None:
        for path in READS:
            found = read(path.format(slot=slot.id), headers={"Authorization": authorization}, status=401)
            assert (found["Cache-Control"], "Authorization" in found["Vary"]) == ("private, no-store", True)

    def test_a_revoked_token_is_refused(self, ada: User, slot: Slot) -> None:
        caller = Caller(ada)
        User.objects.filter(id=ada.id).update(standing="suspended")
        assert caller.refused("GET", "/slots") == (403, "account_suspended")

    def test_a_token_without_the_scope_reads_nothing(self, ada: User, slot: Slot) -> None:
        assert Caller(ada, frozenset({"account:read"})).refused("GET", "/slots") == (403, "permission_denied")

    def test_each_address_has_its_limit_and_people_have_theirs(self, ada: User, slot: Slot, settings: Settings) -> None:
        settings.THROTTLE_SCALE = 0.05  # six reads
        reader, caller = Client(REMOTE_ADDR="192.0.2.1"), Caller(ada)
        statuses = [reader.get("/api/v1/slots/days").status_code for _ in range(8)]
        assert statuses == [200] * 6 + [429] * 2
        refused = reader.get("/api/v1/hosts")
        assert (refused.status_code, int(refused["Retry-After"]) > 0) == (429, True)
        assert Client(REMOTE_ADDR="192.0.2.2").get("/api/v1/hosts").status_code == 200
        caller.client.defaults["REMOTE_ADDR"] = "192.0.2.1"
        assert caller.get("/hosts")["results"]

    def test_the_portals_browsers_are_counted_one_by_one(self, slot: Slot, settings: Settings) -> None:
        settings.THROTTLE_SCALE = 0.05
        portal = Client(REMOTE_ADDR="192.0.2.9")

        def status(address: str, **headers: str) -> int:
            given = {"X-Forwarded-For": address} | headers
            return int(portal.get("/api/v1/slots", headers=given).status_code)

        for browser in ("198.51.100.1", "198.51.100.2"):
            assert [status(browser, Authorization=basic()) for _ in range(7)] == [200] * 6 + [429]
        assert [status(f"198.51.100.{number}") for number in range(10, 17)] == [200] * 6 + [429], (
            "it vouches for nobody"
        )

    def test_guesses_of_the_portals_secret_are_counted(self, slot: Slot, settings: Settings) -> None:
        settings.THROTTLE_SCALE = 0.1  # three guesses
        guesses = [Client().get("/api/v1/slots", headers={"Authorization": basic(secret="guess")}) for _ in range(5)]
        assert [one.status_code for one in guesses] == [401] * 3 + [429] * 2

    @pytest.mark.parametrize("path", [*READS, "/slots?open=true"])
    def test_scripts_of_every_origin_may_read_it(self, slot: Slot, path: str) -> None:
        found = read(path.format(slot=slot.id), headers={"Origin": "https://any.example"})
        assert found["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in found.headers
        assert found["Vary"] == "Authorization"
        asked = {"Origin": "https://any.example", "Access-Control-Request-Method": "GET"}
        address = f"/api/v1{path.format(slot=slot.id)}"
        allowed = Client().options(address, headers=asked | {"Access-Control-Request-Headers": "if-none-match"})
        assert (allowed.status_code, allowed["Access-Control-Allow-Methods"]) == (204, "GET, HEAD")
        for more in (
            {"Access-Control-Request-Headers": "authorization"},
            {"Access-Control-Request-Method": "POST"},
        ):
            assert "Access-Control-Allow-Origin" not in Client().options(address, headers=asked | more).headers

    def test_a_script_with_somebodys_token_needs_a_registered_origin(self, ada: User, slot: Slot) -> None:
        found = Caller(ada).client.get("/api/v1/slots", headers={"Origin": "https://any.example"})
        assert "Access-Control-Allow-Origin" not in found.headers

    def test_each_read_is_one_statement(self, grace: User, slot: Slot) -> None:
        for more in range(2):
            for path in READS:
                with CaptureQueriesContext(connection) as captured:
                    read(path.format(slot=slot.id))
                assert len(captured) == 1, path
            for number in range(more * 20):
                open_slot(grace, hours=100 + 2 * number)


def days(path: str = "", *, caller: Caller | None = None) -> dict[str, tuple[int, int, int]]:
    """What is free by date, of the days that have a slot."""
    found = caller.get(f"/slots/days{path}") if caller else body(f"/slots/days{path}")
    assert (found["next"], found["previous"]) == (None, None)
    rows = {one["date"]: (one["open_slots"], one["full_slots"], one["seats_left"]) for one in found["results"]}
    return {day: counts for day, counts in rows.items() if any(counts)}


def put_at(host: User, *instants: datetime, capacity: int = 3) -> list[Slot]:
    now = clock.read_now()
    return [open_slot(host, hours=(at - now) / timedelta(hours=1), minutes=30, capacity=capacity) for at in instants]


@pytest.mark.usefixtures("_public")
class TestDays:
    def test_a_day_counts_slots_with_a_seat_without_one_and_seats(self, ada: User, grace: User) -> None:
        at = datetime(2099, 5, 4, 9, tzinfo=UTC)
        first, full, gone, _ = put_at(grace, *(at + timedelta(hours=number) for number in range(4)), capacity=1)
        book_slot(client_id=ada.id, slot_id=full.id)
        cancel_slot(host_id=grace.id, slot_id=gone.id)
        Slot.objects.filter(id=first.id).update(capacity=4)
        asked = "?from=2099-05-01&to=2099-06-01"
        assert days(asked) == days(asked, caller=Caller(ada)) == {"2099-05-04": (2, 1, 5)}
        assert days(f"{asked}&host={grace.id}") == {"2099-05-04": (2, 1, 5)}
        assert days(f"{asked}&host={ada.id}") == {}
        assert [one["date"] for one in body(f"/slots/days{asked}")["results"]][::30] == ["2099-05-01", "2099-05-31"]

    @pytest.mark.parametrize(
        ("zone", "day", "hours"),
        [("Europe/Berlin", date(2027, 3, 28), 23), ("Europe/Berlin", date(2027, 10, 31), 25),
         ("Asia/Kathmandu", date(2027, 3, 28), 24), ("Pacific/Kiritimati", date(2027, 3, 28), 24),
         ("Africa/Cairo", date(2027, 4, 30), 23), ("Australia/Lord_Howe", date(2027, 4, 4), 24.5)],
    )  # fmt: skip
    def test_a_day_is_as_long_as_the_clocks_make_it(self, grace: User, zone: str, day: date, hours: float) -> None:
        starts = datetime.combine(day, datetime.min.time(), tzinfo=ZoneInfo(zone)).astimezone(UTC)
        ends = starts + timedelta(hours=hours)
        minute = timedelta(minutes=1)
        put_at(grace, starts - 31 * minute, starts, ends - 31 * minute, ends)
        near = [(day + timedelta(days=number)).isoformat() for number in (-1, 0, 1)]
        counted = days(f"?from={near[0]}&to={day + timedelta(days=2)}&zone={zone}")
        assert counted == {near[0]: (1, 0, 3), near[1]: (2, 0, 6), near[2]: (1, 0, 3)}

    def test_the_days_are_those_of_the_caller_unless_a_zone_is_named(self, grace: User) -> None:
        at = datetime(2099, 5, 4, 23, tzinfo=UTC)
        put_at(grace, at)
        asked = "?from=2099-05-04&to=2099-05-06"
        assert [*days(asked), *days(asked, caller=Caller(grace))] == ["2099-05-04", "2099-05-05"]
        assert [*days(f"{asked}&zone=UTC", caller=Caller(grace))] == ["2099-05-04"]

    def test_instants_stand_for_their_days(self, grace: User) -> None:
        asked = "/slots/days?from=2099-05-04T22:30:00Z&to=2099-05-06T22:00:00Z&zone=Europe/Berlin"
        assert [one["date"] for one in body(asked)["results"]] == ["2099-05-05", "2099-05-06"]
        later = body(asked.replace("T22:00:00Z&zone", "T22:00:01Z&zone"))["results"]
        assert [one["date"] for one in later][-1] == "2099-05-07"

    def test_without_bounds_it_is_five_weeks_from_today(self, ada: User) -> None:
        today = clock.read_now().date()
        for found in (body("/slots/days"), Caller(ada).get("/slots/days")):
            dates = [one["date"] for one in found["results"]]
            assert (dates[0], dates[-1], len(dates)) == (
                today.isoformat(), (today + timedelta(days=34)).isoformat(), 35
            )  # fmt: skip

    def test_without_a_token_it_begins_today(self, ada: User) -> None:
        today = clock.read_now().date()
        asked = f"?from={today - timedelta(days=3)}&to={today + timedelta(days=2)}"
        assert len(body(f"/slots/days{asked}")["results"]) == 2
        assert len(Caller(ada).get(f"/slots/days{asked}")["results"]) == 5
        assert body("/slots/days?from=2001-01-01&to=2001-02-01")["results"] == []

    @pytest.mark.parametrize(
        "asked",
        ["from=2099-01-01&to=2099-04-12", "from=2099-01-01T00:00:00Z&to=2199-01-01T00:00:00Z", "from=soon", "to=",
         "from=2099-01-01T00:00:00", "from=0001-01-01", "to=9999-12-31", "zone=Mars/Olympus", "zone=", "zone=%00",
         "zone=localtime", "zone=../etc/passwd", "host=grace", "from=%F0%9F%98%80", "to=" + "9" * 400],
    )  # fmt: skip
    def test_what_cannot_be_days_is_refused(self, ada: User, asked: str) -> None:
        for found in (
            Client().get(f"/api/v1/slots/days?{asked}"),
            Caller(ada).client.get(f"/api/v1/slots/days?{asked}"),
        ):
            assert (found.status_code, json.loads(found.content)["code"]) == (400, "validation_error")

    def test_an_end_before_the_start_is_no_day(self) -> None:
        assert body("/slots/days?from=2099-01-02&to=2099-01-01")["results"] == []
