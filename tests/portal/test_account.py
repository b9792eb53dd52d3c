"""The account's pages: settings, sessions, access tokens, devices, leaving."""

import base64
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import quote
from zoneinfo import ZoneInfo

import httpx
import pytest

from portal.times import ago, days_until
from portal.wording import may_do
from tests.people import HTTP
from tests.portal.conftest import Portal, hidden, post
from tests.portal.fake_backend import ADA, Answer, FakeBackend, problem
from tests.portal.sample import an_id


def test_a_new_token_is_shown_once(ada: httpx.Client, backend: FakeBackend) -> None:
    secret = "insp_" + "x" * 36
    backend.routes["POST", "/personal-access-tokens"] = Answer(201, {"id": an_id(1), "name": "Job", "token": secret})
    answer = post(ada, "/tokens", name="Job", scopes="bookings:read", days="30")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/tokens")
    sent = backend.made("POST", "/api/v1/personal-access-tokens")[0].body
    assert sent == {"name": "Job", "scopes": ["bookings:read"], "expires_in_days": 30}
    assert secret not in base64.urlsafe_b64decode(ada.cookies["insighta_note"] + "===").decode(errors="replace")
    assert secret not in ada.get("/settings").text
    assert secret in ada.get("/tokens").text
    assert "insighta_note" not in ada.cookies
    assert secret not in ada.get("/tokens").text


def test_a_second_click_sends_the_same_key_and_another_page_another(ada: httpx.Client, backend: FakeBackend) -> None:
    made = {"id": an_id(1), "name": "Job", "token": "insp_" + "x" * 36}
    backend.routes["POST", "/personal-access-tokens"] = Answer(201, made)
    keys = [re.findall(r'name="key" value="([^"]+)"', ada.get("/tokens").text)[0] for _ in range(2)]
    for key in (keys[0], keys[0], keys[1]):
        post(ada, "/tokens", name="Job", scopes="bookings:read", days="30", key=key)
    sent = [one.headers["idempotency-key"] for one in backend.made("POST", "/api/v1/personal-access-tokens")]
    assert sent == [keys[0], keys[0], keys[1]]


def test_errors_stand_beside_their_fields_and_keep_what_was_typed(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["PATCH", "/me"] = problem(400, "validation_error", errors={"display_name": ["Too silly."]})
    answer = post(ada, "/settings", display_name="Ada the <Great>", time_zone="Europe/Paris")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/settings")
    page = ada.get("/settings").text
    assert 'id="id_display_name_error"><span class="visually-hidden">Error: </span>Too silly.' in page
    assert 'value="Ada the &lt;Great&gt;"' in page
    assert '<option value="Europe/Paris" selected>' in page
    assert "Too silly" not in ada.get("/settings").text, "said once"


def test_what_is_too_long_to_carry_over_is_kept_all_the_same(ada: httpx.Client) -> None:
    answer = post(ada, "/settings", display_name="é" * 2000, time_zone="UTC")
    assert answer.status_code == 422
    assert "Shorten your name: 100 characters at most, now 2000." in answer.text
    assert "é" * 2000 in answer.text


@pytest.mark.parametrize("value", ["garbage", "gAAAAABl" + "x" * 120])
def test_a_forged_note_says_nothing(portal: Portal, ada: httpx.Client, value: str) -> None:
    brought = "; ".join(f"{name}={ada.cookies[name]}" for name in ("insighta_at", "insighta_rt"))
    page = HTTP.get(f"{portal.url}/tokens", headers={b"Cookie": f"{brought}; insighta_note={value}".encode()})
    assert page.status_code == 200
    assert "It is shown this once" not in page.text


def test_a_host_chooses_how_to_be_told(ada: httpx.Client, backend: FakeBackend) -> None:
    assert "Mails about the sessions you host" in ada.get("/settings").text
    backend.routes["PATCH", "/me"] = Answer(200, ADA)
    post(ada, "/settings", display_name="Ada", time_zone="UTC", hosting_notifications="each")
    assert backend.made("PATCH", "/api/v1/me")[0].body["hosting_notifications"] == "each"


def test_settings_are_saved(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["PATCH", "/me"] = Answer(200, ADA)
    answer = post(ada, "/settings", display_name="Ada", time_zone="UTC")
    assert answer.headers["Location"] == "/settings"
    body = {"display_name": "Ada", "time_zone": "UTC", "email_notifications": False, "email_for_hosts": False}
    assert backend.made("PATCH", "/api/v1/me")[0].body == body


def test_the_time_zone_changes_where_it_is_shown(ada: httpx.Client, portal: Portal, backend: FakeBackend) -> None:
    for browser, zone in ((ada, "Africa/Lagos"), (portal.browser(), "UTC")):
        page = browser.get("/slots?from=2026-01-01").text
        assert 'href="/settings/time-zone?next=%2Fslots%3Ffrom%3D2026-01-01"' in page
        form = browser.get("/settings/time-zone?next=/slots?from=2026-01-01").text
        assert hidden(form, "next") == "/slots?from=2026-01-01"
        assert f'<option value="{zone}" selected>' in form


def test_the_time_zone_changes_in_one_click_and_stays_on_the_page(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["PATCH", "/me"] = Answer(200, ADA)
    answer = post(ada, "/settings/time-zone", time_zone="Asia/Tokyo", next="/slots?host=")
    assert answer.headers["Location"] == "/slots?host="


@pytest.mark.parametrize(
    ("path", "call"),
    [
        (f"/sessions/{an_id(801)}/revoke", f"/sessions/{an_id(801)}"),
        (f"/tokens/{an_id(850)}/revoke", f"/personal-access-tokens/{an_id(850)}"),
        (f"/tokens/publishers/{an_id(870)}/remove", f"/trusted-publishers/{an_id(870)}"),
        ("/sessions/revoke-others", "/sessions"),
        ("/applications/wiki-1f2e3d4c/withdraw", "/applications/wiki-1f2e3d4c"),
    ],
)
def test_sessions_and_tokens_end_at_a_press(ada: httpx.Client, backend: FakeBackend, path: str, call: str) -> None:
    backend.routes["DELETE", call] = Answer(204)
    assert post(ada, path).status_code == 303
    assert len(backend.made("DELETE", f"/api/v1{call}")) == 1


SECTIONS = ("Signed-in devices", "Access tokens", "Trusted publishers", "Applications")


def text_of(page: str) -> str:
    """The words of a page."""
    return " ".join(re.sub("<[^>]+>", " ", page.partition("<main")[2]).split())


@pytest.mark.parametrize(("path", "focused"), [("/sessions", []), ("/tokens", [1]), ("/applications", [3])])
def test_all_that_can_act_for_a_person_is_one_page_at_three_addresses(
    ada: httpx.Client, backend: FakeBackend, path: str, focused: list[int]
) -> None:
    ada.get("/settings")
    backend.calls.clear()
    page = ada.get(path).text
    assert [call.path for call in backend.calls] == ["/api/v1/pages/access"]
    assert '<a href="/sessions" aria-current="page">Access</a>' in page
    assert re.findall(r"<h2[^>]*>([^<]+)</h2>", page) == list(SECTIONS)
    assert re.findall(r"<h2[^>]*autofocus>([^<]+)</h2>", page) == [SECTIONS[one] for one in focused]
    words = text_of(page)
    assert "Everything that can act for you: 3 devices, 2 tokens, 1 publisher, 1 application." in words
    for said in (
        "Firefox on Linux This one",
        "home-assistant Ends in 5 days",
        "Sees and changes your bookings",
        "Never used",
    ):
        assert said in words
    assert re.search(
        r"laptop Signed in .*? · Command line Used yesterday, \d\d:\d\d from 203\.0\.113\.9 Sign out… laptop", words
    )
    assert re.search(r"ada/site .*? from 198\.51\.100\.30 .*? Stop trusting… ada/site nightly\.yml", words)
    assert re.search(r"Team wiki .*? from 198\.51\.100\.7 Disconnect… Team wiki", words)


def test_a_sign_in_stands_where_it_can_be_ended_once(ada: httpx.Client, backend: FakeBackend) -> None:
    """An application's stands under applications while that is listed there, else under devices; so does a CI job's."""
    body = backend.body("/pages/access")
    body["sessions"] += [body["sessions"][1] | {"id": an_id(804), "client_id": "insighta-ci", "label": "a run"}]
    revoke = f'href="/sessions/{an_id(803)}/revoke"', f'href="/sessions/{an_id(804)}/revoke"'
    assert [one in ada.get("/sessions").text for one in revoke] == [False, False]
    body |= {"applications": [], "publishers": None, "tokens": None}
    backend.routes["GET", "/pages/access"] = Answer(200, body)
    assert [one in ada.get("/sessions").text for one in revoke] == [True, True]


def test_signing_out_all_others_says_before_what_of_each_kind_that_ends(
    ada: httpx.Client, backend: FakeBackend
) -> None:
    body = backend.body("/pages/access")
    of_wiki = next(one for one in body["sessions"] if one["client_id"] not in {"insighta-portal", "insighta-cli"})
    body["sessions"] += [of_wiki | {"id": an_id(805), "label": "Safari on iPad"}]
    body["sessions"] += [of_wiki | {"id": an_id(806), "client_id": "insighta-ci", "label": "ada/site"}]
    page = unescape(ada.get("/sessions/revoke-others").text)
    for said in (
        "Everything but this browser is signed out at once.",
        "2 devices: laptop, Safari on iPhone.",
        "1 application: Team wiki.",
        "1 CI job: ada/site.",
        "Access tokens and trusted publishers stay.",
    ):
        assert said in page
    body["sessions"] = [one for one in body["sessions"] if one["current"]]
    assert "Nothing else is signed in now." in ada.get("/sessions/revoke-others").text


def test_of_many_sign_ins_a_few_are_named(ada: httpx.Client, backend: FakeBackend) -> None:
    body = backend.body("/pages/access")
    laptop = next(one for one in body["sessions"] if one["label"] == "laptop")
    body["sessions"] = [one for one in body["sessions"] if one["current"]]
    body["sessions"] += [laptop | {"id": an_id(8000 + number), "label": f"box {number}"} for number in range(1, 8)]
    page = ada.get("/sessions/revoke-others").text
    assert "7 devices: box 1, box 2, box 3, box 4, box 5 and 2 more." in page


def test_a_sign_in_that_may_not_see_tokens_is_told_so_and_offered_nothing(
    ada: httpx.Client, backend: FakeBackend
) -> None:
    body = backend.body("/pages/access") | {"tokens": None, "publishers": None}
    backend.routes["GET", "/pages/access"] = Answer(200, body)
    page = ada.get("/tokens").text
    assert "This device may not see your access tokens and trusted publishers." in page
    assert 'action="/tokens' not in page
    assert ada.get(f"/tokens/publishers/{an_id(870)}/remove").status_code == 403


def test_of_many_the_first_are_shown_and_the_others_are_one_tap_away(ada: httpx.Client, backend: FakeBackend) -> None:
    body = backend.body("/pages/access")
    body["sessions"] += [body["sessions"][1] | {"id": an_id(1800 + n), "label": f"laptop {n}"} for n in range(40)]
    backend.routes["GET", "/pages/access"] = Answer(200, body)
    page = ada.get("/sessions").text
    assert page.count('/revoke"') == 42 + 2
    folded = re.findall(r'<details class="folded"><summary>Show (\d+) more', page)
    assert folded == ["37"]


def test_applications_are_listed_with_what_they_may_do(ada: httpx.Client) -> None:
    page = ada.get("/applications").text
    for words in ("Team wiki", "https://wiki.example/", "Sees who you are and your email address", "Disconnect"):
        assert words in page


def test_what_has_ended_already_is_not_an_error(ada: httpx.Client) -> None:
    assert post(ada, f"/sessions/{an_id(801)}/revoke").headers["Location"] == "/sessions"


@pytest.mark.parametrize(
    ("path", "call", "shown"),
    [
        (f"/sessions/{an_id(801)}/revoke", f"/sessions/{an_id(801)}", ["laptop", "Command line", "203.0.113.9"]),
        (f"/tokens/{an_id(850)}/revoke", f"/personal-access-tokens/{an_id(850)}", ["Backup job", "laptop, internet"]),
    ],
)
def test_the_address_in_a_mail_shows_one_thing_and_ends_it_by_a_press_only(
    ada: httpx.Client, backend: FakeBackend, path: str, call: str, shown: list[str]
) -> None:
    backend.calls.clear()
    page = ada.get(path).text
    assert [words for words in shown if words not in page] == []
    assert f'action="{path}"' in page
    assert {call.method for call in backend.calls} == {"GET"}
    backend.routes["DELETE", call] = Answer(204)
    assert post(ada, path, page=path).status_code == 303
    assert len(backend.made("DELETE", f"/api/v1{call}")) == 1


@pytest.mark.parametrize("path", ["/sessions", f"/sessions/{an_id(803)}/revoke"])
def test_a_sign_in_in_an_application_is_shown_by_its_name(ada: httpx.Client, path: str) -> None:
    assert "Team wiki" in ada.get(path).text


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (f"/sessions/{an_id(809)}/revoke", "This device is signed out"),
        (f"/tokens/{an_id(859)}/revoke", "This access token has ended"),
    ],
)
def test_what_a_mail_names_and_has_ended_says_so_and_asks_nothing(ada: httpx.Client, path: str, words: str) -> None:
    page = ada.get(path)
    assert page.status_code == 200
    assert words in page.text
    assert f'action="{path}"' not in page.text


@pytest.mark.parametrize("path", [f"/sessions/{an_id(999)}/revoke", f"/tokens/{an_id(999)}/revoke"])
def test_what_a_mail_to_somebody_else_names_is_not_there_and_the_way_to_them_is(ada: httpx.Client, path: str) -> None:
    page = ada.get(path)
    assert page.status_code == 404
    query = httpx.QueryParams({"switch": "1", "next": path})
    assert f'href="/login?{str(query).replace("&", "&amp;")}"' in page.text


def test_the_end_of_a_token_is_said_before_it_is_made(ada: httpx.Client) -> None:
    end = datetime.now(ZoneInfo("Africa/Lagos")) + timedelta(days=90)
    assert re.search(rf"90 days, until \w{{3}} {end.day} {end:%b %Y}</option>", ada.get("/tokens").text)


def test_looking_at_a_device_approves_nothing(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.calls.clear()
    page = ada.get("/device?user_code=BCDF-GHJK")
    assert "build-server (Linux)" in page.text
    assert "See the account and its signed-in devices<br>See sessions, bookings and credits</dd>" in page.text
    assert "203.0.113.9" in page.text
    assert "30 days after its last use, 90 days at most" in page.text
    assert {call.method for call in backend.calls} == {"GET"}


@pytest.mark.parametrize(
    ("decision", "verb"), [("approve", "approve"), ("deny", "deny"), ("", "deny"), ("nonsense", "deny")]
)
def test_only_the_right_button_approves(ada: httpx.Client, backend: FakeBackend, decision: str, verb: str) -> None:
    backend.routes["POST", f"/device-requests/BCDF-GHJK/{verb}"] = Answer(200, {})
    assert post(ada, "/device", user_code="BCDF-GHJK", decision=decision).status_code == 303
    assert [call.path for call in backend.calls if call.method == "POST"][-1].endswith(verb)


@pytest.mark.parametrize(
    "typed", ["bcdfghjk", "BCDF - GHJK", "bcdf\u2013ghjk", "\uff22\uff23DF\uff0dGHJK", "b.c d/f"[:5]]
)
def test_the_api_is_sent_what_was_typed(ada: httpx.Client, backend: FakeBackend, typed: str) -> None:
    backend.routes["GET", f"/pages/device/{quote(typed, safe='')}"] = backend.routes["GET", "/pages/device/BCDF-GHJK"]
    assert "build-server (Linux)" in ada.get("/device", params={"user_code": typed}).text


@pytest.mark.parametrize("code", ["ZZZZ-ZZZZ", "short", "../../me", "<b>", "..", "a?b#c", "x" * 65, "%2F"])
def test_an_unknown_code_says_so(ada: httpx.Client, backend: FakeBackend, code: str) -> None:
    backend.routes["GET", f"/pages/device/{quote(code, safe='')}"] = backend.routes["GET", "/pages/device/ZZZZ-ZZZZ"]
    page = ada.get("/device", params={"user_code": code})
    assert page.status_code in {404, 422}
    assert 'role="alert"' in page.text


def test_a_code_that_was_refused_is_asked_for_again(ada: httpx.Client) -> None:
    answer = post(ada, "/device", user_code="ZZZZ-ZZZZ", decision="approve")
    assert answer.headers["Location"] == "/device?user_code=ZZZZ-ZZZZ"
    assert "There is no such code" in ada.get(answer.headers["Location"]).text


def test_leaving_lists_what_is_cancelled_and_signs_out(ada: httpx.Client, backend: FakeBackend) -> None:
    backend.routes["POST", "/me/deactivate"] = Answer(204)
    assert "Software that must not fail" in ada.get("/settings/deactivate").text
    answer = post(ada, "/settings/deactivate")
    assert answer.headers["Location"] == "/signed-out?reason=left"
    assert "insighta_rt" not in ada.cookies


def test_a_trusted_publisher_is_added_and_what_the_api_refuses_is_shown_beside_its_field(
    ada: httpx.Client, backend: FakeBackend
) -> None:
    said = {"repository": "ada/site", "workflow": "ci.yml", "environment": "", "ref": "", "scopes": "bookings:read"}
    backend.routes["POST", "/trusted-publishers"] = Answer(201, {"id": an_id(871)})
    assert post(ada, "/tokens/publishers", **said).headers["Location"] == "/tokens"
    sent = backend.made("POST", "/api/v1/trusted-publishers")[0].body
    assert sent == said | {"scopes": ["bookings:read"]}
    wrong = problem(400, "validation_error", errors={"repository": ["Name the repository as OWNER/NAME."]})
    backend.routes["POST", "/trusted-publishers"] = wrong
    assert post(ada, "/tokens/publishers", **said | {"repository": "x"}).headers["Location"] == "/tokens"
    page = ada.get("/tokens").text
    assert '<a href="#publisher_repository">Name the repository as OWNER/NAME.' in page
    assert re.findall(r'<details class="opens"( open)?><summary[^>]*>([^<]+)', page) == [
        ("", "Make a token"),
        (" open", "Trust a workflow"),
    ]
    assert post(ada, "/tokens/publishers", repository="ada/site", workflow="ci.yml").headers["Location"] == "/tokens"
    assert "Choose at least one thing that its jobs may do." in ada.get("/tokens").text


def test_trusted_publishers_are_listed_with_what_should_be_known(ada: httpx.Client) -> None:
    page = ada.get("/tokens").text
    for words in ("ada/site", "nightly.yml", "refs/heads/main", f"INSIGHTA_PUBLISHER={an_id(870)}"):
        assert words in page


@pytest.mark.parametrize(
    ("scopes", "words"),
    [
        (["bookings:read"], "Sees your bookings"),
        (["bookings:read", "bookings:write"], "Sees and changes your bookings"),
        (["account:read", "bookings:read", "account:write"],
         "Sees your account and your bookings, changes your account"),
        (["openid", "profile", "email", "offline_access"],
         "Sees who you are, your name, picture, time zone and your email address, stays signed in"),
        (["account:write"], "Changes your account"),
        (["of:tomorrow"], "Of:tomorrow"),
        ([], ""),
    ],
)  # fmt: skip
def test_what_a_program_may_do_is_said_in_short(scopes: list[str], words: str) -> None:
    assert may_do(scopes) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("2026-03-10T00:29:50Z", "just now"),
        ("2026-03-10T00:31:00Z", "just now"),
        ("2026-03-10T00:29:00Z", "1 minute ago"),
        ("2026-03-09T23:31:00Z", "59 minutes ago"),
        ("2026-03-09T23:05:00Z", "today, 00:05"),
        ("2026-03-09T22:30:00Z", "yesterday, 23:30"),
        ("2026-03-08T22:30:00Z", "Sun 8 Mar, 23:30"),
        ("2025-03-08T22:30:00Z", "Sat 8 Mar 2025, 23:30"),
    ],
)
def test_when_something_was_is_said_by_the_persons_own_days(value: str, words: str) -> None:
    assert ago(value, ZoneInfo("Africa/Lagos"), datetime(2026, 3, 10, 0, 30, tzinfo=UTC)) == words


@pytest.mark.parametrize(("value", "days"), [("2026-03-10T22:00:00Z", 0), ("2026-03-10T23:30:00Z", 1)])
def test_the_days_until_an_end_are_the_persons_own(value: str, days: int) -> None:
    assert days_until(value, ZoneInfo("Africa/Lagos"), datetime(2026, 3, 10, 8, tzinfo=UTC)) == days


def test_the_first_page_of_the_account_leads_back_to_nothing_and_every_other_to_it(ada: httpx.Client) -> None:
    back = 'class="breadcrumb only-narrow" href="/settings"'
    pages = {
        path: back in ada.get(path).text for path in ("/settings", "/sessions", "/activity", "/settings/deactivate")
    }
    assert pages == {path: path != "/settings" for path in pages}


def test_the_apis_reference_is_linked_where_tokens_are_made(ada: httpx.Client, backend: FakeBackend) -> None:
    assert f'href="{backend.url}/api/v1/docs"' in ada.get("/tokens").text
