"""Who is asking: the tokens that came with a request, and what its answer must do to the browser's cookies."""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase

from portal import client, cookies
from portal.errors import AccessRefused, InvalidGrant, Problem, SignedOut, SignInNeeded

_BLOCKED = {"account_pending": "account_pending", "account_suspended": "account_suspended"}
_ID = re.compile(r"[0-9a-fA-F-]{36}")


class Visitor:
    """One browser during one request. It refreshes at most once, and only when a page needs the backend."""

    def __init__(self, request: HttpRequest, caller: client.Caller) -> None:
        self.caller = caller
        self.access_token = cookies.find_access_token(request)
        self.refresh_token = cookies.find_refresh_token(request)
        self.is_host = self._was_host = cookies.is_host(request)
        self._note = cookies.find_note(request)
        self._note_is_shown = False
        self._renewed: cookies.Tokens | None = None
        self._forgotten = False

    @property
    def has_tokens(self) -> bool:
        """Whether the browser brought anything that may be a sign-in; only the backend knows whether it is one."""
        return bool(self.access_token or self.refresh_token)

    @property
    def fingerprint(self) -> str:
        """Names the refresh token without telling it; empty when there is none."""
        return client.keyed_digest("fingerprint:", self.refresh_token)[:16] if self.refresh_token else ""

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """One resource of the API. Raises any PortalError."""
        return self._call("GET", path, query=query)

    def fetch_parts(self, **paths: str) -> dict[str, Any]:
        """Several resources in one call: for each name its `status` and `body`. Raises any PortalError."""
        return self._call("GET", "/batch", query=paths)

    def fetch(self, **paths: str) -> dict[str, Any]:
        """Several resources in one call, by name. Raises any PortalError; a refused part is its Problem."""
        parts = self.fetch_parts(**paths)
        for name in paths:
            if parts[name]["status"] >= 400:
                raise _problem_of(parts[name])
        return {name: parts[name]["body"] for name in paths}

    def send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, idempotency_key: str = ""
    ) -> dict[str, Any]:
        """A change through the API. Raises any PortalError."""
        return self._call(method, path, body=body, idempotency_key=idempotency_key)

    def _call(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        call = partial(client.call_api, method, path, caller=self.caller, **more)
        fresh = self.access_token is None
        try:
            return call(access_token=self.access_token or self._refresh())
        except AccessRefused:
            if fresh:
                raise self._signed_out() from None
        try:
            return call(access_token=self._refresh())
        except AccessRefused:
            raise self._signed_out() from None

    def _refresh(self) -> str:
        if not self.refresh_token:
            raise self._signed_out() if self.access_token else SignInNeeded
        try:
            tokens = client.refresh_tokens(refresh_token=self.refresh_token, caller=self.caller)
        except InvalidGrant as refusal:
            if refusal.reason in _BLOCKED:
                self.forget()
                raise Problem(status=403, code=refusal.reason) from None
            raise self._signed_out() from None
        self.keep(tokens)
        return tokens.access

    def _signed_out(self) -> SignedOut:
        return SignedOut(self.fingerprint)

    def keep(self, tokens: cookies.Tokens) -> None:
        """Hold new tokens, and give them to the browser with the answer, whatever the answer will be."""
        self.access_token, self.refresh_token = tokens.access, tokens.refresh
        self._renewed, self._forgotten = tokens, False

    def forget(self) -> None:
        """Drop the tokens here and in the browser."""
        self.access_token = self.refresh_token = self._renewed = None
        self._forgotten = True

    def take_note(self, path: str) -> dict[str, Any]:
        """What a redirect to `path` had to say, for this page to show, once; empty when there is nothing."""
        if not self._note or self._note.get("for") != path:
            return {}
        self._note_is_shown = True
        return self._note

    def write_cookies(self, response: HttpResponseBase) -> None:
        """Carry out what `keep` or `forget` decided, and remember what the page has said."""
        if self._note_is_shown:
            cookies.delete_note(response)
        if self._forgotten:
            cookies.delete_tokens(response)
            return
        if self._renewed:
            cookies.set_tokens(response, self._renewed)
        if self.is_host != self._was_host:
            cookies.set_host(response, self.is_host)


class PortalRequest(HttpRequest):
    """A request after the middleware: it knows its visitor."""

    visitor: Visitor


def with_query(path: str, **query: str | None) -> str:
    """`path` with the parameters that are not empty."""
    given = {name: value for name, value in query.items() if value}
    if not given:
        return path
    return f"{path}{'&' if '?' in path else '?'}{urlencode(given)}"


def _problem_of(part: Mapping[str, Any]) -> Problem:
    body = part["body"] if isinstance(part["body"], dict) else {}
    return Problem(status=part["status"], code=str(body.get("code", "")), detail=str(body.get("detail", "")))
