"""A lively account for pages that are looked at: bookings, credits, sessions, tokens, a host's calendar."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.portal.fake_backend import ADA, Answer, Call, FakeBackend

ZONES = {"grace": "America/New_York", "linus": "Europe/Helsinki", "margaret": "America/Los_Angeles"}
NAMES = {"grace": "Grace Hopper", "linus": "Linus Torvalds", "margaret": "Margaret Hamilton"}
SCOPES = ["bookings:read", "bookings:write"]


def an_id(number: int) -> str:
    """A UUIDv7 that is the same in every run."""
    return f"0193a000-0000-7000-8000-{number:012d}"


def iso(instant: datetime) -> str:
    """RFC 3339."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def page_of(results: list[dict[str, Any]]) -> Answer:
    """A list as the API gives it."""
    return Answer(200, a_page(results))


def host(login: str) -> dict[str, Any]:
    """One of the three hosts."""
    number = list(ZONES).index(login) + 10
    return {"id": an_id(number), "login": login, "display_name": NAMES[login], "time_zone": ZONES[login]}


def slot(
    number: int, starts_at: datetime, login: str, title: str, seats: tuple[int, int], **more: Any
) -> dict[str, Any]:
    """A session of an hour; `seats` is taken and capacity."""
    taken, capacity = seats
    return {
        "id": an_id(number),
        "host": host(login),
        "title": title,
        "starts_at": iso(starts_at),
        "ends_at": iso(starts_at + timedelta(hours=1)),
        "capacity": capacity,
        "seats_taken": taken,
        "seats_left": capacity - taken,
        "status": "open",
        "refund_deadline": iso(starts_at - timedelta(hours=12)),
        "bookings_close_at": iso(starts_at),
        "booking_id": None,
        "waiting": False,
    } | more


def booking(number: int, of: dict[str, Any], status: str = "active", **more: Any) -> dict[str, Any]:
    """A booking of the slot `of`."""
    return {
        "id": an_id(number),
        "slot_id": of["id"],
        "host": of["host"],
        "title": of["title"],
        "status": status,
        "scheduled_start_time": of["starts_at"],
        "scheduled_end_time": of["ends_at"],
        "refund_deadline": of["refund_deadline"],
        "credits_charged": 1,
        "credits_refunded": 0,
        "created_at": of["refund_deadline"],
        "cancelled_at": None,
        "cancelled_by": None,
        "subscription_id": an_id(600),
        "usable_until": of["ends_at"],
    } | more


def week_of_slots(now: datetime) -> list[dict[str, Any]]:
    """Slots of the coming days: open, full, booked by Ada, waited for, and too soon to be refunded."""
    today = now.replace(minute=0, second=0, microsecond=0)
    found = []
    for day in range(7):
        morning = today.replace(hour=9) + timedelta(days=day)
        found += [
            slot(100 + day, morning, "grace", "Compilers, gently", (day % 3, 3)),
            slot(
                200 + day, morning + timedelta(hours=2), "linus", "Reading a kernel patch", (12 if day == 2 else 5, 12)
            ),
            slot(300 + day, morning + timedelta(hours=5), "margaret", "Software that must not fail", (1, 4)),
        ]
    soon = slot(
        400, now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=5), "grace", "Ask me anything", (2, 6)
    )
    found = [one for one in found if one["starts_at"] > iso(now)] + [soon]
    for number, of in ((500, an_id(301)), (503, an_id(103))):
        next(one for one in found if one["id"] == of)["booking_id"] = an_id(number)
    return sorted(found, key=lambda one: str(one["starts_at"]))


def fill(backend: FakeBackend, now: datetime, *, hosting: bool = False) -> dict[str, Any]:
    """Give the fake backend the whole account; the slots and bookings it holds."""
    slots = week_of_slots(now)
    mine, later = (one for one in slots if one["booking_id"])
    late = slot(
        902,
        now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=7),
        "linus",
        "Bisecting, live",
        (3, 8),
        booking_id=an_id(504),
    )
    full = next(one for one in slots if not one["seats_left"])
    free = next(one for one in slots if one["id"] == an_id(304))
    past = slot(
        900,
        now.replace(minute=0, second=0, microsecond=0) - timedelta(days=5),
        "margaret",
        "Software that must not fail",
        (4, 4),
    )
    cancelled = slot(
        901,
        now.replace(minute=0, second=0, microsecond=0) - timedelta(days=9),
        "linus",
        "Reading a kernel patch",
        (3, 12),
    )
    upcoming = [booking(500, mine), booking(503, later), booking(504, late)]
    upcoming.sort(key=lambda one: str(one["scheduled_start_time"]))
    gone = [
        booking(501, past, "completed"),
        booking(502, cancelled, "cancelled", credits_refunded=1, cancelled_by="client", cancelled_at=iso(now)),
    ]
    me = ADA | {"is_host": hosting}
    page = {"person": me, "credits_available": 11}
    ledger = entries(now)
    details = [detail(one, ledger, now) for one in upcoming + gone]
    lists = {
        "/hosts": [host(login) for login in ZONES],
        "/bookings": upcoming,
        "/subscriptions": subscriptions(now),
        "/credit-entries": ledger,
    }
    pages = {
        "home": page | {"upcoming": upcoming},
        "bookings": page | {"upcoming": upcoming, "past": a_page(gone), "waiting": [waiting(full)]},
        "credits": page | {"subscriptions": subscriptions(now), "entries": a_page(ledger)},
        "deactivation": page | {"bookings": [one | {"credits_to_refund": 1} for one in upcoming], "slots": []},
    }
    routes: dict[tuple[str, str], Any] = {("GET", path): page_of(found) for path, found in lists.items()}
    routes |= {("GET", f"/pages/{name}"): Answer(200, body) for name, body in pages.items()}
    routes |= {("GET", f"/slots/{one['id']}"): Answer(200, one) for one in slots}
    routes |= {("GET", f"/pages/slots/{one['id']}"): Answer(200, slot_page(page, one)) for one in slots}
    for one in details:
        routes["GET", f"/bookings/{one['id']}"] = Answer(200, one)
        routes["GET", f"/pages/bookings/{one['id']}"] = Answer(200, page | {"booking": one})
    routes["GET", f"/pages/bookings/{an_id(500)}/reschedule"] = lambda call: Answer(
        200,
        page
        | {"booking": detail(booking(500, mine), ledger, now), "slots": a_page(_between(slots, call))}
        | {"same": [one for one in slots if one["title"] == mine["title"]]},
    )
    routes |= {
        ("GET", "/me"): Answer(200, me),
        ("GET", "/slots"): lambda call: page_of(_between(slots, call)),
        ("GET", "/pages/slots"): lambda call: Answer(
            200, page | {"hosts": [host(login) for login in ZONES], "slots": a_page(_between(slots, call))}
        ),
        ("GET", "/calendar-feed"): Answer(
            200, {"url": "https://api.insighta.example/api/v1/calendar/insf_AZOgAAAAcACAAAAA.ics"}
        ),
    }
    routes |= account_routes(now) | (hosting_routes(slots, page) if hosting else {})
    backend.routes |= routes
    return {"slots": slots, "mine": mine, "full": full, "free": free, "upcoming": upcoming, "past": gone}


def a_page(results: list[dict[str, Any]]) -> dict[str, Any]:
    """A list without neighbours."""
    return {"results": results, "next": None, "previous": None}


def day_page(page: dict[str, Any], own: list[dict[str, Any]], date: str) -> Answer:
    """A day of the host's."""
    found = [one for one in own if one["starts_at"].startswith(date)]
    taken = sum(one["seats_taken"] for one in found)
    return Answer(200, page | {"slots": found, "people": taken, "credits": taken})


def slot_page(page: dict[str, Any], of: dict[str, Any]) -> dict[str, Any]:
    """A slot to book or to wait for."""
    return page | {"slot": of, "subscriptions": subscriptions(datetime.now(UTC)), "position": None}


def waiting(of: dict[str, Any]) -> dict[str, Any]:
    """A place in the queue of a slot."""
    return {
        "slot_id": of["id"],
        "title": of["title"],
        "host_login": of["host"]["login"],
        "host": of["host"],
        "position": 3,
        "joined_at": of["refund_deadline"],
    } | {name: of[name] for name in ("starts_at", "ends_at")}


def detail(of: dict[str, Any], ledger: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    """A booking with all that its page shows."""
    refund = preview(of, now) if of["status"] == "active" else None
    own = [one for one in ledger if one["booking_id"] == of["id"]]
    may_move = bool(refund and refund["refundable"])
    return of | {"may_reschedule": may_move, "refund_preview": refund, "history": [], "credit_entries": own}


def _between(slots: list[dict[str, Any]], call: Call) -> list[dict[str, Any]]:
    first, last = (datetime.fromisoformat(call.query.get(name, default)) for name, default in _EDGES.items())
    wanted = call.query.get("host")
    found = [one for one in slots if first <= datetime.fromisoformat(one["starts_at"]) < last]
    return [one for one in found if wanted in {None, one["host"]["id"], one["host"]["login"]}]


_EDGES = {"from": "2000-01-01T00:00:00+00:00", "to": "2100-01-01T00:00:00+00:00"}


def preview(of: dict[str, Any], now: datetime) -> dict[str, Any]:
    """What a cancellation would give back."""
    refundable = datetime.fromisoformat(of["refund_deadline"]) > now
    ends = iso(now + timedelta(days=20))
    return {"refund_deadline": of["refund_deadline"], "refundable": refundable, "credits": int(refundable)} | {
        "subscription_id": an_id(600),
        "usable_until": ends,
        "now": iso(now),
    }


def subscriptions(now: datetime) -> list[dict[str, Any]]:
    """Two: the one that ends first is used next."""
    start, plans = iso(now - timedelta(days=10)), (("Welcome", 3, 20), ("Monthly 8", 8, 25))
    return [
        {"id": an_id(600 + n), "plan": plan, "credits_remaining": left, "starts_at": start, "active": True}
        | {"ends_at": iso(now + timedelta(days=days))}
        for n, (plan, left, days) in enumerate(plans)
    ]


def entries(now: datetime) -> list[dict[str, Any]]:
    """The ledger, newest first."""
    rows = [(-1, "booking", 500, 3), (1, "refund", 502, 4), (8, "plan", None, 8), (-1, "booking", 502, 3)]
    rows += [(-1, "booking", 501, 4), (5, "welcome", None, 5)]
    return [
        {
            "id": an_id(700 + n),
            "subscription_id": an_id(601 if reason == "plan" else 600),
            "booking_id": an_id(of) if of else None,
            "amount": amount,
            "reason": reason,
            "balance_after": left,
            "created_at": iso(now - timedelta(days=2 * n, hours=3)),
        }
        for n, (amount, reason, of, left) in enumerate(rows)
    ]


def account_routes(now: datetime) -> dict[tuple[str, str], Any]:
    """Sessions, tokens and a device that asks."""
    hours = [
        ("insighta-portal", "Firefox on Linux", 1),
        ("insighta-cli", "laptop", 30),
        ("insighta-portal", "Safari on iPhone", 80),
    ]
    sessions = [
        {"id": an_id(800 + n), "client_id": client, "label": label, "current": n == 0}
        | {"created_at": iso(now - timedelta(days=9 + n)), "last_used_at": iso(now - timedelta(hours=ago))}
        for n, (client, label, ago) in enumerate(hours)
    ]
    token = {"id": an_id(850), "name": "Backup job", "prefix": "insp_7Qd2", "scopes": SCOPES, "created_at": iso(now)}
    token |= {"expires_at": iso(now + timedelta(days=60)), "last_used_at": iso(now - timedelta(hours=7))}
    device = {
        "user_code": "BCDF-GHJK",
        "client_id": "insighta-cli",
        "label": "build-server (Linux)",
        "status": "pending",
    }
    device |= {"expires_at": iso(now + timedelta(minutes=9)), "created_at": iso(now), "address": "203.0.113.9"}
    return {
        ("GET", "/sessions"): page_of(sessions),
        ("GET", "/personal-access-tokens"): page_of([token]),
        ("GET", "/device-requests/BCDF-GHJK"): Answer(200, device),
    }


def hosting_routes(slots: list[dict[str, Any]], page: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """A calendar of her own."""
    rule = {
        "id": an_id(950),
        "kind": "weekly",
        "weekday": 2,
        "date": None,
        "start_time": "09:00:00",
        "end_time": "12:00:00",
    }
    rule |= {"title": "Compilers, gently", "capacity": 3, "slot_minutes": 60, "buffer_minutes": 0}
    rule |= {"minimum_notice_minutes": 0, "horizon_days": 28}
    off = rule | {
        "id": an_id(951),
        "kind": "day_off",
        "weekday": None,
        "date": "2026-12-24",
        "start_time": None,
        "end_time": None,
    }
    own = [one for one in slots if one["host"]["login"] == "grace"]
    people = [
        booking(960 + n, slots[0], client={"id": an_id(20 + n), "login": login, "display_name": name})
        for n, (login, name) in enumerate([("ada", "Ada Lovelace"), ("alan", ""), ("hedy", "Hedy Lamarr")])
    ]
    return {
        ("GET", "/availability-rules"): page_of([rule, off]),
        ("GET", "/pages/hosting/day"): lambda call: day_page(page, own, call.query["date"]),
        ("GET", "/pages/hosting"): Answer(200, page | {"slots": a_page(own), "rules": [rule, off]}),
        **{
            ("GET", f"/pages/hosting/slots/{one['id']}"): Answer(
                200, page | {"slot": one, "bookings": a_page(people[: one["seats_taken"]]), "waiting": 2}
            )
            for one in own
        },
    }
