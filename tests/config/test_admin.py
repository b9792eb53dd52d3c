"""The admin at its door: actions through the services, lists that stay quick, staff who come by password or GitHub."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Event, User
from bookings.models import CreditEntry
from tests.people import Browser, call, refresh
from tests.processes import Live

PEOPLE = 100_000
PASSWORD = "correct horse battery staple"


def make_person(login: str, **fields: object) -> User:
    return User.objects.create(login=login, github_id=abs(hash(login)) % 10**9, **fields)


@pytest.fixture
def staff(transactional_db: None) -> tuple[Client, User]:
    """A member of the staff in the admin, in a database where transactions really commit."""
    cache.clear()
    admin = get_user_model().objects.create_superuser("root", PASSWORD)
    client = Client()
    client.force_login(admin, backend="accounts.authentication.StaffBackend")
    return client, admin


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
    assert b"This field is required" in act(client, "suspend", mallory, answered="yes", reason=" ").content
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


def test_credits_are_granted_through_the_ledger(staff: tuple[Client, User]) -> None:
    client, _admin = staff
    ada = make_person("ada")
    assert b'name="credits"' in act(client, "grant_credits_to_people", ada).content
    act(client, "grant_credits_to_people", ada, answered="yes", credits="7")
    entry = CreditEntry.objects.get(subscription__user=ada)
    assert (entry.amount, entry.reason, entry.balance_after) == (7, "grant", 7)


@pytest.mark.parametrize(
    "name", ["slot", "booking", "subscription", "creditentry", "waitlistentry", "availabilityrule"]
)
def test_the_lists_of_bookings_are_searched_by_login_and_id(staff: tuple[Client, User], name: str) -> None:
    client, _admin = staff
    ada = make_person("ada")
    act(client, "grant_credits_to_people", ada, answered="yes", credits="3")
    entry = CreditEntry.objects.get(subscription__user=ada)
    ids = {"subscription": entry.subscription_id, "creditentry": entry.id}
    for words in ("ADA", str(ids.get(name, ada.pk)), "nobody", "%"):
        answer = client.get(f"/admin/bookings/{name}/", {"q": words})
        assert answer.status_code == 200
        found = name in ids and words not in {"nobody", "%"}
        assert answer.context["cl"].result_count == found, (name, words)


def test_staff_without_the_permission_look_and_change_nothing(staff: tuple[Client, User]) -> None:
    ada, helper = make_person("ada"), make_person("helper", is_staff=True)
    helper.user_permissions.add(Permission.objects.get(codename="view_user"))
    client = Client()
    client.force_login(helper, backend="accounts.authentication.StaffBackend")
    assert client.get("/admin/accounts/user/").status_code == 200
    for action in ("suspend", "sign_out_everywhere", "grant_credits_to_people"):
        act(client, action, ada, answered="yes", reason="x", credits="1")
    ada.refresh_from_db()
    assert ada.standing == "approved"
    assert not Event.objects.exists()
    assert client.get("/admin/tokens/session/").status_code == 403


def test_nothing_is_edited_by_a_form(staff: tuple[Client, User]) -> None:
    client, _admin = staff
    ada = make_person("ada")
    for model in ("user", "event"):
        assert client.get(f"/admin/accounts/{model}/add/").status_code == 403
    answer = client.post(f"/admin/accounts/user/{ada.pk}/change/", {"login": "eve", "is_superuser": "on"})
    assert answer.status_code == 403
    assert client.post(f"/admin/accounts/user/{ada.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.get("/admin/social_django/usersocialauth/").status_code == 404


def test_a_password_is_guessed_only_so_often(staff: tuple[Client, User], settings: Any) -> None:
    settings.THROTTLE_SCALE = 0.3
    guess = {"username": "root", "password": "wrong"}
    answers = [Client().post("/admin/login/", guess, REMOTE_ADDR="203.0.113.5") for _ in range(4)]
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


@pytest.fixture
def crowd(staff: tuple[Client, User]) -> Client:
    """A hundred thousand people with as many events, made by the database."""
    with connection.cursor() as cursor:
        cursor.execute(_CROWD, {"n": PEOPLE})
        cursor.execute(_EVENTS, {"n": PEOPLE})
        cursor.execute("ANALYZE accounts_user, accounts_event")
    return staff[0]


_ID = "('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"
_CROWD = f"""
INSERT INTO accounts_user (id, github_id, login, display_name, email, email_notifications, avatar_url, time_zone,
    is_active, standing, standing_reason, is_host, is_staff, is_superuser, password)
SELECT {_ID}, n, 'person' || n, '', 'person' || n || '@example.test', true, '', 'UTC',
    n %% 1000 <> 0, CASE WHEN n %% 500 = 0 THEN 'suspended' ELSE 'approved' END, '',
    n %% 700 = 0, n %% 9000 = 0, false, ''
  FROM generate_series(1, %(n)s) AS n
"""
_EVENTS = f"""
INSERT INTO accounts_event (id, kind, user_id, client_id, detail, created_at)
SELECT {_ID}, CASE WHEN n %% 1000 = 0 THEN 'session.replayed' ELSE 'session.opened' END, {_ID}, '', '{{}}',
    now() - (%(n)s - n) * interval '1 minute'
  FROM generate_series(1, %(n)s) AS n
"""
_SOMEBODY = "01900000-0000-7000-8000-00000000abcd"


def test_every_list_search_and_filter_reads_few_rows(crowd: Client) -> None:
    addresses = [
        "accounts/user/",
        "accounts/user/?p=3",
        "accounts/user/?q=person77",
        "accounts/user/?q=person4242@example",
        "accounts/user/?q=nobody",
        f"accounts/user/?q={_SOMEBODY}",
        "accounts/user/?standing__exact=suspended",
        "accounts/user/?is_active__exact=0",
        "accounts/user/?is_host__exact=1",
        "accounts/user/?is_staff__exact=1",
        "accounts/event/",
        "accounts/event/?kind=session.replayed",
        f"accounts/event/?q={_SOMEBODY}",
        f"accounts/event/?user_id__exact={_SOMEBODY}",
        "accounts/event/?q=person500",
    ]
    for address in addresses:
        with CaptureQueriesContext(connection) as queries:
            answer = crowd.get(f"/admin/{address}")
        assert answer.status_code == 200, address
        assert len(queries) < 12, address
        for query in queries:
            assert _rows_read(query["sql"]) <= PEOPLE / 4, (address, query["sql"])
    assert b"person77" in crowd.get("/admin/accounts/user/?q=person77").content
    assert _SOMEBODY.encode() in crowd.get(f"/admin/accounts/event/?q={_SOMEBODY}").content


def _rows_read(sql: str) -> int:
    """The most rows that any scan looked at; one that stops where the page is full has looked at a part only."""
    if not sql.startswith(("SELECT", "WITH", "\nWITH")):
        return 0
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) " + sql)
        answer = cursor.fetchone()[0]
    plan = answer if isinstance(answer, list) else json.loads(answer)
    return max(_scans(plan[0]["Plan"]), default=0)


def _scans(node: dict[str, Any]) -> Iterator[int]:
    if "Scan" in node["Node Type"]:
        yield int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
    for inner in node.get("Plans", []):
        yield from _scans(inner)


def test_staff_sign_in_with_github_and_others_do_not(live: Live) -> None:
    Browser(live, "rosa").sign_in()
    live.manage("grant_staff", "rosa")
    rosa = Browser(live, "rosa")
    wanted = rosa.get(f"{live.backend_url}/admin/accounts/user/")
    page = rosa.get(f"{live.backend_url}{wanted.headers['location']}")
    assert "/admin/login/github/?next=%2Fadmin%2Faccounts%2Fuser%2F" in page.text
    begin = f"{live.backend_url}/admin/login/github/?next=/admin/accounts/user/"
    came_back = rosa.follow(rosa.get(begin), until=f"{live.backend_url}/admin/accounts")
    assert came_back.url.path == "/admin/login/github/return/"
    assert rosa.get(f"{live.backend_url}{came_back.headers['location']}").status_code == 200

    mallory = Browser(live, "mallory")
    refused = mallory.follow(mallory.get(begin), until="never")
    assert refused.status_code == 403
    assert "not among them" in refused.text
    assert mallory.get(f"{live.backend_url}/admin/").status_code == 302


@pytest.mark.parametrize("path", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"])
def test_after_github_nobody_is_sent_to_another_site(live: Live, path: str) -> None:
    browser = Browser(live, "rosa")
    browser.sign_in()
    live.manage("grant_staff", "rosa")
    first = browser.http.get(f"{live.backend_url}/admin/login/github/", params={"next": path})
    back = browser.follow(first, until=f"{live.backend_url}/admin/login/github/return/")
    assert browser.get(urljoin(str(back.url), back.headers["location"])).headers["location"] == "/admin/"


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


def test_signing_out_everywhere_is_immediate(live: Live) -> None:
    tokens = Browser(live, "edsger").sign_in()
    Browser(live, "rosa").sign_in()
    live.manage("grant_staff", "rosa")
    rosa = Browser(live, "rosa")
    begin = f"{live.backend_url}/admin/login/github/?next=/admin/accounts/user/%3Fq=edsger"
    rosa.follow(rosa.get(begin), until=f"{live.backend_url}/admin/accounts")
    page = rosa.get(f"{live.backend_url}/admin/accounts/user/?q=edsger")
    person = call(live, "/me", tokens.access).json()["id"]
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    form = {"action": "sign_out_everywhere", "_selected_action": person, "csrfmiddlewaretoken": token and token[1]}
    assert rosa.http.post(f"{live.backend_url}/admin/accounts/user/", data=form).status_code == 302
    assert call(live, "/me", tokens.access).status_code == 401
    assert refresh(live, tokens.refresh).status_code == 400
