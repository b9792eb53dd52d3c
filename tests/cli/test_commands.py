"""`waitlist`, `api`, `open`, and the manual page."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.catalog import COMMANDS
from cli.man_page import format_man_page, format_words
from tests.cli.terminals import Pointed
from tests.processes import ROOT

SLOT = {
    "id": "019ab3f2-5440-7a1c-8000-00000000000a",
    "host": {"login": "grace", "display_name": "Grace"},
    "title": "Compilers",
    "starts_at": "2099-11-24T13:00:00Z",
    "ends_at": "2099-11-24T14:00:00Z",
    "refund_deadline": "2099-11-24T01:00:00Z",
}
WAITLIST = f"/slots/{SLOT['id']}/waitlist"


@pytest.fixture
def waiting(ada: Pointed) -> Pointed:
    """Ada, and a full slot."""
    ada.backend.answer("/slots", {"results": [SLOT], "next": None})
    ada.backend.answer(WAITLIST, {"slot_id": SLOT["id"], "position": 3}, method="POST", status=201)
    ada.backend.answer(WAITLIST, None, method="DELETE", status=204)
    return ada


def test_a_place_in_the_waitlist_is_taken_after_a_question_and_given_up(waiting: Pointed) -> None:
    with waiting.terminal("waitlist", "join", "019ab3f2") as terminal:
        terminal.see(r"you are booked and pay for it, without being asked again")
        terminal.see(r"Wait for a seat\? \[y/N\]")
        terminal.type("n\n")
        assert terminal.end() == 2
    assert waiting.backend.paths("POST") == []
    with waiting.terminal("waitlist", "join", "019ab3f2") as terminal:
        terminal.see(r"Price: 1 credit\.")
        terminal.type("y\n")
        assert terminal.end() == 0
    done = waiting.run("waitlist", "join", "019ab3f2", "--json", "--expect", "2")
    sent = [
        body for method, path, _, body in waiting.backend.requests if (method, path) == ("POST", f"/api/v1{WAITLIST}")
    ]
    assert [body["expected_credits_charged"] for body in sent] == [1, 2]
    assert (done.code, done.json["position"]) == (0, 3)
    assert "You are waiting for Compilers with Grace" in done.err
    left = waiting.run("waitlist", "leave", "019ab3f2")
    assert (left.code, waiting.backend.paths("DELETE")) == (0, [f"/api/v1{WAITLIST}"])


def test_places_are_listed_with_what_kept_a_seat_away(ada: Pointed) -> None:
    place = {"slot": SLOT, "position": 2, "joined_at": "2026-01-01T00:00:00Z", "passed_over": "no_credit"}
    ada.backend.answer("/waitlist", {"results": [place], "next": None})
    assert [one["position"] for one in ada.run("waitlist", "list", "--json").json] == [2]
    shown = ada.run("waitlist", "list").out
    assert "Compilers" in shown
    assert "no credit" in shown
    ada.backend.answer("/waitlist", {"results": [], "next": None})
    assert "You wait for nothing" in ada.run("waitlist", "list").err


def test_applications_are_listed_and_withdrawn(ada: Pointed) -> None:
    wiki = {"client_id": "wiki-1f2e", "name": "Team \x1b[2Jwiki", "scopes": ["openid", "bookings:read"]}
    times = dict.fromkeys(("first_used_at", "last_used_at"), "2026-11-23T10:00:00Z")
    ada.backend.answer("/applications", {"results": [wiki | times], "next": None})
    ada.backend.answer("/applications/a%2Fb", None, method="DELETE", status=204)
    head, row = ada.run("applications").out.splitlines()
    assert head.split() == ["ID", "NAME", "ALLOWS", "LAST", "USED"]
    assert row.split()[:3] == ["wiki-1f2e", "Team", "\ufffd[2Jwiki"]
    assert "openid, bookings:read" in row
    assert ada.run("applications", "--json").json == [wiki | times]
    done = ada.run("applications", "withdraw", "a/b")
    assert (done.code, done.err) == (0, "Withdrawn: a/b.\n")
    assert ada.run("applications", "withdraw", "nothing").code == 1


def test_any_call_of_the_api(ada: Pointed, tmp_path: Path) -> None:
    ada.backend.answer("/me", {"login": "Ada"}, method="PATCH")
    ada.backend.answers["GET", "/api/v1/slots"] = lambda query, body: (200, query)
    (tmp_path / "in.json").write_bytes(b'\xef\xbb\xbf{"title": "x"}')
    assert ada.run("api", "GET", "/api/v1/me").json["login"] == "ada"
    assert ada.run("api", "get", "slots?a=1", "--field", "b=x y", "--field", "c:=2").json == {
        "a": "1",
        "b": "x y",
        "c": "2",
    }
    assert ada.run("api", "patch", "me", "--field", "a=1", "--field", "b:=[1]").code == 0
    assert ada.run("api", "patch", "me", "--input", str(tmp_path / "in.json")).code == 0
    assert ada.run("api", "patch", "me", "--input", "-", typed='{"y": 1}').code == 0
    assert [body for method, _, _, body in ada.backend.requests if method == "PATCH"] == [
        {"a": "1", "b": [1]},
        {"title": "x"},
        {"y": 1},
    ]
    refused = ada.run("api", "get", "/nothing")
    assert (refused.code, refused.json["code"]) == (1, "not_found")
    assert "There is nothing here." in refused.err


def test_pages_are_followed_on_the_same_backend_and_printed_as_one_list(ada: Pointed) -> None:
    def answer(query: dict[str, str], body: object) -> tuple[int, Any]:
        number = int(query.get("cursor", "0"))
        following = f"https://evil.example/api/v1/sessions?cursor={number + 1}" if number < 2 else None
        return 200, {"results": [number], "next": following}

    ada.backend.answers["GET", "/api/v1/sessions"] = answer
    assert ada.run("api", "get", "/sessions", "--paginate").json == [0, 1, 2]


@pytest.mark.parametrize(
    "words",
    [
        ["get", "https://evil.example/api/v1/me"],
        ["get", "/me", "--input", "x"],
        ["post", "/me", "--paginate"],
        ["post", "/me", "--field", "x"],
        ["post", "/me", "--field", "=x"],
        ["post", "/me", "--field", "x:=nonsense"],
        ["post", "/me", "--field", "x=1", "--input", "-"],
        ["post", "/me", "--input", "-"],
        ["trace", "/me"],
    ],
)
def test_a_call_that_makes_no_sense_is_not_sent(ada: Pointed, words: list[str]) -> None:
    done = ada.run("api", *words)
    assert (done.code, ada.backend.requests) == (2, []), done.err


def test_a_page_of_the_portal(ada: Pointed) -> None:
    ada.backend.faults["/"] = ["always redirect https://portal.example.com"]
    assert ada.run("open", INSIGHTA_NO_BROWSER="1").out == "https://portal.example.com\n"
    assert ada.run("open", "tokens", INSIGHTA_NO_BROWSER="1").out == "https://portal.example.com/tokens\n"
    opened = ada.home / "opened"
    ada.home.joinpath("browser").write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}\n')
    ada.home.joinpath("browser").chmod(0o755)
    assert ada.run("open", "bookings", BROWSER=str(ada.home / "browser")).code == 0
    assert opened.read_text() == "https://portal.example.com/bookings"
    for elsewhere in ("javascript:alert(1)", "file:///etc/passwd", "https://a$(touch x)"):
        ada.backend.faults["/"] = [f"always redirect {elsewhere}"]
        assert ada.run("open", INSIGHTA_NO_BROWSER="1").code == 1


def test_the_manual_page_is_made_from_the_commands_and_installed(machine: Pointed) -> None:
    """When it is not: .venv/bin/python -m cli.man_page, and the same with `words`: see cli/man_page.py."""
    page = format_man_page()
    assert (ROOT / "cli/share/insighta.1").read_text() == page
    assert (machine.command.parent.parent / "share/man/man1/insighta.1").read_text() == page
    assert (ROOT / "cli/share/words.tsv").read_text() == format_words()
    assert [name for name in COMMANDS if f".SS insighta {name}\n" not in page] == []


def test_the_schema_of_errors_names_waiting_where_a_slot_is_full(ada: Pointed) -> None:
    slot_id = SLOT["id"]
    ada.backend.answer("/bookings", {"code": "slot_full", "detail": "It is full."}, method="POST", status=409)
    done = ada.run("book", str(slot_id))
    assert done.code == 1
    assert "insighta waitlist join" in done.err
    assert json.dumps(done.out) == '""'
