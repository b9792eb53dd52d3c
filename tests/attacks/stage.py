"""The portal and its backend as processes, and browsers of eleven kinds of people in front of them."""

import json
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.accounts.github import fresh
from tests.attacks.matrix import Row
from tests.people import NO_CERTIFICATES, Browser, Pkce, call, redeem
from tests.processes import Live
from tests.tokens.device import Device
from tests.tokens.in_process import EVERY_SCOPE

CSRF = "c" * 32
NAME, TOKEN_NAME = "Ada Lovelace of the matrix", "token of the matrix"
REFUSED = {"anonymous", "pending", "suspended", "expired", "revoked"}
PREPARE = """
from accounts.services import people, roles
from bookings.services import credits
from tests.tokens.in_process import make_person
for user_id in {hosts}: people.mark_host(user_id=user_id, is_host=True)
for user_id in {rich}: credits.grant_credits(user_id=user_id, credits=300)
roles.grant_staff(user_id={staff!r})
# Nothing takes the last administrator's account.
roles.grant_staff(user_id=make_person("administrator").id)
"""

BEGIN_EARLIER = (
    """
UPDATE bookings_slot SET starts_at = %(start)s, ends_at = %(start)s + interval '1 hour', bookings_close_at = %(start)s
WHERE id = %(slot)s
""",
    """
UPDATE bookings_booking SET scheduled_start_time = %(start)s, scheduled_end_time = %(start)s + interval '1 hour',
created_at = %(start)s - interval '1 day' WHERE id = %(booking)s
""",
)


def arrive(live: Live, login: str) -> dict[str, str]:
    """The cookies of a browser in which this person has signed in at the portal."""
    person = Browser(live, login)
    callback = f"{live.portal_url}/auth/callback"
    person.get(person.follow(person.get(f"{live.portal_url}/login"), until=callback).headers["location"])
    return {name: person.http.cookies[name] for name in ("insighta_at", "insighta_rt")}


@dataclass
class Stage:
    """The people by column; what rows speak of is made when it is first needed, and again when it is used up."""

    live: Live
    logins: dict[str, str] = field(default_factory=dict)
    browsers: dict[str, httpx.Client] = field(default_factory=dict)
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    scripts: dict[str, str] = field(default_factory=dict)
    objects: dict[str, str] = field(default_factory=dict)
    hours: int = 0
    narrow: tuple[float, str] = (0, "")

    def open(self) -> "Stage":
        for column in ("other", "owner", "host", "other_host", "pending", "suspended", "staff", "filler"):
            self._sign_in(column)
        for column in ("expired", "revoked"):
            self.cookies[column] = arrive(self.live, self.logins["owner"])
        prepared = PREPARE.format(
            hosts=[self.ids["host"], self.ids["other_host"]],
            rich=[self.ids["owner"], self.ids["filler"]],
            staff=self.ids["staff"],
        )
        self.live.manage("shell", "-v0", "-c", prepared)
        self._put_out()
        self.api("owner", "PATCH", "/me", {"display_name": NAME})
        return self

    def _sign_in(self, column: str) -> None:
        login = self.logins.setdefault(column, fresh(column.replace("_", "")))
        cookies = self.cookies[column] = arrive(self.live, login)
        self.ids[column] = call(self.live, "/me", cookies["insighta_at"]).json()["id"]
        body = {"name": "script", "scopes": EVERY_SCOPE.split()}
        made = call(self.live, "/personal-access-tokens", cookies["insighta_at"], "POST", json=body)
        self.scripts[column] = made.json()["token"]
        self.browsers[column] = self.browser(cookies)

    def sign_owner_in_again(self) -> None:
        """After a test that has ended all of the owner's sign-ins: others of this module still need one."""
        self.cookies["owner"] = arrive(self.live, self.logins["owner"])
        self.browsers["owner"] = self.browser(self.cookies["owner"])
        self.narrow = (-1e9, "")

    def _put_out(self) -> None:
        call(self.live, f"/sessions/{self._session('revoked')}", self.scripts["owner"], "DELETE")
        with self.live.connect() as connection:
            for column in ("pending", "suspended"):
                query = "UPDATE accounts_user SET standing = %s WHERE id = %s"
                connection.execute(query, [column, self.ids[column]])
            query = "UPDATE tokens_session SET expires_at = now() - interval '1 minute' WHERE id = %s"
            connection.execute(query, [self._session("expired")])

    def _session(self, column: str) -> str:
        return self._current_session(self.cookies[column]["insighta_at"])

    def _current_session(self, token: str) -> str:
        found = call(self.live, "/sessions", token).json()["results"]
        return next(str(one["id"]) for one in found if one["current"])

    def browser(self, cookies: dict[str, str]) -> httpx.Client:
        client = httpx.Client(base_url=self.live.portal_url, timeout=120, verify=NO_CERTIFICATES)
        for name, value in ({"insighta_csrf": CSRF} | cookies).items():
            client.cookies.set(name, value, domain="localhost.local", path="/")
        return client

    def browser_of(self, column: str) -> httpx.Client:
        """The browser of a column. Those who are refused bring the same cookies every time."""
        if column == "no_scope":
            return self.browser({"insighta_at": self._narrow_token()})
        return self.browser(self.cookies.get(column, {})) if column in REFUSED else self.browsers[column]

    def _narrow_token(self) -> str:
        """An access token of Ada's that may read her account and nothing else, young enough for one more request."""
        made_at = self.narrow[0]
        if time.monotonic() - made_at > 60:
            pkce = Pkce()
            code = Browser(self.live, self.logins["owner"]).answer(pkce=pkce, scope="account:read")["code"]
            self.narrow = time.monotonic(), redeem(self.live, code, pkce).json()["access_token"]
        return self.narrow[1]

    def api(self, column: str, method: str, path: str, body: Any = None) -> Any:
        """What a person's script does at the backend."""
        answer = call(self.live, path, self.scripts[column], method, json=body)
        assert answer.is_success, (path, answer.text)
        return answer.json() if answer.content else None

    def fill(self, text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda match: self.need(match[1]), text)

    def need(self, name: str) -> str:
        if name not in self.objects:
            made = getattr(self, f"_make_{name}")()
            self.objects |= made if isinstance(made, dict) else {name: made}
        return self.objects[name]

    def another(self, name: str) -> str:
        self.objects.pop(name, None)
        return self.need(name)

    def _make_slot(self) -> dict[str, str]:
        slot = self._new_slot()
        return {"slot": slot, "booking": self._book("owner", slot)}

    _make_booking = _make_slot

    def _make_missed(self) -> dict[str, str]:
        begun = self._new_slot()
        missed = self._book("owner", begun)
        given = {"start": datetime.now(UTC) - timedelta(hours=2 * self.hours), "slot": begun, "booking": missed}
        with self.live.connect() as connection:
            for statement in BEGIN_EARLIER:
                connection.execute(statement, given)
        return {"begun": begun, "missed": missed}

    _make_begun = _make_missed

    def _make_free(self) -> str:
        return self._new_slot()

    def _make_full(self) -> str:
        slot = self._new_slot(capacity=1)
        self._book("filler", slot)
        self.api("owner", "POST", f"/slots/{slot}/waitlist")
        return slot

    def _make_offering(self) -> str:
        return str(self.api("host", "POST", "/offerings", {"title": "Offered", "minutes": 60})["id"])

    def _make_rule(self) -> str:
        self.hours += 1
        day = datetime.now(UTC).date() + timedelta(days=400 + self.hours)
        return str(self.api("host", "POST", "/availability-rules", {"kind": "day_off", "date": f"{day}"})["id"])

    def _make_session(self) -> str:
        token = arrive(self.live, self.logins["owner"])["insighta_at"]
        return self._current_session(token)

    def _make_token(self) -> str:
        body = {"name": TOKEN_NAME, "scopes": ["account:read"]}
        answer = call(
            self.live,
            "/personal-access-tokens",
            arrive(self.live, self.logins["owner"])["insighta_at"],
            "POST",
            json=body,
        )
        return str(answer.json()["id"])

    def _make_publisher(self) -> str:
        self.hours += 1
        body = {"repository": f"matrix/{self.hours}", "workflow": "ci.yml", "scopes": ["account:read"]}
        token = arrive(self.live, self.logins["owner"])["insighta_at"]
        return str(call(self.live, "/trusted-publishers", token, "POST", json=body).json()["id"])

    def _make_code(self) -> str:
        return Device.begin(self.live).user_code

    def _make_wiki(self) -> str:
        """An application that nobody has allowed anything: withdrawing is answered as done."""
        return "wiki"

    def _make_login(self) -> str:
        return self.logins["host"]

    def _make_host(self) -> str:
        return self.ids["host"]

    def _new_slot(self, capacity: int = 3) -> str:
        """A slot beside whatever the host's weekly hours, which other rows add, have opened already."""
        while True:
            self.hours += 1
            begin = datetime.now(UTC) + timedelta(days=3, hours=2 * self.hours)
            times = {"starts_at": begin.isoformat(), "ends_at": (begin + timedelta(hours=1)).isoformat()}
            body = {"title": "Of the matrix", "capacity": capacity, **times}
            answer = call(self.live, "/slots", self.scripts["host"], "POST", json=body)
            if answer.status_code != 409:
                return str(answer.json()["id"])

    def _book(self, column: str, slot: str) -> str:
        return str(self.api(column, "POST", "/bookings", {"slot_id": slot})["id"])

    def ask(self, row: Row, column: str) -> str:
        """The cell as it is: the status or the table's word, with a `+` where the page shows something of Ada's."""
        response = self.send(row, column)
        cell = f"{response.status_code}{'+' if self._shows_ada(response.text, row) else ''}"
        to = response.headers.get("location", "")
        if self._is_refused(row, column, response):
            return "back"
        if row.method == "POST" and response.is_redirect:
            self._use_up(row, column, to)
        return "out" if to.startswith(("/signed-out?next", "/signed-out?was")) else cell

    def _is_refused(self, row: Row, column: str, response: httpx.Response) -> bool:
        """Whether the page that a form leads to says what was wrong with it."""
        to = response.headers.get("location", "/signed-out")
        if row.method == "GET" or not response.is_redirect or to.startswith("/signed-out"):
            return False
        return 'class="summary"' in self.browser_of(column).get(to, follow_redirects=True).text

    def _use_up(self, row: Row, column: str, to: str) -> None:
        """What a form that was accepted has changed is made anew when it is needed again."""
        if to.startswith("/signed-out?reason") and column in self.browsers.keys() - REFUSED:
            self._sign_in(column)
        self.narrow = (0, "")
        if row.path == "/settings/deactivate":
            self.objects.clear()
        if row.path == "/settings" and column == "owner":
            self.api("owner", "PATCH", "/me", {"display_name": NAME})
        for name in [*re.findall(r"\{(\w+)\}", row.path + row.body), "booking", "slot", "session"]:
            self.objects.pop(name, None)

    def send(self, row: Row, column: str) -> httpx.Response:
        browser = self.browser_of(column)
        path = self.fill(row.path)
        if row.method == "GET":
            return browser.get(path)
        form = json.loads(self.fill(row.body)) if row.body else {}
        return browser.post(path, data={"csrfmiddlewaretoken": CSRF} | form)

    def _shows_ada(self, page: str, row: Row) -> bool:
        """Whether a page tells something of Ada's, besides what is in its own address."""
        kept = [name for name in ("booking", "missed", "token") if name in self.objects and name not in row.path]
        return any(canary in page for canary in (NAME, TOKEN_NAME, *(self.objects[name] for name in kept)))
