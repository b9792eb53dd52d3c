"""The admin at its door: actions through the services, lists that stay quick, staff who come by password or GitHub."""

import re
from typing import Any
from urllib.parse import urljoin

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from procrastinate.contrib.django import app

from accounts.models import Event, User
from bookings.models import CreditEntry
from tests.people import Browser, call, refresh
from tests.processes import Live
from tokens.throttles import limiter

PASSWORD = "correct horse battery staple"


def make_person(login: str, **fields: object) -> User:
    return User.objects.create(login=login, github_id=abs(hash(login)) % 10**9, **fields)


@pytest.fixture
def staff(transactional_db: None) -> tuple[Client, User]:
    """A member of the staff in the admin, in a database where transactions really commit."""
    limiter.cache_clear()
    admin = get_user_model().objects.create_superuser("root", PASSWORD)
    client = Client()
    client.force_login(admin, backend="accounts.authentication.StaffBackend")
    return client, admin


@pytest.fixture
def admin(staff: tuple[Client, User]) -> Client:
    return staff[0]


@pytest.fixture
def ada(staff: tuple[Client, User]) -> User:
    return make_person("ada")


def helper_who_may(permission: str) -> Client:
    """A member of the staff with one permission."""
    helper = make_person("helper", is_staff=True)
    helper.user_permissions.add(Permission.objects.get(codename=permission))
    client = Client()
    client.force_login(helper, backend="accounts.authentication.StaffBackend")
    return client


@pytest.fixture
def rosa(live: Live) -> Browser:
    """The browser of a member of the staff who comes by GitHub."""
    Browser(live, "rosa").sign_in()
    live.manage("grant_staff", "rosa")
    return Browser(live, "rosa")


def act(client: Client, action: str, *people: User, **fields: str) -> Any:
    chosen = {"action": action, "_selected_action": [str(person.pk) for person in people], **fields}
    return client.post("/admin/accounts/user/", chosen, follow=True)


def test_suspending_asks_for_a_reason_and_leaves_an_event(staff: tuple[Client, User]) -> None:
    client, admin = staff
    mallory = make_person("mallory")
    page = act(client, "suspend", mallory)
    assert b'name="reason"' in page.content
    mallory.refresh_from_db()
    assert mallory.standing == "approved"
    refused = act(client, "suspend", mallory, answered="yes", reason=" ").content.decode()
    assert "<title>Error: Suspend" in refused
    assert '<div class="errornote" role="alert" tabindex="-1" autofocus>' in refused
    assert '<a href="#id_reason">Reason: This field is required.</a>' in refused
    act(client, "suspend", mallory, answered="yes", reason="spam <script>")
    mallory.refresh_from_db()
    assert (mallory.standing, mallory.standing_reason) == ("suspended", "spam <script>")
    event = Event.objects.get(kind="person.standing_changed")
    assert (event.user_id, event.actor_id, event.detail["reason"]) == (mallory.pk, admin.pk, "spam <script>")
    assert b"spam <script>" not in client.get(f"/admin/accounts/user/{mallory.pk}/change/").content


@pytest.mark.parametrize(("action", "before"), [("approve", "pending"), ("reinstate", "suspended")])
def test_people_are_approved_and_reinstated(staff: tuple[Client, User], action: str, before: str) -> None:
    client, admin = staff
    ada = make_person("ada", standing=before)
    act(client, action, ada)
    ada.refresh_from_db()
    assert ada.standing == "approved"
    assert Event.objects.get(kind="person.standing_changed").actor_id == admin.pk


def test_credits_are_granted_through_the_ledger(admin: Client, ada: User) -> None:
    assert b'name="credits"' in act(admin, "grant_credits_to_people", ada).content
    act(admin, "grant_credits_to_people", ada, answered="yes", credits="7")
    entry = CreditEntry.objects.get(subscription__user=ada)
    assert (entry.amount, entry.reason, entry.balance_after) == (7, "grant", 7)


def test_somebody_becomes_a_host(admin: Client, ada: User) -> None:
    assert b" is a host." in act(admin, "make_hosts", ada).content
    ada.refresh_from_db()
    assert ada.is_host
    assert Event.objects.filter(user_id=ada.pk).latest("id").actor_id is not None


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("tokens/session", "Signed-in devices"),
        ("tokens/personalaccesstoken", "Access tokens"),
        ("bookings/slot", "Sessions"),
    ],
)
def test_things_have_the_names_that_people_read_in_the_portal(admin: Client, path: str, name: str) -> None:
    assert f'<a href="/admin/{path}/">{name}</a>' in admin.get("/admin/").content.decode()


@pytest.mark.parametrize(
    "name", ["slot", "booking", "subscription", "creditentry", "waitlistentry", "availabilityrule"]
)
def test_the_lists_of_bookings_are_searched_by_login_and_id(admin: Client, ada: User, name: str) -> None:
    act(admin, "grant_credits_to_people", ada, answered="yes", credits="3")
    entry = CreditEntry.objects.get(subscription__user=ada)
    ids = {"subscription": entry.subscription_id, "creditentry": entry.id}
    for words in ("ADA", str(ids.get(name, ada.pk)), "nobody", "%"):
        answer = admin.get(f"/admin/bookings/{name}/", {"q": words})
        assert answer.status_code == 200
        found = name in ids and words not in {"nobody", "%"}
        assert answer.context["cl"].result_count == found, (name, words)


def test_staff_without_the_permission_look_and_change_nothing(ada: User) -> None:
    client = helper_who_may("view_user")
    assert client.get("/admin/accounts/user/").status_code == 200
    for action in ("suspend", "sign_out_everywhere", "grant_credits_to_people"):
        act(client, action, ada, answered="yes", reason="x", credits="1")
    ada.refresh_from_db()
    assert ada.standing == "approved"
    assert not Event.objects.exclude(kind="staff.signed_in").exists()
    assert client.get("/admin/tokens/session/").status_code == 403


def test_nothing_is_edited_by_a_form(admin: Client, ada: User) -> None:
    for model in ("user", "event"):
        assert admin.get(f"/admin/accounts/{model}/add/").status_code == 403
    changes = {"change": {"login": "eve", "is_superuser": "on"}, "delete": {"post": "yes"}}
    for action, fields in changes.items():
        assert admin.post(f"/admin/accounts/user/{ada.pk}/{action}/", fields).status_code == 403
    assert admin.get("/admin/social_django/usersocialauth/").status_code == 404


def test_a_password_is_guessed_only_so_often(staff: tuple[Client, User], settings: Any) -> None:
    settings.THROTTLE_SCALE = 0.3
    guesses = [{"username": f"root{number}", "password": "wrong"} for number in range(4)]
    answers = [Client().post("/admin/login/", guess, REMOTE_ADDR="203.0.113.5") for guess in guesses]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert int(answers[-1]["Retry-After"]) > 0
    elsewhere = Client()
    right = {"username": "root", "password": PASSWORD, "next": "/admin/"}
    assert elsewhere.post("/admin/login/", right, REMOTE_ADDR="203.0.113.6").status_code == 302
    assert elsewhere.get("/admin/").status_code == 200


def test_a_suspended_member_of_the_staff_is_out_at_once(staff: tuple[Client, User]) -> None:
    client, admin = staff
    User.objects.filter(pk=admin.pk).update(standing="suspended")
    assert client.get("/admin/").status_code == 302
    assert not client.login(username="root", password=PASSWORD)


def test_staff_sign_in_with_github_and_others_do_not(live: Live, rosa: Browser) -> None:
    wanted = rosa.get(f"{live.backend_url}/admin/accounts/user/")
    page = rosa.get(f"{live.backend_url}{wanted.headers['location']}")
    assert "/admin/login/github/?next=%2Fadmin%2Faccounts%2Fuser%2F" in page.text
    begin = f"{live.backend_url}/admin/login/github/?next=/admin/accounts/user/"
    came_back = rosa.follow(rosa.get(begin), until=f"{live.backend_url}/admin/accounts")
    assert came_back.url.path == "/admin/login/github/return/"
    page = rosa.get(f"{live.backend_url}{came_back.headers['location']}")
    assert (page.status_code, "Welcome, <strong>rosa</strong>." in page.text) == (200, True)

    mallory = Browser(live, "mallory")
    refused = mallory.follow(mallory.get(begin), until="never")
    assert refused.status_code == 403
    assert "not among them" in refused.text
    assert mallory.get(f"{live.backend_url}/admin/").status_code == 302


@pytest.mark.parametrize("path", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"])
def test_after_github_nobody_is_sent_to_another_site(live: Live, rosa: Browser, path: str) -> None:
    first = rosa.http.get(f"{live.backend_url}/admin/login/github/", params={"next": path})
    back = rosa.follow(first, until=f"{live.backend_url}/admin/login/github/return/")
    assert rosa.get(urljoin(str(back.url), back.headers["location"])).headers["location"] == "/admin/"


def test_the_flows_of_staff_and_clients_are_not_interchanged(live: Live) -> None:
    browser = Browser(live, "rosa")
    begin = f"{live.backend_url}/admin/login/github/"
    until = f"{live.backend_url}/admin/login/github/return/"
    staff_return = browser.follow(browser.get(begin), until=until).headers["location"]
    flow = staff_return.partition("flow=")[2]
    assert browser.get(f"{live.backend_url}/oauth/authorize?flow={flow}").status_code == 400
    client_return = browser.follow(browser.authorize(), until=f"{live.backend_url}/oauth/authorize?flow=")
    other = client_return.headers["location"].partition("flow=")[2]
    assert browser.get(f"{until}?flow={other}").status_code == 403
    assert browser.get(f"{live.backend_url}/admin/").status_code == 302


def test_signing_out_everywhere_is_immediate(live: Live, rosa: Browser) -> None:
    tokens = Browser(live, "edsger").sign_in()
    begin = f"{live.backend_url}/admin/login/github/?next=/admin/accounts/user/%3Fq=edsger"
    rosa.follow(rosa.get(begin), until=f"{live.backend_url}/admin/accounts")
    page = rosa.get(f"{live.backend_url}/admin/accounts/user/?q=edsger")
    person = call(live, "/me", tokens.access).json()["id"]
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    form = {"action": "sign_out_everywhere", "_selected_action": person, "csrfmiddlewaretoken": token and token[1]}
    asked = rosa.http.post(f"{live.backend_url}/admin/accounts/user/", data=form)
    assert (asked.status_code, "signed out at once" in asked.text) == (200, True)
    assert call(live, "/me", tokens.access).status_code == 200, "nothing ends before the answer"
    form["answered"] = "yes"
    assert rosa.http.post(f"{live.backend_url}/admin/accounts/user/", data=form).status_code == 302
    assert call(live, "/me", tokens.access).status_code == 401
    assert refresh(live, tokens.refresh).status_code == 400


def test_who_may_only_look_at_jobs_neither_retries_nor_ends_them(admin: Client) -> None:
    looking = helper_who_may("view_procrastinatejob")
    job_id = app.configure_task("bookings.send_notice", schedule_in={"days": 1}).defer(kind="none")
    address, chosen = "/admin/procrastinate/procrastinatejob/", {"action": "cancel", "_selected_action": [str(job_id)]}
    assert b'value="cancel"' not in looking.get(address).content
    looking.post(address, chosen)
    assert app.job_manager.get_job_status(job_id).value == "todo"
    admin.post(address, chosen)
    assert app.job_manager.get_job_status(job_id).value == "cancelled"
