"""A browser and an app in one, speaking to the stand-in over HTTP."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from urllib.parse import parse_qsl, urlsplit

import httpx

CALLBACK = "http://127.0.0.1:8000/auth/complete/github/"
CLIENT = {"client_id": "insighta-development", "client_secret": "development-only-github-client-secret"}


class Visitor:
    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def ask(self, **parameters: str) -> httpx.Response:
        """Open the page that asks who signs in."""
        request = {"client_id": CLIENT["client_id"], "redirect_uri": CALLBACK, "state": "s t&e", **parameters}
        return self.http.get("/login/oauth/authorize", params=request)

    def answer(self, login: str, **parameters: str) -> httpx.Response:
        """Send the form of that page."""
        request = {"client_id": CLIENT["client_id"], "redirect_uri": CALLBACK, "scope": "read:user user:email"}
        return self.http.post(
            "/login/oauth/authorize", data={**request, "state": "s t&e", "login": login, **parameters}
        )

    def code(self, login: str, **parameters: str) -> str:
        """A code that lets the app sign in `login`."""
        return returned(self.answer(login, **parameters))["code"]

    def exchange(self, code: str, **parameters: str) -> httpx.Response:
        """Send a code to the token endpoint, asking for JSON."""
        body = {**CLIENT, "code": code, "redirect_uri": CALLBACK, **parameters}
        return self.http.post("/login/oauth/access_token", data=body, headers={"Accept": "application/json"})

    def token(self, login: str, **parameters: str) -> str:
        """An access token of `login`."""
        return str(self.exchange(self.code(login, **parameters)).json()["access_token"])

    def get(self, path: str, token: str, scheme: str = "Bearer") -> httpx.Response:
        return self.http.get(path, headers={"Authorization": f"{scheme} {token}"})

    def break_endpoint(self, **fault: object) -> None:
        self.http.post("/_sandbox/faults", json=fault).raise_for_status()

    def describe(self, **person: object) -> None:
        self.http.post("/_sandbox/people", json=person).raise_for_status()


def returned(response: httpx.Response) -> dict[str, str]:
    """What a redirect carries back to the app."""
    assert response.status_code == 302, response.text
    assert response.headers["Location"].startswith(CALLBACK + "?")
    return dict(parse_qsl(urlsplit(response.headers["Location"]).query))


def challenge(verifier: str) -> str:
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
