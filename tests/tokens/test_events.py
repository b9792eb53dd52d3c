"""The audit trail: each thing that a security officer asks about, readable by command and in the admin."""

import json
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client as Http

from accounts.models import Event, User
from accounts.services import people
from tests.accounts.github import fresh
from tests.people import CLI, PORTAL, Browser, Pkce, Tokens, redeem, refresh
from tests.people import call as call_live
from tests.processes import Live
from tests.tokens.device import Device
from tests.tokens.in_process import call, make_person, now, post, sign_in
from tokens.models import Session
from tokens.services.sessions import TokenPair


@pytest.fixture
def ada(db: None) -> User:
    return make_person("ada")


@pytest.fixture
def pair(ada: User) -> TokenPair:
    return sign_in(ada)


def events(kind: str) -> list[dict[str, Any]]:
    return [dict(row) for row in Event.objects.filter(kind=kind).order_by("id").values()]


def trail(live: Live, login: str, *more: str) -> list[dict[str, Any]]:
    """A person's audit trail as `manage.py events` prints it, oldest first."""
    printed = live.manage("events", "--person", login, "--json", *more).splitlines()
    return [json.loads(line) for line in reversed(printed)]


# A person's whole story, as an operator reads it


def test_the_command_tells_a_persons_story_in_order(live: Live) -> None:
    browser = Browser(live, fresh("ada"))
    terminal = browser.sign_in()
    portal = browser.sign_in(PORTAL)
    body = {"name": "ci", "scopes": ["account:read"]}
    token = call_live(live, "/personal-access-tokens", terminal.access, "POST", json=body).json()
    call_live(live, f"/personal-access-tokens/{token['id']}", terminal.access, "DELETE")
    device = Device.begin(live, device_label="build-7")
    call_live(live, f"/device-requests/{device.user_code}/approve", terminal.access, "POST")
    built = Tokens.of(device.poll())
    refresh(live, built.refresh, key="the-first-key-of-it")
    refresh(live, built.refresh, key="another-key-than-that")
    browser.http.post(f"{live.backend_url}/oauth/revoke", data={"client_id": CLI, "token": terminal.refresh})
    live.manage("suspend_user", browser.login, "--reason", "spam")
    live.manage("reinstate_user", browser.login)
    told = trail(live, browser.login)
    assert [(line["kind"], line["client_id"]) for line in told] == [
        ("person.created", ""),
        ("session.opened", CLI),
        ("session.opened", PORTAL),
        ("token.created", ""),
        ("token.revoked", ""),
        ("device.approved", CLI),
        ("session.opened", CLI),
        ("session.replayed", CLI),
        ("session.ended", CLI),
        ("person.standing_changed", ""),
        ("person.standing_changed", ""),
    ]
    by_kind = {line["kind"]: line for line in told}
    assert by_kind["session.replayed"]["detail"] == {"cause": "retry key mismatch", "generation": 0}
    assert by_kind["session.replayed"]["address"] == "127.0.0.1"
    assert by_kind["device.approved"]["detail"] == {"label": "build-7"}
    assert [line["detail"] for line in told[-2:]] == [
        {"from": "approved", "to": "suspended", "reason": "spam"},
        {"from": "suspended", "to": "approved", "reason": ""},
    ]
    assert len(trail(live, browser.login, "--kind", "session.opened")) == 3
    assert len(trail(live, browser.login, "--limit", "2")) == 2
    assert portal.access


def test_the_command_names_who_is_not_there(live: Live) -> None:
    with pytest.raises(RuntimeError, match="Nobody called 'nobody-at-all'"):
        live.manage("events", "--person", "nobody-at-all")


# Kind by kind


def test_a_sign_in_names_client_label_and_address(client: Http, ada: User, pair: TokenPair) -> None:
    (event,) = events("session.opened")
    assert (event["user_id"], event["session_id"], event["client_id"]) == (ada.id, pair.session_id, CLI)
    assert event["detail"] == {"label": "Insighta CLI on build-7"}


@pytest.mark.parametrize("how", ["revoked by its client", "ended by the person"])
def test_a_sign_out_says_how(client: Http, pair: TokenPair, how: str) -> None:
    if how == "revoked by its client":
        assert post(client, "revoke", token=pair.refresh_token).status_code == 200
    else:
        assert call(client, f"/sessions/{pair.session_id}", pair.access_token, "DELETE").status_code == 204
    (event,) = events("session.ended")
    because = {"revoked by its client": "signed out", "ended by the person": "signed out by the person"}[how]
    assert (event["session_id"], event["detail"]) == (pair.session_id, {"because": because})


def test_signing_out_everywhere_else_is_one_event_with_its_number(client: Http, ada: User, pair: TokenPair) -> None:
    sign_in(ada)
    sign_in(ada)
    call(client, "/sessions?keep=current", pair.access_token, "DELETE")
    (event,) = events("session.others_ended")
    assert (event["user_id"], event["detail"]) == (ada.id, {"sessions": 2})


@pytest.mark.parametrize("cause", ["refresh token reused", "retry key mismatch", "retry window closed"])
def test_a_replay_names_its_cause_and_is_written_once(client: Http, pair: TokenPair, cause: str) -> None:
    def rotate(token: str, key: str) -> Any:
        return post(client, "token", grant_type="refresh_token", refresh_token=token, key=key)

    key = "the-key-of-the-terminal"
    successor = rotate(pair.refresh_token, key).json()["refresh_token"]
    if cause == "refresh token reused":
        rotate(successor, key)
    elif cause == "retry window closed":
        Session.objects.update(rotated_at=now().replace(year=2020))
    replayed = rotate(pair.refresh_token, "not-" + key if cause == "retry key mismatch" else key)
    assert replayed.json() == {"error": "invalid_grant", "error_description": cause}
    rotate(pair.refresh_token, key)
    (event,) = events("session.replayed")
    assert event["detail"] == {"cause": cause, "generation": 0}
    assert (event["session_id"], event["address"]) == (pair.session_id, "127.0.0.1")
    assert Session.objects.get().revoked_because == cause


def test_a_token_is_written_down_by_name_never_by_secret(client: Http, ada: User, pair: TokenPair) -> None:
    body = {"name": "nightly", "scopes": ["bookings:read", "account:read"]}
    token = call(client, "/personal-access-tokens", pair.access_token, "POST", body).json()
    call(client, f"/personal-access-tokens/{token['id']}", pair.access_token, "DELETE")
    (created,), (revoked,) = events("token.created"), events("token.revoked")
    detail = {"token_id": token["id"], "name": "nightly", "scopes": ["account:read", "bookings:read"]}
    assert created["detail"] == detail
    assert revoked["detail"]["token_id"] == token["id"]
    assert {created["actor_id"], revoked["actor_id"]} == {ada.id}
    assert token["token"][9:] not in json.dumps(list(Event.objects.values()), default=str)


@pytest.mark.parametrize("verb", ["approve", "deny"])
def test_a_decision_about_a_device_is_written_once(client: Http, ada: User, pair: TokenPair, verb: str) -> None:
    begun = post(client, "device_authorization", device_label="build-7").json()
    for _ in range(2):
        call(client, f"/device-requests/{begun['user_code']}/{verb}", pair.access_token, "POST")
    (event,) = events({"approve": "device.approved", "deny": "device.denied"}[verb])
    assert (event["user_id"], event["actor_id"], event["client_id"]) == (ada.id, ada.id, CLI)
    assert event["detail"] == {"label": "build-7"}


def test_a_change_of_standing_names_who_decided_and_why(ada: User) -> None:
    staff = make_person("grace")
    people.suspend_person(user_id=ada.id, reason="spam", actor_id=staff.id, now=now())
    (event,) = events("person.standing_changed")
    assert (event["user_id"], event["actor_id"]) == (ada.id, staff.id)
    assert event["detail"] == {"from": "approved", "to": "suspended", "reason": "spam"}


def test_a_code_that_is_redeemed_twice_is_written_down(live: Live) -> None:
    browser, pkce = Browser(live, fresh("ada")), Pkce()
    code = browser.answer(pkce=pkce)["code"]
    assert redeem(live, code, pkce).status_code == 200
    assert redeem(live, code, pkce).status_code == 400
    assert [line["kind"] for line in trail(live, browser.login)][-1] == "session.code_reused"


# Who reads it


@pytest.fixture
def staff(db: None, client: Http) -> Http:
    user = User.objects.create_superuser("admin", "a-password-of-the-staff")
    client.force_login(user, backend="accounts.authentication.StaffBackend")
    return client


@pytest.mark.parametrize("model", ["accounts/event", "tokens/session", "tokens/personalaccesstoken"])
def test_the_admin_shows_it_and_changes_nothing(staff: Http, ada: User, model: str) -> None:
    pair = sign_in(ada)
    call(staff, "/personal-access-tokens", pair.access_token, "POST", {"name": "ci", "scopes": ["account:read"]})
    page = staff.get(f"/admin/{model}/")
    assert page.status_code == 200
    row = {"accounts/event": "session.opened", "tokens/session": "build-7", "tokens/personalaccesstoken": "insp_"}
    assert row[model] in page.text
    assert staff.get(f"/admin/{model}/add/").status_code == 403
    ids = {"accounts/event": Event.objects.latest("id").pk, "tokens/session": pair.session_id}
    if model in ids:
        shown = staff.get(f"/admin/{model}/{ids[model]}/change/")
        assert shown.status_code == 200
        assert 'name="_save"' not in shown.text
        assert "_hash" not in shown.text
        assert "rotation_nonce" not in shown.text


def test_the_admin_is_for_the_staff(client: Http, ada: User) -> None:
    sign_in(ada)
    assert client.get("/admin/accounts/event/").status_code == 302
    User.objects.filter(id=ada.id).update(is_staff=True)
    client.force_login(User.objects.get(id=ada.id), backend="accounts.authentication.StaffBackend")
    User.objects.filter(id=ada.id).update(is_staff=False)
    assert client.get("/admin/accounts/event/").status_code == 302


def test_a_suspension_ends_a_staff_members_admin_session_and_their_password_opens_nothing(staff: Http) -> None:
    assert staff.get("/admin/accounts/event/").status_code == 200
    admin = User.objects.get(username="admin")
    User.objects.create_superuser("another", "a-password-of-the-staff")
    people.suspend_person(user_id=admin.id, reason="left", actor_id=None, now=now())
    assert staff.get("/admin/accounts/event/").status_code == 302
    form = {"username": "admin", "password": "a-password-of-the-staff"}
    assert staff.post("/admin/login/", form).status_code == 200
    assert staff.get("/admin/accounts/event/").status_code == 302


def test_the_command_prints_one_line_an_event(pair: TokenPair, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("events", "--person", "ada")
    first, second = capsys.readouterr().out.splitlines()
    assert "session.opened" in first
    assert "Insighta CLI on build-7" in first
    assert "person.created" in second
