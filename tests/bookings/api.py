"""The API as a person uses it: Django's test client with a bearer token."""

import json
from typing import Any

from django.test import Client
from django.utils import timezone

from accounts.models import User
from tokens.services.personal_tokens import add_token

EVERYTHING = frozenset({"bookings:read", "bookings:write"})


class Caller:
    """One person's calls; each answer is checked to be JSON with the media type that goes with its status."""

    def __init__(self, person: User, scopes: frozenset[str] = EVERYTHING) -> None:
        _, secret = add_token(user_id=person.id, name="tests", scopes=scopes, expires_at=None, now=timezone.now())
        self.client = Client(headers={"Authorization": f"Bearer {secret}"})

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """The body of a 200."""
        return self._body(self.client.get(_address(path), query), 200)

    def post(self, path: str, body: Any = None, *, status: int = 200, **headers: str) -> dict[str, Any]:
        """The body of an answer with that status."""
        response = self.client.post(_address(path), body or {}, content_type="application/json", headers=headers)
        return self._body(response, status)

    def patch(self, path: str, body: Any) -> dict[str, Any]:
        """The body of a 200."""
        return self._body(self.client.patch(_address(path), body, content_type="application/json"), 200)

    def put(self, path: str, body: Any, *, status: int = 200) -> dict[str, Any]:
        """The body of an answer with that status."""
        return self._body(self.client.put(_address(path), body, content_type="application/json"), status)

    def delete(self, path: str, *, status: int = 204) -> dict[str, Any]:
        return self._body(self.client.delete(_address(path)), status)

    def refused(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        """Status and code of a problem."""
        send = getattr(self.client, method.lower())
        options = {} if method == "GET" else {"content_type": "application/json"}
        response = send(_address(path), body or {}, headers=headers, **options)
        problem = self._body(response, response.status_code)
        assert response["Content-Type"] == "application/problem+json"
        assert {"type", "title", "status", "detail", "code"} <= problem.keys()
        return response.status_code, problem["code"]

    @staticmethod
    def _body(response: Any, status: int) -> dict[str, Any]:
        assert response.status_code == status, response.content
        return json.loads(response.content) if response.content else {}


def _address(path: str) -> str:
    return path if path.startswith("http") else f"/api/v1{path}"
