"""The cards of the list of sessions: what each says in every state that a session can be in, and of what it is made."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.portal.fake_backend import ADA, Answer, FakeBackend
from tests.portal.sample import a_page, an_id, slot

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
FAR, NEAR = NOON + timedelta(days=2), datetime.now(UTC) + timedelta(hours=3)
BOOK, OWN = f"/slots/{an_id(1)}/book", f"/bookings/{an_id(9)}"
BOOKED, WAITING = {"booking_id": an_id(9)}, {"waiting": True}


def card(ada: httpx.Client, backend: FakeBackend, shown: dict[str, Any]) -> str:
    """The one card of a list that has only this session."""
    page = {"person": ADA, "hosts": [shown["host"]], "slots": a_page([shown])}
    backend.routes["GET", "/pages/slots"] = Answer(200, page)
    text = ada.get("/slots").text
    assert text.count('<li><a class="slot') == 1
    return text.partition('<li><a class="slot')[2].partition("</a>")[0]


@pytest.mark.parametrize(
    ("starts_at", "seats", "more", "look", "leads_to", "words"),
    [
        (FAR, (1, 3), {}, '"', BOOK, "<p>2 of 3 seats left</p>"),
        (NEAR, (1, 3), {}, '"', BOOK, "<p>2 of 3 seats left · no refund</p>"),
        (FAR, (3, 3), {}, ' slot-full"', BOOK, "<p>Full · join the waitlist</p>"),
        (NEAR, (3, 3), {}, ' slot-full"', BOOK, "<p>Full · join the waitlist</p>"),
        (FAR, (3, 3), WAITING, ' slot-full"', BOOK, "</svg> You are on the waitlist</p>"),
        (NEAR, (2, 3), WAITING, '"', BOOK, "</svg> You are on the waitlist · no refund</p>"),
        (NEAR, (3, 3), BOOKED, ' slot-mine"', OWN, "</svg> You are booked</p>"),
    ],
    ids=["free", "free-late", "full", "full-late", "waiting", "waiting-late", "booked"],
)
def test_a_card_says_how_the_session_stands(
    ada: httpx.Client,
    backend: FakeBackend,
    starts_at: datetime,
    seats: tuple[int, int],
    more: dict[str, Any],
    look: str,
    leads_to: str,
    words: str,
) -> None:
    shown = card(ada, backend, slot(1, starts_at, "grace", "Pairing", seats, **more))
    assert shown.startswith(f'{look} href="{leads_to}">')
    assert words in shown


def test_what_people_wrote_is_text_on_a_card(ada: httpx.Client, backend: FakeBackend) -> None:
    written = slot(1, FAR, "grace", "<b>Tea & talk</b>", (0, 1))
    written["host"] = written["host"] | {"display_name": '"><script>'}
    shown = card(ada, backend, written)
    assert "&lt;b&gt;Tea &amp; talk&lt;/b&gt;" in shown
    assert "<p>&quot;&gt;&lt;script&gt;</p>" in shown


def test_a_card_has_its_hours_on_the_readers_clock_and_the_instants_as_they_came(
    ada: httpx.Client, backend: FakeBackend
) -> None:
    shown = slot(1, FAR, "grace", "Pairing", (0, 1))
    starts, ends = (f'<time datetime="{shown[name]}">' for name in ("starts_at", "ends_at"))
    assert f"{starts}13:00</time>–{ends}14:00</time>" in card(ada, backend, shown)
