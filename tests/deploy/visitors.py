"""People and terminals outside: they reach nginx by its host names, with TLS, from another address than the portal."""

import ssl
import time
from collections.abc import Callable
from secrets import token_urlsafe
from typing import Any, cast
from urllib.parse import urljoin

import httpx

from tests.deploy.cluster import HOSTS, Cluster
from tests.people import CLI, LOOPBACK, Browser, Pkce
from tests.processes import Live

# nginx believes what 127.0.0.1, the portal's address, says about others; these are others.
OUTSIDE = "127.0.0.2"
REPEAT_SECONDS = 60
"""How long a client repeats a request that got no answer."""


class NamedTransport(httpx.HTTPTransport):
    """Connects to this machine for the cluster's host names, with the name in TLS and in `Host`."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host in HOSTS:
            request = httpx.Request(
                request.method,
                request.url.copy_with(host="127.0.0.1"),
                headers=request.headers,
                stream=request.stream,
                extensions=request.extensions | {"sni_hostname": request.url.host},
            )
        return super().handle_request(request)


class RetryingClient(httpx.Client):
    """A browser of somebody who loads a page again when it says that the service does not answer."""

    def get(self, *arguments: Any, **options: Any) -> httpx.Response:
        return until_answered(lambda: super(RetryingClient, self).get(*arguments, **options))


def http_client(authority: ssl.SSLContext, **options: Any) -> httpx.Client:
    """A client from outside that trusts the cluster's certificate authority and nobody else."""
    return RetryingClient(transport=NamedTransport(verify=authority, local_address=OUTSIDE), timeout=120, **options)


def _name_origin(request: httpx.Request) -> None:
    """As browsers do: a form's request says where the form came from, which here is always the address it goes to."""
    if request.method == "POST":
        request.headers["Origin"] = f"{request.url.scheme}://{request.url.netloc.decode()}"


def trust(cluster: Cluster) -> ssl.SSLContext:
    """What a machine knows that trusts the cluster's certificate authority."""
    return ssl.create_default_context(cafile=cluster.directory / "authority.pem")


def until_answered(send: Callable[[], httpx.Response]) -> httpx.Response:
    """What `send` gives, once it is anything but the word that nobody answers."""
    deadline = time.monotonic() + REPEAT_SECONDS
    while (response := send()).status_code >= 500 and time.monotonic() < deadline:
        time.sleep(0.3)
    return response


class Visitor(Browser):
    """A person in front of a browser, who presses the button of a page that says the sign-in did not finish."""

    def __init__(self, cluster: Cluster, authority: ssl.SSLContext, login: str) -> None:
        # A cluster has what a browser asks of the product: its addresses.
        super().__init__(cast(Live, cluster), login)
        self.http = http_client(authority, event_hooks={"request": [_name_origin], "response": [self._note]})
        self.attempts = 0
        self.steps: list[str] = []

    def _note(self, response: httpx.Response) -> None:
        """For the message of a test that fails: where this browser was, without the secrets of its addresses."""
        self.steps.append(
            f"{response.status_code} {response.request.method} {response.request.url.copy_with(query=None)}"
        )

    def sign_in_at_portal(self) -> bool:
        """Sign in, with up to three attempts; whether the portal's pages know the person then."""
        while self.attempts < 3 and not self.is_signed_in():
            self.attempts += 1
            self.follow(self.get(f"{self.live.portal_url}/login"), until="never")
        return self.is_signed_in()

    def is_signed_in(self) -> bool:
        """Whether the portal shows this person's own pages."""
        has_cookie = any(cookie.name == "__Host-insighta_rt" for cookie in self.http.cookies.jar)
        return has_cookie and self.get(f"{self.live.portal_url}/bookings").status_code == 200

    def terminal(self) -> "Terminal":
        """A terminal in which this person has just signed in."""
        pkce = Pkce()
        code = self.answer(pkce=pkce)["code"]
        terminal = Terminal(self.live.backend_url, self.http)
        grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": LOOPBACK}
        terminal.keep(terminal.post_token(grant | {"code_verifier": pkce.verifier}))
        return terminal


class Terminal:
    """An OAuth client that keeps the protocol: whatever has a key is repeated with it until there is an answer."""

    def __init__(self, backend_url: str, http: httpx.Client) -> None:
        self.backend_url, self.http = backend_url, http
        self.access = self.refresh_token = ""
        self.unanswered = self.cut_off = 0

    def post_token(self, form: dict[str, str], **headers: str) -> httpx.Response:
        address = urljoin(self.backend_url, "/oauth/token")
        return self.http.post(address, data=form | {"client_id": CLI}, headers=headers)

    def keep(self, response: httpx.Response) -> None:
        assert response.status_code == 200, response.text
        answer = response.json()
        self.access, self.refresh_token = answer["access_token"], answer["refresh_token"]

    def refresh(self) -> None:
        """Rotate the refresh token; fails where the terminal has been signed out."""
        key = token_urlsafe(32)
        form = {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
        self.keep(self._until_answered(lambda: self.post_token(form, **{"Idempotency-Key": key})))

    def book(self, slot_id: str) -> str:
        """The id of a new booking."""
        key = token_urlsafe(24)
        made = self._until_answered(lambda: self.call("POST", "/bookings", key=key, json={"slot_id": slot_id}))
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def cancel(self, booking_id: str) -> None:
        """Cancel; where no answer came, the second attempt may find that it was carried out."""
        unanswered = self.unanswered
        done = self._until_answered(lambda: self.call("POST", f"/bookings/{booking_id}/cancel"))
        was_done = self.unanswered > unanswered and done.json().get("code") == "booking_not_active"
        assert done.status_code == 200 or was_done, done.text

    def call(self, method: str, path: str, *, key: str = "", **options: Any) -> httpx.Response:
        """One request of the API, sent once."""
        headers = {"Authorization": f"Bearer {self.access}"} | ({"Idempotency-Key": key} if key else {})
        return self.http.request(method, f"{self.backend_url}/api/v1{path}", headers=headers, **options)

    def _until_answered(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        def counted() -> httpx.Response:
            response = send()
            self.unanswered += response.status_code >= 500
            self.cut_off += response.status_code == 502
            return response

        return until_answered(counted)
