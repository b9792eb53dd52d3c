"""A lively account for pages that are looked at: bookings, credits, sessions, tokens, a host's calendar."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.portal.fake_backend import ADA, Answer, Call, FakeBackend, Route

Body = dict[str, Any]
Routes = dict[tuple[str, str], Route | Answer]

HOSTS = {
    "grace": ("Grace Hopper", "America/New_York"),
    "linus": ("Linus Torvalds", "Europe/Helsinki"),
    "margaret": ("Margaret Hamilton", "America/Los_Angeles"),
}
PLACES = {"grace": "Online", "linus": "Room 4, Kepler House", "margaret": ""}
TEXT = "We read one piece of code together, line by line, and look for what would fail.\n\nBring a question."
WEEK_HOURS = (9, 11, 14)
OFFERINGS = [
    {"id": f"0193a000-0000-7000-8000-{number:012d}", "title": title}
    for number, title in ((71, "Compilers, gently"), (72, "Reading a kernel patch"))
]
SCOPES = ["account:read", "account:write", "bookings:read", "bookings:write"]
FEED = "https://api.insighta.example/api/v1/calendar/insf_AZOgAAAAcACAAAAA.ics"


def an_id(number: int) -> str:
    """A UUIDv7 that is the same in every run."""
    return f"0193a000-0000-7000-8000-{number:012d}"


def iso(instant: datetime) -> str:
    """RFC 3339."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def a_page(results: list[Body]) -> Body:
    """A list without neighbours."""
    return {"results": results, "next": None, "previous": None}


def host(login: str) -> Body:
    """One of the three hosts."""
    name, zone = HOSTS[login]
    return {"id": an_id(list(HOSTS).index(login) + 10), "login": login, "display_name": name, "time_zone": zone}


def slot(number: int, starts_at: datetime, login: str, title: str, seats: tuple[int, int], **more: Any) -> Body:
    """A session of an hour; `seats` is taken and capacity."""
    taken, capacity = seats
    names = {"id": an_id(number), "host": host(login), "title": title, "status": "open"}
    times = {"starts_at": iso(starts_at), "ends_at": iso(starts_at + timedelta(hours=1))}
    times |= {"refund_deadline": iso(starts_at - timedelta(hours=12)), "bookings_close_at": iso(starts_at)}
    counts = {"capacity": capacity, "seats_taken": taken, "seats_left": capacity - taken}
    terms = {"offering_id": None, "price_credits": 1, "place": PLACES[login], "description": TEXT, "link": None}
    return names | times | counts | terms | {"booking_id": None, "waiting": False} | more


def as_public(one: Body) -> Body:
    """A slot as everybody sees it."""
    hidden = {"booking_id", "waiting", "link", "seats_taken", "bookings_close_at"}
    person = {name: value for name, value in one["host"].items() if name != "time_zone"}
    return {name: value for name, value in one.items() if name not in hidden} | {"host": person}


def booking(number: int, of: Body, status: str = "active", **more: Any) -> Body:
    """A booking of the slot `of`."""
    names = {"id": an_id(number), "slot_id": of["id"], "host": of["host"], "title": of["title"], "status": status}
    times = {"scheduled_start_time": of["starts_at"], "scheduled_end_time": of["ends_at"]}
    times |= {"refund_deadline": of["refund_deadline"], "created_at": of["refund_deadline"], "cancelled_at": None}
    money = {"credits_charged": 1, "credits_refunded": 0, "subscription_id": an_id(600), "usable_until": of["ends_at"]}
    return names | times | money | {"cancelled_by": None} | more


def detail(of: Body, ledger: list[Body], now: datetime) -> Body:
    """A booking with all that its page shows."""
    refundable = datetime.fromisoformat(of["refund_deadline"]) > now
    preview = {"refund_deadline": of["refund_deadline"], "refundable": refundable, "credits": int(refundable)}
    preview |= {"subscription_id": an_id(600), "usable_until": iso(now + timedelta(days=20)), "now": iso(now)}
    is_active, own = of["status"] == "active", [one for one in ledger if one["booking_id"] == of["id"]]
    shown = {"may_reschedule": is_active and refundable, "refund_preview": preview if is_active else None}
    return of | shown | {"history": [], "credit_entries": own}


def free_hour(at: datetime) -> datetime:
    """This hour or the next one, in which no session of the week is."""
    return at + timedelta(hours=at.hour in WEEK_HOURS)


def week_of_slots(hour: datetime, now: datetime) -> list[Body]:
    """Slots of the coming days: open, full, booked by Ada, and too soon to be refunded."""
    found = []
    for day in range(7):
        morning, noon, afternoon = (hour.replace(hour=at) + timedelta(days=day) for at in WEEK_HOURS)
        kernel = (12 if day == 2 else 5, 12)
        found += [
            slot(100 + day, morning, "grace", "Compilers, gently", (day % 3, 3)),
            slot(200 + day, noon, "linus", "Reading a kernel patch", kernel),
            slot(300 + day, afternoon, "margaret", "Software that must not fail", (1, 4)),
        ]
    found = [one for one in found if one["starts_at"] > iso(now)]
    found.append(slot(400, free_hour(hour + timedelta(hours=5)), "grace", "Ask me anything", (2, 6)))
    for number, of in ((500, an_id(301)), (503, an_id(103))):
        next(one for one in found if one["id"] == of)["booking_id"] = an_id(number)
    return sorted(found, key=lambda one: str(one["starts_at"]))


def fill(backend: FakeBackend, now: datetime, *, hosting: bool = False) -> Body:
    """Give the fake backend the whole account; the slots and bookings it holds."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    slots = week_of_slots(hour, now)
    mine, later = (one for one in slots if one["booking_id"])
    late = slot(902, free_hour(hour + timedelta(hours=7)), "linus", "Bisecting, live", (3, 8), booking_id=an_id(504))
    past = slot(900, hour - timedelta(days=5), "margaret", "Software that must not fail", (4, 4))
    cancelled = slot(901, hour - timedelta(days=9), "linus", "Reading a kernel patch", (3, 12))
    upcoming = [booking(500, mine), booking(503, later), booking(504, late)]
    upcoming.sort(key=lambda one: str(one["scheduled_start_time"]))
    refunded = {"credits_refunded": 1, "cancelled_by": "client", "cancelled_at": iso(now)}
    gone = [booking(501, past, "completed"), booking(502, cancelled, "cancelled", **refunded)]
    full, free = (next(one for one in slots if not one["seats_left"]), _by_id(slots, 304))
    page = {"person": ADA | {"is_host": hosting}, "credits_available": 11}
    pages = booking_pages(slots, upcoming, gone, full, now) | account_pages(now)
    pages |= hosting_pages(slots) if hosting else {}
    routes: Routes = {("GET", f"/pages/{name}"): Answer(200, page | body) for name, body in pages.items()}
    routes |= {("GET", f"/bookings/{one['id']}"): Answer(200, detail(one, [], now)) for one in upcoming + gone}
    backend.routes |= routes | chosen_pages(page, slots, pages, hosting)
    backend.public |= public_pages(slots)
    return {"slots": slots, "mine": mine, "full": full, "free": free, "upcoming": upcoming, "past": gone}


def _by_id(slots: list[Body], number: int) -> Body:
    return next(one for one in slots if one["id"] == an_id(number))


def booking_pages(
    slots: list[Body], upcoming: list[Body], gone: list[Body], full: Body, now: datetime
) -> dict[str, Body]:
    """What a client sees."""
    ledger, plans = entries(now, upcoming + gone), subscriptions(now)
    sessions = {one["booking_id"]: one["session"] for one in ledger if one["session"]}
    names = {"slot_id": full["id"], "title": full["title"], "host_login": full["host"]["login"], "host": full["host"]}
    waiting = names | {name: full[name] for name in ("starts_at", "ends_at")}
    waiting |= {"position": 3, "joined_at": full["refund_deadline"]}
    details = [detail(one, ledger, now) for one in upcoming + gone]
    moved = next(one for one in details if one["id"] == an_id(500))
    pages: dict[str, Body] = {
        "home": {"upcoming": upcoming},
        "bookings": {"upcoming": upcoming, "past": a_page(gone), "waiting": [waiting], "calendar_feed": FEED},
        "credits": {"subscriptions": plans, "entries": a_page(ledger)},
        "trail": {"events": a_page(trail(now, sessions))},
        "deactivation": {"bookings": [one | {"credits_to_refund": 1} for one in upcoming], "slots": []},
    }
    pages |= {f"bookings/{one['id']}": {"booking": one} for one in details}
    pages |= {f"bookings/{moved['id']}/reschedule/{one['id']}": {"booking": moved, "slot": one} for one in slots}
    pages |= {f"slots/{one['id']}": {"slot": one, "subscriptions": plans, "position": None} for one in slots}
    pages |= {f"slots/{one['id']}/series": {"series": a_series(one)} for one in slots}
    pages |= {f"slots/{an_id(905)}": {"slot": full | {"waiting": True}, "subscriptions": plans, "position": 2}}
    pages |= {
        f"hosts/{login}": {"host": host(login), "slots": a_page([one for one in slots if one["host"] == host(login)])}
        for login in HOSTS
    }
    same = [one for one in slots if one["title"] == moved["title"]]
    return pages | {f"bookings/{moved['id']}/reschedule": {"booking": moved, "same": same, "upcoming": upcoming}}


def a_series(first: Body) -> Body:
    """Four weeks from this slot on; the second session is full."""
    start, sessions = datetime.fromisoformat(first["starts_at"]), []
    for week in range(4):
        seats = (4, 4) if week == 1 else (1, 4)
        one = slot(1000 + week, start + timedelta(weeks=week), first["host"]["login"], first["title"], seats)
        sessions.append({"slot": one if week else first, "refusal": "slot_full" if week == 1 else None})
    opened_until = f"{start + timedelta(weeks=3):%Y-%m-%d}"
    return {"sessions": sessions, "credits_charged": 3, "opened_until": opened_until, "seen": "5e" * 16}


def chosen_pages(page: Body, slots: list[Body], pages: dict[str, Body], hosting: bool) -> Routes:
    """Pages that depend on what is asked for."""
    moving = f"bookings/{an_id(500)}/reschedule"

    def list_slots(call: Call) -> Answer:
        return Answer(200, page | {"hosts": [host(one) for one in HOSTS], "slots": a_page(_between(slots, call))})

    def list_times(call: Call) -> Answer:
        return Answer(200, page | pages[moving] | {"slots": a_page(_between(slots, call))})

    def show_day(call: Call) -> Answer:
        found = [one for one in _own(slots) if one["starts_at"].startswith(call.query["date"])]
        taken = sum(one["seats_taken"] for one in found)
        return Answer(200, page | {"slots": found, "people": taken, "credits": taken})

    def list_days(call: Call) -> Answer:
        return Answer(
            200, page | {"hosts": [host(one) for one in HOSTS], "offerings": OFFERINGS} | chosen_day(slots, call)
        )

    def list_move_days(call: Call) -> Answer:
        moved = pages[moving]["booking"]
        held = [one for one in pages[moving]["upcoming"] if one["id"] != moved["id"]]
        wanted = slots if call.query.get("others") else pages[moving]["same"]
        wanted = [one for one in wanted if one["seats_left"] and one["id"] != moved["slot_id"]]
        wanted = [one for one in wanted if not any(_overlap(one, other) for other in held)]
        more = {"booking": moved, "is_filtered": "others" not in call.query}
        return Answer(200, page | more | chosen_day(wanted, call))

    routes: Routes = {("GET", "/pages/slots"): list_slots, ("GET", f"/pages/{moving}"): list_times}
    routes |= {("GET", "/pages/days"): list_days, ("GET", f"/pages/bookings/{an_id(500)}/days"): list_move_days}
    return routes | ({("GET", "/pages/hosting/day"): show_day} if hosting else {})


def _overlap(slot: Body, booking: Body) -> bool:
    return bool(booking["scheduled_start_time"] < slot["ends_at"] and slot["starts_at"] < booking["scheduled_end_time"])


def chosen_day(slots: list[Body], call: Call) -> Body:
    """Five weeks from a Monday in UTC, and one of their days."""
    today = datetime.now(UTC).date()
    asked = {name: date.fromisoformat(call.query[name]) for name in ("from", "day") if name in call.query}
    first = max(asked.get("from", today), today)
    begin = first - timedelta(days=first.weekday())
    mine = [one for one in slots if call.query.get("host") in {None, one["host"]["id"]}]

    def on(day: date) -> list[Body]:
        return [one for one in mine if one["starts_at"].startswith(day.isoformat())]

    days = [begin + timedelta(days=number) for number in range(35)]
    free = [day for day in days if day >= first and any(one["seats_left"] for one in on(day))]
    day = max(asked.get("day", free[0] if free else first), today)
    later = [one for one in mine if one["seats_left"] and one["starts_at"][:10] > day.isoformat()]
    return {
        "days": [
            {
                "date": one.isoformat(),
                "open_slots": sum(1 for slot in on(one) if slot["seats_left"]),
                "full_slots": sum(1 for slot in on(one) if not slot["seats_left"]),
                "seats_left": sum(slot["seats_left"] for slot in on(one)),
            }
            for one in days
        ],
        "day": day.isoformat(),
        "slots": a_page(on(day)),
        "next_free": [] if any(one["seats_left"] for one in on(day)) else later[:3],
    }


def public_pages(slots: list[Body]) -> dict[str, Route | Answer]:
    """What everybody sees."""
    seen = [as_public(one) for one in slots]
    free = [one for one in seen if one["seats_left"]]
    hosts = [as_public({"host": host(one)})["host"] for one in HOSTS]

    def list_days(call: Call) -> Answer:
        return Answer(200, {"person": None, "hosts": hosts, "offerings": OFFERINGS} | chosen_day(seen, call))

    def list_slots(call: Call) -> Answer:
        return Answer(200, {"person": None, "hosts": hosts, "slots": a_page(_between(seen, call))})

    pages: dict[str, Body] = {f"slots/{one['id']}": {"slot": one} for one in seen}
    pages |= {
        f"hosts/{one['login']}": {"host": one, "slots": a_page([slot for slot in free if slot["host"] == one])}
        for one in hosts
    }
    found: dict[str, Route | Answer] = {
        f"/pages/{name}": Answer(200, {"person": None} | body) for name, body in pages.items()
    }
    return found | {"/pages/days": list_days, "/pages/slots": list_slots, "/slots": Answer(200, a_page(free))}


def _between(slots: list[Body], call: Call) -> list[Body]:
    first, last = call.query.get("from", "2000-01-01T00:00:00+00:00"), call.query.get("to", "2100-01-01T00:00:00+00:00")
    begin, end, wanted = datetime.fromisoformat(first), datetime.fromisoformat(last), call.query.get("host")
    found = [one for one in slots if begin <= datetime.fromisoformat(one["starts_at"]) < end]
    return [one for one in found if wanted in {None, one["host"]["id"], one["host"]["login"]}]


def subscriptions(now: datetime) -> list[Body]:
    """Two: the one that ends first is used next."""
    starts_at, plans = iso(now - timedelta(days=10)), (("Welcome", 3, 20), ("Monthly 8", 8, 25))
    return [
        {"id": an_id(600 + n), "plan": plan, "credits_remaining": left, "starts_at": starts_at, "active": True}
        | {"renews": plan != "Welcome"}
        | {"ends_at": iso(now + timedelta(days=days))}
        for n, (plan, left, days) in enumerate(plans)
    ]


def entries(now: datetime, bookings: list[Body]) -> list[Body]:
    """The ledger, newest first."""
    told = ("title", "host", "scheduled_start_time", "cancelled_by")
    sessions = {one["id"]: {name: one[name] for name in told} for one in bookings}
    rows = [(-1, "booking", 500, 3), (1, "refund", 502, 4), (8, "plan", None, 8), (-1, "booking", 502, 3)]
    rows += [(-1, "booking", 501, 4), (5, "welcome", None, 5)]
    return [
        {"id": an_id(700 + n), "subscription_id": an_id(601 if reason == "plan" else 600), "reason": reason}
        | {"booking_id": an_id(of) if of else None, "amount": amount, "balance_after": left}
        | {"created_at": iso(now - timedelta(days=2 * n, hours=3)), "session": sessions.get(an_id(of or 0)), "note": ""}
        for n, (amount, reason, of, left) in enumerate(rows)
    ]


def trail(now: datetime, sessions: dict[str, Body]) -> list[Body]:
    """What happened, newest first."""
    rows = [("booking.cancelled", "", True), ("booking.made", "", True), ("token.created", "Job", True)]
    rows += [("session.opened", "Firefox on Linux", True), ("booking.made", "", False), ("person.created", "", True)]
    return [
        {"id": an_id(1000 + n), "kind": kind, "by_you": by_you, "name": name}
        | {"created_at": iso(now - timedelta(days=4 * n, hours=1)), "client_id": "insighta-portal" if name else ""}
        | {"address": "203.0.113.9" if name else None, "booking_id": an_id(502) if "booking" in kind else None}
        | {"session": sessions[an_id(502)] if "booking" in kind else None}
        for n, (kind, name, by_you) in enumerate(rows)
    ]


def account_pages(now: datetime) -> dict[str, Body]:
    """Sessions, tokens and a device that asks."""
    portal, cli = "insighta-portal", "insighta-cli"
    seen = [(portal, "Firefox on Linux", 1), (cli, "laptop", 24), (portal, "Safari on iPhone", 80)]
    seen += [("wiki-1f2e3d4c", "Firefox on Linux", 2)]
    sessions = [
        {"id": an_id(800 + n), "client_id": client, "label": label, "current": n == 0}
        | {"created_at": iso(now - timedelta(days=9 + n)), "last_used_at": iso(now - timedelta(hours=ago))}
        | {"last_address": "203.0.113.9", "scopes": SCOPES}
        for n, (client, label, ago) in enumerate(seen)
    ]
    sessions[-1]["client_name"] = "Team wiki"
    token: Body = {"id": an_id(850), "name": "Backup job", "prefix": "insp_7Qd2", "created_at": iso(now)}
    token |= {"scopes": ["bookings:read", "bookings:write"], "expires_at": iso(now + timedelta(days=60))}
    token |= {"last_used_at": iso(now - timedelta(hours=7)), "last_address": "203.0.113.9"}
    soon = token | {"id": an_id(851), "name": "home-assistant", "scopes": ["bookings:read"], "last_used_at": None}
    soon |= {"prefix": "insp_9aKx", "expires_at": iso(now + timedelta(days=5))}
    old = iso(now - timedelta(days=1))
    known = {"session": sessions[1], "address": "203.0.113.9", "ended_at": None}
    of_application = known | {"session": sessions[3]}
    device: Body = {"scope": "account:read bookings:read"}
    device |= {"user_code": "BCDF-GHJK", "client_id": cli, "label": "build-server (Linux)", "status": "pending"}
    device |= {"expires_at": iso(now + timedelta(minutes=9)), "created_at": iso(now), "address": "203.0.113.9"}
    pages: dict[str, Body] = {"settings": {}, "device": {}}
    pages |= {f"sessions/{an_id(801)}": known, f"sessions/{an_id(803)}": of_application}
    pages |= {f"tokens/{an_id(850)}": {"token": token, "made_by": known, "ended_at": None}}
    pages |= {f"sessions/{an_id(809)}": known | {"ended_at": old}}
    pages |= {f"tokens/{an_id(859)}": {"token": token, "made_by": None, "ended_at": old}}
    pages |= {"access": {"sessions": sessions, "tokens": [token, soon]} | publishers_and_applications(now)}
    lifetime = {"lifetime": {"idle_days": 30, "days": 90}}
    pages |= {"device/BCDF-GHJK": {"device_request": device} | lifetime}
    return pages | {"device/ZZZZ-ZZZZ": {"device_request": None} | lifetime}


def publishers_and_applications(now: datetime) -> Body:
    """What acts for a person without a secret of theirs: one of each."""
    publisher: Body = {"id": an_id(870), "repository": "ada/site", "workflow": "nightly.yml", "environment": ""}
    publisher |= {"ref": "refs/heads/main", "scopes": ["bookings:read"], "last_used_at": iso(now - timedelta(hours=5))}
    publisher |= {"last_address": "198.51.100.30"}
    publisher |= {"warnings": [f"Its jobs name this publisher, INSIGHTA_PUBLISHER={an_id(870)}."]}
    wiki: Body = {"client_id": "wiki-1f2e3d4c", "name": "Team wiki", "home_page": "https://wiki.example/"}
    wiki |= {"scopes": ["openid", "email"], "last_address": "198.51.100.7"}
    wiki |= {"first_used_at": iso(now - timedelta(days=12)), "last_used_at": iso(now - timedelta(hours=2))}
    return {"publishers": [publisher], "applications": [wiki]}


def _own(slots: list[Body]) -> list[Body]:
    return [one for one in slots if one["host"]["login"] == "grace"]


def an_offering(number: int, **more: Any) -> Body:
    """What a host offers."""
    names = {"id": an_id(number), "host": host("grace"), "title": "Compilers, gently", "description": TEXT}
    where = {"place": "Room 4, Kepler House", "link": "https://meet.example/grace"}
    terms = {"minutes": 45, "capacity": 3, "price_credits": 2, "refund_window_hours": 24}
    return names | where | terms | {"public": True, "archived_at": None} | more


def hosting_pages(slots: list[Body]) -> dict[str, Body]:
    """A calendar of her own."""
    rule = {"title": "Compilers, gently", "capacity": 3, "slot_minutes": 60, "buffer_minutes": 0}
    rule |= {"minimum_notice_minutes": 0, "horizon_days": 28, "weekday": None, "date": None}
    weekly = rule | {"id": an_id(950), "kind": "weekly", "weekday": 2, "start_time": "09:00:00", "end_time": "12:00:00"}
    weekly |= {"offering_id": an_id(970)}
    off = rule | {"id": an_id(951), "kind": "day_off", "date": "2026-12-24", "start_time": None, "end_time": None}
    names = [("ada", "Ada Lovelace"), ("alan", ""), ("hedy", "Hedy Lamarr")]
    people = [
        booking(960 + n, slots[0], client={"id": an_id(20 + n), "login": login, "display_name": name})
        for n, (login, name) in enumerate(names)
    ]
    rosters: dict[str, Body] = {
        f"hosting/slots/{one['id']}": {"slot": one, "bookings": a_page(people[: one["seats_taken"]]), "waiting": 2}
        for one in _own(slots)
    }
    offered = an_offering(970)
    afternoons = [
        weekly | {"id": an_id(953 + n), "weekday": day, "start_time": "14:00:00", "end_time": "17:00:00"}
        for n, day in enumerate((2, 4))
    ]
    hours: Body = {"rules": [weekly, *afternoons, off], "offerings": [offered]}
    needs = [
        {"kind": kind, "slot_id": slots[0]["id"], "title": slots[0]["title"], "starts_at": slots[0]["starts_at"]}
        | {"people": people, "day": day}
        for kind, people, day in (("over", 2, None), ("waiting", 1, None), ("day_off", 2, "2026-12-24"))
    ]
    pages: dict[str, Body] = {"hosting": {"slots": a_page(_own(slots)), "needs": needs}, "hosting/hours": hours}
    pages |= {
        "hosting/offerings": {"offerings": a_page([offered, an_offering(971, archived_at="2026-11-01T10:00:00Z")])},
        f"hosting/offerings/{offered['id']}": {"offering": offered},
    }
    return pages | rosters
