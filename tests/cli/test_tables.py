"""Tables that fit, characters that are as wide as terminals show them, and zones that are true."""

import re
from typing import Any

import pytest

from cli.tables import measure
from tests.cli.terminals import Pointed

HOST = {"login": "margaret", "display_name": "Margaret Hamilton-Søndergård"}
TIMES = {"starts_at": "2099-11-24T13:00:00Z", "ends_at": "2099-11-24T14:00:00Z"}
DEADLINE = {"refund_deadline": "2099-11-24T01:00:00Z"}
CREATED = {"created_at": "2026-11-23T10:00:00Z", "last_used_at": "2026-11-23T10:00:00Z"}
TITLES = [
    "Everything about compilers that nobody dared to ask",
    "日本語の面接練習をしましょう",
    "👩‍👩‍👧‍👦 family 👍🏽 talk ❤️",
    "नमस्ते दुनिया",
]


def ids(number: int) -> str:
    return f"019ab3f2-544{number}-7a10-8000-00000000000a"


LISTS: dict[str, list[dict[str, Any]]] = {
    "slots": [
        {"id": ids(n), "host": HOST, "title": title, "capacity": 12, "seats_left": 11, "status": "open"}
        | TIMES
        | DEADLINE
        for n, title in enumerate(TITLES)
    ],
    "bookings": [
        {"id": ids(n), "host": HOST, "title": title, "status": "active"}
        | {"scheduled_start_time": TIMES["starts_at"], "scheduled_end_time": TIMES["ends_at"]}
        | DEADLINE
        for n, title in enumerate(TITLES)
    ],
    "sessions": [{"id": ids(n), "label": title, "current": n == 0} | CREATED for n, title in enumerate(TITLES)],
    "personal-access-tokens": [
        {"id": ids(n), "name": title, "prefix": "insp_xSOE", "expires_at": None}
        | {"scopes": ["account:read", "account:write", "bookings:read", "bookings:write"]}
        | CREATED
        for n, title in enumerate(TITLES)
    ],
}
COMMANDS = {"slots": "slots", "bookings": "bookings", "sessions": "sessions", "personal-access-tokens": "tokens"}


@pytest.mark.parametrize("width", [40, 59, 80, 120])
@pytest.mark.parametrize("name", LISTS)
def test_tables_fit_the_terminal_and_show_what_json_has(ada: Pointed, name: str, width: int) -> None:
    ada.backend.answer(f"/{name}", {"results": LISTS[name], "next": None})
    command = COMMANDS[name]
    with ada.terminal(command, size=(40, width)) as terminal:
        assert terminal.end() == 0
    lines = terminal.plain.splitlines()
    assert max(map(measure, lines)) <= width
    shown = [one["id"] for one in LISTS[name] if any(one["id"][:13] in line for line in lines)]
    assert shown == [one["id"] for one in ada.run(command, "--json").json]
    if width < 60:
        assert len(lines) > 3 * len(LISTS[name])
        shown_text = "".join(terminal.plain.split())
        assert all("".join(title.split()) in shown_text for title in TITLES)
    else:
        assert len(lines) == 1 + len(LISTS[name])


@pytest.mark.parametrize("words", [["calendar", "--week", "2099-11-24"], ["bookings", "show", ids(0)]])
def test_a_week_and_a_booking_fit_the_terminal(ada: Pointed, words: list[str]) -> None:
    more = {"credits_charged": 2} | {"place": " ".join(TITLES), "link": f"https://x.example/{'y' * 50}"}
    found = [booking | CREATED | more for booking in LISTS["bookings"]]
    ada.backend.answer("/bookings", {"results": found, "next": None})
    ada.backend.answer(f"/bookings/{ids(0)}", found[0])
    with ada.terminal(*words, size=(40, 80)) as terminal:
        assert terminal.end() == 0
    assert max(map(measure, terminal.plain.splitlines())) <= 80
    assert "Everything about compilers" in terminal.plain
    assert max(len(line) for line in ada.run(*words).out.splitlines()) > 80  # A pipe gets whole lines.


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("Grace", 5),
        ("é", 1),
        ("e\u0301", 1),
        ("日本", 4),
        ("ｶﾅ", 2),
        ("한국", 4),
        ("\u1112\u1161\u11ab", 2),
        ("नमस्ते", 4),
        ("\u200b", 0),
        ("👍", 2),
        ("👍🏽", 2),
        ("👩‍👩‍👧‍👦", 2),
        ("❤️", 2),
        ("🇳🇬", 2),
        ("👩‍⚕️", 2),
        ("🏳️‍🌈", 2),
        ("ක්‍ෂ", 2),
        ("…", 1),
    ],
)
def test_characters_are_as_wide_as_terminals_show_them(text: str, columns: int) -> None:
    assert measure(text) == columns


@pytest.mark.parametrize(
    ("zone", "label", "hour"),
    [
        ("America/New_York", "America/New_York", "08:00"),
        (":Asia/Kolkata", "Asia/Kolkata", "18:30"),
        ("EST5EDT", "EST", "08:00"),
        ("<-03>3", "-03", "10:00"),
        ("America/NewYork", "UTC", "13:00"),
        ("Nowhere", "UTC", "13:00"),
        ("../../etc/passwd", "UTC", "13:00"),
    ],
)
def test_times_are_labelled_with_the_zone_they_are_in(ada: Pointed, zone: str, label: str, hour: str) -> None:
    ada.backend.answer("/slots", {"results": LISTS["slots"], "next": None})
    done = ada.run("slots", TZ=zone)
    head, first = done.out.splitlines()[:2]
    assert f"WHEN ({label})" in head
    assert re.search(rf"Tue 24 Nov {hour}-", first)
    unknown = f"Note: TZ={zone} is no zone that this machine knows, so times are in UTC.\n"
    assert done.err == (unknown if label == "UTC" else "")


def test_what_others_typed_cannot_act_on_the_terminal(ada: Pointed) -> None:
    """A title with every character that could: escapes, C1, line ends, bidirectional overrides, and a fake style."""
    hostile = "\x1b]0;owned\x07\x9b2J\r\n\u202e\u2066\u2028\x7f\ufdd0deadbeef31\ufdd1"
    slots = [
        one | {"title": f"A{hostile}Z", "host": {"login": hostile, "display_name": hostile}} for one in LISTS["slots"]
    ]
    ada.backend.answer("/slots", {"results": slots, "next": None})
    ada.backend.answer("/me", {"id": "1", "login": hostile, "display_name": hostile, "time_zone": hostile})
    ada.backend.answer("/hosting/slots", {"results": [one | {"seats_taken": 1} for one in slots], "next": None})
    times = dict.fromkeys(("first_used_at", "last_used_at", "created_at"), "2026-11-23T10:00:00Z")
    wiki = {"client_id": hostile, "name": hostile, "scopes": [hostile]}
    ada.backend.answer("/applications", {"results": [wiki | times], "next": None})
    publisher = {"id": ids(0), "repository": hostile, "workflow": hostile, "environment": hostile, "ref": hostile}
    ada.backend.answer("/trusted-publishers", {"results": [publisher | wiki | times], "next": None})
    ada.backend.answer("/bookings", {"code": hostile, "detail": hostile, "errors": {hostile: [hostile]}}, status=400)
    acting = re.compile("\x1b(?!\\[[0-9]+m)|[\x00-\x08\x0b-\x1a\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028]")
    for words in (
        ["slots"],
        ["whoami"],
        ["status"],
        ["bookings"],
        ["slots", "--json"],
        ["hosting", "list"],
        ["applications"],
        ["publishers"],
        ["book", "019ab3f2"],
        [hostile],
    ):
        with ada.terminal(*words) as terminal:
            terminal.end()
        assert not acting.search(terminal.text.replace("\r\n", "\n")), words
