"""RFC 9470: what makes a credential needs a sign-in through GitHub of the last minutes."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Http
from django.utils import timezone

from tests.tokens.in_process import call, make_person, post, sign_in
from tokens.models import DeviceGrant, PersonalAccessToken, Session

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = {"name": "ci", "scopes": ["bookings:read"]}


def begin_device(http: Http) -> str:
    return str(post(http, "device_authorization").json()["user_code"])


def create_token(http: Http, access: str) -> Any:
    return call(http, "/personal-access-tokens", access, "POST", TOKEN)


def approve_device(http: Http, access: str) -> Any:
    return call(http, f"/device-requests/{begin_device(http)}/approve", access, "POST")


@pytest.mark.parametrize("give", [create_token, approve_device])
@pytest.mark.parametrize("age", [timedelta(seconds=901), None])
def test_an_old_sign_in_is_challenged_and_gives_nothing(client: Http, give: Any, age: timedelta | None) -> None:
    pair = sign_in(make_person("ada"))
    Session.objects.update(auth_time=timezone.now() - age if age else None)
    answer = give(client, pair.access_token)
    assert (answer.status_code, answer.json()["code"], answer.json()["max_age"]) == (403, "step_up_required", 900)
    challenge = answer.headers["WWW-Authenticate"]
    assert 'error="insufficient_user_authentication"' in challenge
    assert 'max_age="900"' in challenge
    assert not PersonalAccessToken.objects.exists()
    assert not DeviceGrant.objects.exclude(status="pending").exists()


@pytest.mark.parametrize("give", [create_token, approve_device])
def test_a_recent_sign_in_may(client: Http, give: Any) -> None:
    pair = sign_in(make_person("ada"))
    Session.objects.update(auth_time=timezone.now() - timedelta(seconds=890))
    assert give(client, pair.access_token).status_code in {200, 201}


def test_denying_needs_no_recent_sign_in(client: Http) -> None:
    pair = sign_in(make_person("ada"))
    Session.objects.update(auth_time=None)
    assert call(client, f"/device-requests/{begin_device(client)}/deny", pair.access_token, "POST").status_code == 200


def test_rotation_carries_the_time_and_a_device_takes_its_approver_s(client: Http) -> None:
    pair = sign_in(make_person("ada"))
    then = timezone.now() - timedelta(seconds=600)
    Session.objects.update(auth_time=then)
    body = post(client, "device_authorization").json()
    call(client, f"/device-requests/{body['user_code']}/approve", pair.access_token, "POST")
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    given = post(client, "token", grant_type=grant, device_code=body["device_code"]).json()
    renewed = post(client, "token", grant_type="refresh_token", refresh_token=given["refresh_token"])
    assert renewed.status_code == 200
    assert set(Session.objects.values_list("auth_time", flat=True)) == {then}
