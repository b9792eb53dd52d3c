"""The starts of ids that people type."""

import re

import pytest

from tests.cli.terminals import Pointed


def test_an_ambiguous_id_shows_what_each_candidate_is_and_how_much_to_type(ada: Pointed) -> None:
    slot = {"host": {"display_name": "Grace"}, "starts_at": "2099-11-24T13:00:00Z", "ends_at": "2099-11-24T14:00:00Z"}
    slots = [slot | {"id": f"019a0000-0000-7{n:03d}-8000-00000000000a", "title": f"Practice {n}"} for n in range(12)]
    ada.backend.answer("/slots", {"results": slots, "next": None})
    done = ada.run("book", "019a0000")
    assert done.code == 2
    assert "12 slots have an id that starts with 019a0000. Type 18 characters of the one you mean:" in done.err
    assert "  019a0000-0000-7003  Practice 3 with Grace, Tue 24 Nov, 14:00-15:00 (Africa/Lagos)\n" in done.err
    assert "and 2 more" in done.err
    assert [method for method, *_ in ada.backend.requests] == ["GET"]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("insp_xSOE", 0, "Revoked: nightly."),
        ("insp_xSOE…", 0, "Revoked: nightly."),
        ("insp_xSOX", 1, "None of your tokens starts so."),
        ("insp_twin", 2, "  019ab3f7-000b  weekly, made Mon 23 Nov, 11:00 (Africa/Lagos)\n"),
    ],
)
def test_a_token_is_revoked_by_its_listed_start(ada: Pointed, text: str, code: int, said: str) -> None:
    names = {"a": ("nightly", "insp_xSOE"), "b": ("weekly", "insp_twin"), "c": ("yearly", "insp_twin")}
    made: dict[str, object] = {
        "created_at": "2026-11-23T10:00:00Z",
        "expires_at": None,
        "last_used_at": None,
        "scopes": [],
    }
    tokens = [
        made | {"id": f"019ab3f7-000{letter}-7000-8000-00000000000a", "name": name, "prefix": prefix}
        for letter, (name, prefix) in names.items()
    ]
    ada.backend.answer("/personal-access-tokens", {"results": tokens})
    gone = f"/api/v1/personal-access-tokens/{tokens[0]['id']}"
    ada.backend.answers["DELETE", gone] = lambda query, body: (204, None)
    done = ada.run("tokens", "revoke", text)
    assert (done.code, said in done.err) == (code, True), done.err
    assert (gone in ada.backend.paths()) == (code == 0)
    assert re.search(r"TOKEN +ALLOWS +UNTIL", ada.run("tokens", "list").out)
