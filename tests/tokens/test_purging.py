"""What the service does by itself and operators by command: old rows go, keys change on schedule, tokens for robots."""

import json
import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client as Http
from procrastinate.contrib.django import app

from accounts.models import SignInFlow, User
from tests.tokens.in_process import call, make_person, now, post, sign_in
from tokens import tasks
from tokens.models import AuthorizationCode, DeviceGrant, PersonalAccessToken, Session, SigningKey, TrustedPublisher
from tokens.services import signing_keys
from tokens.services.personal_tokens import add_token

DAY = timedelta(days=1)
TABLES = (SignInFlow, AuthorizationCode, DeviceGrant, Session, SigningKey)


@pytest.fixture
def ada(db: None) -> User:
    signing_keys.forget_keys()
    return make_person("ada")


def manage(*arguments: str) -> str:
    printed = StringIO()
    call_command(*arguments, stdout=printed, stderr=StringIO())
    return printed.getvalue()


def add_rows(person: User, *, ended: timedelta) -> None:
    """One row of each kind that ended so long ago."""
    end, name = now() - ended, str(ended)
    digest = name.encode().ljust(32, b".")[:32]
    SignInFlow.objects.create(cookie_hash=digest, state_hash=digest, resume_path="/", restart_path="/", expires_at=end)
    AuthorizationCode.objects.create(
        code_hash=digest, user=person, client_id="x", redirect_uri="x", code_challenge="x", scope="", expires_at=end
    )
    DeviceGrant.objects.create(
        device_code_hash=digest, user_code_hash=digest, client_id="x", scope="", interval=5, expires_at=end
    )
    Session.objects.create(user=person, client_id="x", scope="", current_hash=digest, expires_at=end, ends_at=end)
    SigningKey.objects.create(kid=name, private_key=b"", public_jwk={}, activates_at=end, retires_at=end)


def test_what_is_long_over_goes_and_what_may_be_asked_about_stays(ada: User) -> None:
    add_rows(ada, ended=timedelta(hours=25))
    add_rows(ada, ended=timedelta(hours=-1))
    printed = manage("purge")
    assert [table.objects.count() for table in TABLES] == [1] * len(TABLES)
    for line in ("sign-in flows", "authorization codes", "device requests", "sessions", "signing keys"):
        assert f"1 {line}" in printed
    assert manage("purge").split("\n")[0] == "0 sign-in flows"


def test_personal_access_tokens_go_ninety_days_after_their_end(ada: User) -> None:
    for number, values in enumerate(
        (
            {"expires_at": now() - 91 * DAY},
            {"expires_at": now() + DAY, "revoked_at": now() - 91 * DAY},
            {"expires_at": now() - 89 * DAY},
            {"expires_at": now() + DAY, "revoked_at": now() - 89 * DAY},
            {"expires_at": now() + DAY},
        )
    ):
        digest = bytes([number]) * 32
        PersonalAccessToken.objects.create(user=ada, name=str(number), token_hash=digest, scope="", **values)
    assert "2 personal access tokens" in manage("purge", "--dry-run")
    assert "2 personal access tokens" in manage("purge")
    kept = PersonalAccessToken.objects.order_by("name").values_list("name", flat=True)
    assert list(kept) == ["2", "3", "4"]


def test_a_code_that_was_used_stays_for_a_day_so_that_a_replay_is_recognised(ada: User) -> None:
    add_rows(ada, ended=timedelta(hours=23))
    manage("purge")
    kept = (AuthorizationCode, DeviceGrant, Session)
    assert [table.objects.count() for table in kept] == [1, 1, 1]


def test_purging_cuts_nobody_off(client: Http, ada: User) -> None:
    pair = sign_in(ada)
    begun = post(client, "device_authorization").json()
    tasks.purge(timestamp=0)
    assert call(client, "/me", pair.access_token).status_code == 200
    assert call(client, f"/device-requests/{begun['user_code']}", pair.access_token).status_code == 200
    renewed = post(client, "token", grant_type="refresh_token", refresh_token=pair.refresh_token)
    assert renewed.status_code == 200


def test_both_jobs_are_on_the_schedule() -> None:
    schedule = {periodic.task.name: periodic.cron for periodic in app.periodic_registry.periodic_tasks.values()}
    assert schedule["tokens.tasks.purge"] == "17 * * * *"
    assert schedule["tokens.tasks.rotate_signing_keys"] == "23 3 1 * *"


def test_the_monthly_job_brings_a_key_that_signs_an_hour_later(ada: User) -> None:
    old = signing_keys.active_key(now=now()).kid
    tasks.rotate_signing_keys(timestamp=0)
    signing_keys.forget_keys()
    assert len(signing_keys.key_set(now=now())["keys"]) == 2
    assert signing_keys.active_key(now=now() + timedelta(minutes=59)).kid == old
    signing_keys.forget_keys()
    assert signing_keys.active_key(now=now() + timedelta(minutes=61)).kid != old


# Tokens that the staff make


def test_a_token_by_command_is_printed_alone_and_works(client: Http, ada: User) -> None:
    scopes = ("--scope", "account:read", "--scope", "bookings:read")
    printed = manage("create_token", "ada", "--name", "nightly", *scopes, "--days", "7")
    assert re.fullmatch(r"insp_[0-9A-Za-z]{36}\n", printed)
    assert call(client, "/me", printed.strip()).json()["scopes"] == ["account:read", "bookings:read"]
    (token,) = PersonalAccessToken.objects.all()
    assert token.expires_at is not None
    assert abs(token.expires_at - now() - 7 * DAY) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "arguments",
    [
        ["nobody", "--name", "x", "--scope", "account:read"],
        ["ada", "--name", "x", "--scope", "admin"],
        ["ada", "--name", "x"],
        ["ada", "--name", "\u200b", "--scope", "account:read"],
        ["ada", "--name", "x", "--scope", "account:read", "--days", "0"],
        ["ada", "--name", "x", "--scope", "account:read", "--days", "-1"],
        ["ada", "--name", "x", "--scope", "account:read", "--days", "99999999999"],
    ],
)
def test_a_command_that_makes_no_sense_makes_no_token(ada: User, arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        manage("create_token", *arguments)
    assert not PersonalAccessToken.objects.exists()


@pytest.mark.parametrize("change", [{"standing": "pending"}, {"standing": "suspended"}, {"is_active": False}])
def test_no_command_makes_a_token_for_somebody_who_may_not_use_the_account(ada: User, change: dict[str, Any]) -> None:
    User.objects.filter(id=ada.id).update(**change)
    with pytest.raises(CommandError):
        manage("create_token", "ada", "--name", "x", "--scope", "account:read")
    assert not PersonalAccessToken.objects.exists()


def test_signing_somebody_out_everywhere_is_felt_by_the_next_call(client: Http, ada: User) -> None:
    pairs = [sign_in(ada), sign_in(ada)]
    sign_in(ada, at=now() - timedelta(days=200))
    assert manage("revoke_sessions", "ada") == "2 sessions ended, tokens stay.\n"
    assert [call(client, "/me", pair.access_token).status_code for pair in pairs] == [401, 401]
    with pytest.raises(CommandError, match="Nobody called"):
        manage("revoke_sessions", "nobody")


def test_with_tokens_they_are_counted_and_ended_too(client: Http, ada: User) -> None:
    sign_in(ada)
    reads = frozenset({"account:read"})
    made = [add_token(user_id=ada.id, name=name, scopes=reads, expires_at=None, now=now()) for name in "ab"]
    TrustedPublisher.objects.create(user=ada, repository="ada/site", repository_owner_id=1, workflow="ci.yml")
    command = ("revoke_sessions", "ada", "--tokens")
    counted = {"sessions": 1, "personal_tokens": 2, "publishers": 1}
    assert json.loads(manage(*command, "--dry-run", "--json")) == counted
    for options, verb in (["--dry-run"], "are to be ended"), ([], "ended"):
        tokens = f"2 personal access tokens and 1 trusted publishers {verb}"
        assert manage(*command, *options) == f"1 sessions {verb}, {tokens}.\n"
    assert {call(client, "/me", secret).status_code for _, secret in made} == {401}
