"""The rows of a day: what each says in every state that a session can be in, and of what it is made."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.portal.conftest import Portal
from tests.portal.fake_backend import ADA, Answer, FakeBackend
from tests.portal.sample import a_page, an_id, as_public, slot

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
FAR, NEAR = NOON + timedelta(days=2), datetime.now(UTC) + timedelta(hours=3)
BOOK, OWN = f"/slots/{an_id(1)}/book", f"/bookings/{an_id(9)}"
BOOKED, WAITING = {"booking_id": an_id(9)}, {"waiting": True}


def row(ada: httpx.Client, backend: FakeBackend, shown: dict[str, Any], **more: Any) -> str:
    """The one row of a day that has only this session."""
    day = date.fromisoformat(shown["starts_at"][:10])
    days = [
        {"date": f"{day + timedelta(days=n)}", "open_slots": 0, "full_slots": 0, "seats_left": 0} for n in range(35)
    ]
    page = {"person": ADA, "hosts": [shown["host"]], "days": days, "day": f"{day}", "slots": a_page([shown])}
    backend.routes["GET", "/pages/days"] = Answer(200, page | {"next_free": []} | more)
    text = ada.get("/slots").text
    assert text.count('<li><a class="agenda-row') == 1
    return text.partition('<li><a class="agenda-row')[2].partition("</a>")[0]


@pytest.mark.parametrize(
    ("starts_at", "seats", "more", "look", "leads_to", "words"),
    [
        (FAR, (1, 3), {}, '"', BOOK, ["2 of 3 left", "1 credit<"]),
        (FAR, (1, 3), {"price_credits": 0}, '"', BOOK, ["2 of 3 left", "Free of charge<"]),
        (NEAR, (2, 3), {}, '"', BOOK, ["Last seat", "1 credit · no refund"]),
        (FAR, (3, 3), {}, ' agenda-full"', BOOK, ["Full", "Join the waitlist"]),
        (FAR, (3, 3), WAITING, ' agenda-full"', BOOK, ["</svg> On the waitlist"]),
        (NEAR, (2, 3), WAITING, '"', BOOK, ["</svg> On the waitlist", "no refund"]),
        (NEAR, (3, 3), BOOKED, ' agenda-mine"', OWN, ["</svg> You are booked"]),
    ],
    ids=["free", "unpaid", "last-late", "full", "waiting", "waiting-late", "booked"],
)
def test_a_row_says_how_the_session_stands(
    ada: httpx.Client,
    backend: FakeBackend,
    starts_at: datetime,
    seats: tuple[int, int],
    more: dict[str, Any],
    look: str,
    leads_to: str,
    words: list[str],
) -> None:
    shown = row(ada, backend, slot(1, starts_at, "grace", "Pairing", seats, **more))
    assert shown.startswith(f'{look} href="{leads_to}">')
    assert [one for one in words if one not in shown] == []


@pytest.mark.parametrize(("minutes", "is_said"), [(30, True), (-30, True), (60, False), (-60, False)])
def test_a_row_says_what_it_overlaps(ada: httpx.Client, backend: FakeBackend, minutes: int, is_said: bool) -> None:
    other = {"slot_id": an_id(2)}
    for name, at in (("start", FAR), ("end", FAR + timedelta(hours=1))):
        other[f"scheduled_{name}_time"] = (at + timedelta(minutes=minutes)).isoformat()
    shown = row(ada, backend, slot(1, FAR, "grace", "Compilers", (0, 3)), held=[other])
    clock = (FAR + timedelta(minutes=minutes)).astimezone(ZoneInfo(str(ADA["time_zone"])))
    assert (f"Overlaps your {clock:%H:%M}" in shown) is is_said


def test_what_people_wrote_is_text_in_a_row(ada: httpx.Client, backend: FakeBackend) -> None:
    written = slot(1, FAR, "grace", "<b>Tea & talk</b>", (0, 1), place="<i>Here</i>")
    written["host"] = written["host"] | {"display_name": '"><script>'}
    shown = row(ada, backend, written)
    assert "&lt;b&gt;Tea &amp; talk&lt;/b&gt;" in shown
    assert "&#34;&gt;&lt;script&gt; · &lt;i&gt;Here" in shown


def test_a_row_has_its_start_on_the_readers_clock_and_the_instant_as_it_came(
    ada: httpx.Client, backend: FakeBackend
) -> None:
    shown = slot(1, FAR, "grace", "Pairing", (0, 1))
    found = row(ada, backend, shown)
    assert f'<time datetime="{shown["starts_at"]}">13:00</time>' in found
    assert "60 min" in found


@pytest.mark.parametrize(
    ("ahead", "share"), [(24, 5), (15, 2), (12.5, 1), (1200, 9)], ids=["half", "fifth", "least", "most"]
)
def test_the_refund_rule_is_drawn_to_scale(portal: Portal, backend: FakeBackend, ahead: float, share: int) -> None:
    shown = slot(1, datetime.now(UTC) + timedelta(hours=ahead), "grace", "Pairing", (0, 3), price_credits=2)
    backend.public[f"/pages/slots/{an_id(1)}"] = Answer(200, {"person": None, "slot": as_public(shown)})
    page = portal.browser().get(f"/slots/{an_id(1)}").text
    assert f'class="refund-bar share-{share}" aria-hidden="true"' in page
    assert "2 credits back" in page


def test_nothing_is_drawn_where_nothing_comes_back(portal: Portal, backend: FakeBackend) -> None:
    late, unpaid = (slot(1, at, "grace", "Pairing", (0, 3), price_credits=cost) for at, cost in ((NEAR, 1), (FAR, 0)))
    for shown in (late, unpaid):
        backend.public[f"/pages/slots/{an_id(1)}"] = Answer(200, {"person": None, "slot": as_public(shown)})
        assert "refund-bar" not in portal.browser().get(f"/slots/{an_id(1)}").text
