"""The owner is told of every new credential, whatever they wish for other mails."""

from uuid import UUID

import pytest
from django.core.mail import EmailMessage
from django.db import transaction
from django.test import Client as Http

from accounts.models import Event, User
from accounts.services import roles
from tests.tokens.applications import register
from tests.tokens.in_process import call, client_called, make_person, now, post, send_security_mails, sign_in
from tokens.models import Session
from tokens.services.ending_access import end_own_session
from tokens.services.personal_tokens import create_token_for
from tokens.services.sessions import open_session
from tokens.services.staff import read_verification_time
from tokens.services.staff_sessions import Verification, open_staff_session

pytestmark = pytest.mark.django_db(transaction=True)
GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def ada() -> User:
    person = make_person("ada")
    User.objects.update(email="ada@users.example.test", email_notifications=False, time_zone="Africa/Lagos")
    return person


def subjects(mailoutbox: list[EmailMessage]) -> list[str]:
    send_security_mails()
    return [str(mail.subject) for mail in mailoutbox]


def test_a_device_not_seen_before_is_told_once_and_the_first_of_all_never(
    ada: User, mailoutbox: list[EmailMessage]
) -> None:
    sign_in(ada, label="Firefox on Linux")
    sign_in(ada, label="Firefox on Linux")
    sign_in(ada, label="Chrome on Windows")
    sign_in(ada, label="Chrome on Windows")
    assert subjects(mailoutbox) == ["New sign-in: Chrome on Windows"]
    (mail,) = mailoutbox
    assert mail.to == ["ada@users.example.test"]
    newest = Session.objects.filter(label="Chrome on Windows").earliest("id")
    assert f"/sessions/{newest.id}/revoke\n" in mail.body
    assert "Chrome on Windows (Insighta CLI)\nWhen: " in mail.body
    assert (
        "(Africa/Lagos)\nFrom: an unknown address\nIt may:\n- See your account and its signed-in devices\n" in mail.body
    )
    assert "needs you to be signed in as ada" in mail.body


def test_a_sign_in_in_an_application_is_told_by_its_name(ada: User, mailoutbox: list[EmailMessage]) -> None:
    register("wiki", name="Team wiki")
    sign_in(ada, label="Firefox on Linux")
    sign_in(ada, client_id="wiki", scope="openid email", label="Firefox on Linux")
    sign_in(ada, client_id="wiki", scope="openid email", label="Firefox on Linux")
    assert subjects(mailoutbox) == ["New sign-in: Team wiki"]
    assert "Team wiki (Firefox on Linux)\nWhen: " in mailoutbox[0].body
    assert "- See your email address\n" in mailoutbox[0].body


def test_a_known_label_from_an_unknown_network_is_told(ada: User, mailoutbox: list[EmailMessage]) -> None:
    """A label is what the other side says: most thieves use the browser that most people use."""

    def come_from(address: str) -> None:
        client = client_called("insighta-cli")
        scope, at = "account:read", now()
        with transaction.atomic():
            open_session(person=ada, client=client, scope=scope, label="Chrome", auth_time=at, address=address, now=at)

    for address in ("203.0.113.9", "203.0.7.7", "198.51.100.4", "203.0.113.9", "2001:db8::1", "2001:db8:ffff::2"):
        come_from(address)
    assert subjects(mailoutbox) == ["New sign-in: Chrome"] * 2
    assert ["198.51.100.4" in mailoutbox[0].body, "2001:db8::1" in mailoutbox[1].body] == [True, True]


def test_a_sign_in_to_the_admin_from_a_device_not_seen_before_is_told(
    client: Http, ada: User, mailoutbox: list[EmailMessage]
) -> None:
    sign_in(ada, label="Firefox on Linux")
    roles.grant_staff(user_id=ada.id)

    def enter(label: str, address: str) -> UUID:
        verified = Verification("github", read_verification_time())
        return open_staff_session(user_id=ada.id, verified=verified, label=label, address=address, now=now())

    opened = enter("Chrome on Windows", "203.0.113.9")
    for label, address in (("Chrome on Windows", "203.0.7.7"), ("Chrome on Windows", "198.51.100.4")):
        enter(label, address)
    assert subjects(mailoutbox) == ["New sign-in: Chrome on Windows"] * 2
    body = mailoutbox[0].body
    assert "Chrome on Windows (the admin of Insighta)\nWhen: " in body
    assert "From: internet address 203.0.113.9\nIt may:\n- Use the admin, as far as your role allows\n" in body
    assert f"/sessions/{opened}/revoke\n" in body
    assert "198.51.100.4" in mailoutbox[1].body
    page = call(client, f"/pages/sessions/{opened}", sign_in(ada, label="Firefox on Linux").access_token)
    assert page.status_code == 200


def test_a_new_token_is_told_with_what_it_may_who_made_it_and_its_page(
    client: Http, ada: User, mailoutbox: list[EmailMessage]
) -> None:
    token = sign_in(ada, label="Firefox on Linux").access_token
    Event.objects.filter(kind="session.opened").update(address="203.0.113.9")
    made = call(client, "/personal-access-tokens", token, "POST", {"name": "job", "scopes": ["bookings:read"]}).json()
    create_token_for(login_or_id="ada", name="robot", scopes=frozenset(), expires_at=None, now=ada.created_at)
    assert subjects(mailoutbox) == ["New access token: job", "New access token: robot"]
    of_a_person, of_the_staff = (mail.body for mail in mailoutbox)
    assert f"/tokens/{made['id']}/revoke\n" in of_a_person
    assert "By: the sign-in on Firefox on Linux, internet address 203.0.113.9\n" in of_a_person
    assert "It may:\n- See sessions, your bookings and your credits\n" in of_a_person
    assert "By: the staff of Insighta\n" in of_the_staff
    assert made["token"] not in of_a_person


def test_a_device_approved_by_its_code_is_told_every_time(
    client: Http, ada: User, mailoutbox: list[EmailMessage]
) -> None:
    pair = sign_in(ada)
    for _ in range(2):
        device = post(client, "device_authorization", device_label="build server").json()
        call(client, f"/device-requests/{device['user_code']}/approve", pair.access_token, "POST")
        assert post(client, "token", grant_type=GRANT, device_code=device["device_code"]).status_code == 200
    assert subjects(mailoutbox) == ["Device signed in: build server"] * 2
    assert len({mail.extra_headers["Message-ID"] for mail in mailoutbox}) == 2


def test_who_has_no_address_or_has_ended_it_already_gets_none(ada: User, mailoutbox: list[EmailMessage]) -> None:
    sign_in(ada, label="one")
    ended = sign_in(ada, label="two")
    end_own_session(user_id=ada.id, session_id=ended.session_id, now=ada.created_at)
    assert subjects(mailoutbox) == []
    sign_in(ada, label="three")
    User.objects.update(email="")
    assert subjects(mailoutbox) == []
