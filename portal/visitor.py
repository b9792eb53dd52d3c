from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.middleware.csrf import rotate_token

from portal import client, cookies
from portal.errors import AccessRefused, InvalidGrant, Problem, SignedOut, SignInNeeded

_BLOCKED = {"account_pending", "account_suspended"}
# Why the backend refuses to renew (the `error_description` of invalid_grant), as the page /signed-out names it.
_ENDINGS = {
    "retry window closed": "window_closed",
    "refresh token reused": "used_twice",
    "retry key mismatch": "used_twice",
    "the session was ended because it was used from two places: somebody may hold a copy, sign in again": "used_twice",
    "session lost, sign in again": "lost",
    "the session has expired, sign in again": "expired",
}


class SeeOther(HttpResponseRedirect):
    """303 to an address of the portal; `note` is what the page there says, once."""

    status_code = 303

    def __init__(self, address: str, **note: Any) -> None:
        super().__init__(address)
        self.note = {name: value for name, value in note.items() if value}


class Visitor:
    """One browser during one request. It refreshes at most once, and only when a page needs the backend."""

    def __init__(self, request: HttpRequest, caller: client.Caller) -> None:
        self.caller = caller
        self._request = request
        self.access_token = cookies.find_access_token(request)
        self.refresh_token = cookies.find_refresh_token(request)
        self.zone = cookies.find_zone(request)
        self.is_host = self._was_host = cookies.is_host(request)
        self._path, self._note = request.path, cookies.find_note(request)
        self._note_is_shown = False
        self._renewed: cookies.Tokens | None = None
        self._forgotten = False

    @property
    def has_tokens(self) -> bool:
        """Whether the browser brought anything that may be a sign-in; only the backend knows whether it is one."""
        return bool(self.access_token or self.refresh_token)

    @property
    def is_reader(self) -> bool:
        """Whether nobody has signed in with this browser, and the public calendar is there to read."""
        return bool(settings.PUBLIC_CALENDAR) and not self.has_tokens

    @property
    def fingerprint(self) -> str:
        """Names the refresh token without telling it; empty when there is none."""
        return client.keyed_digest("fingerprint:", self.refresh_token)[:16] if self.refresh_token else ""

    def get(self, path: str, **query: str | None) -> dict[str, Any]:
        """One resource of the API; a parameter without a value is left out. Raises any PortalError."""
        return self._call("GET", path, query={name: value for name, value in query.items() if value})

    def read(self, path: str, **query: str | None) -> dict[str, Any]:
        """As `get`; of what everybody may see, also for a browser that nobody has signed in with."""
        if not self.is_reader:
            return self.get(path, **query)
        given = {name: value for name, value in query.items() if value}
        try:
            return client.call_api("GET", path, query=given, access_token=None, caller=self.caller)
        except AccessRefused:
            raise SignInNeeded from None
        except Problem as problem:
            # What is not public may be there for who is signed in; nobody else learns whether it is.
            if problem.status == 404:
                raise SignInNeeded from None
            raise

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
            raise SignedOut(self.fingerprint, why=_ENDINGS.get(refusal.reason, "")) from None
        self.keep(tokens)
        return tokens.access

    def _signed_out(self) -> SignedOut:
        return SignedOut(self.fingerprint)

    def keep(self, tokens: cookies.Tokens) -> None:
        """Hold new tokens, and give them to the browser with the answer, whatever the answer will be."""
        self.access_token, self.refresh_token = tokens.access, tokens.refresh
        self._renewed, self._forgotten = tokens, False

    def arrive(self, tokens: cookies.Tokens) -> None:
        """Hold the tokens of a new sign-in; what belonged to the one before ends."""
        self.keep(tokens)
        self._end_of_the_one_before()

    def _end_of_the_one_before(self) -> None:
        """Drop what waits for the next page, and refuse the forms of pages that are open in other tabs."""
        self._note_is_shown = True
        rotate_token(self._request)

    def forget(self) -> None:
        """Drop the tokens here and in the browser, with what belonged to the sign-in."""
        self._end_of_the_one_before()
        self.access_token = self.refresh_token = self._renewed = None
        self._forgotten = True

    def leave_note(self, response: SeeOther) -> bool:
        """Let the page that `response` leads to say its note, to this sign-in alone. False where it is too long."""
        whose = {"for": urlsplit(response.url).path, "of": cookies.sign_in_of(self.access_token)}
        return cookies.set_note(response, response.note | whose)

    def take_note(self) -> dict[str, Any]:
        """What a redirect to this page had to say, for it to show, once; empty when there is nothing.

        A late answer to somebody who has left this browser is not for who came after: call this when the page is read.
        """
        if not self._note or self._note.get("for") != self._path:
            return {}
        if self._note.get("of") != cookies.sign_in_of(self.access_token):
            return {}
        self._note_is_shown = True
        return self._note

    def write_cookies(self, response: HttpResponseBase) -> None:
        """Carry out what `keep` or `forget` decided, and remember what the page has said."""
        if isinstance(response, SeeOther) and response.note:
            self.leave_note(response)
        elif self._note_is_shown:
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
