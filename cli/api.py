import sys
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

from .access_tokens import SIGN_IN_AGAIN, get_access_token, get_account, renew_access_token
from .errors import BackendUnreachable, Problem, SignInNeeded
from .jobs import get_job_token, uses_job
from .problems import advise_scope, read_problem
from .settings import Settings
from .transport import PREFIX, TIMEOUT_SECONDS, Answer, send

LONGEST_PAUSE_SECONDS = 5.0
MOST_PAGES = 100
NO_CONTENT = 204
# What the backend asks for of this command.
UPGRADE_HEADER = "Insighta-Cli-Version"


class Api:
    """The API with a token that is renewed when it has to be.

    Every method raises SignInNeeded, StoreError, BackendUnreachable, UnexpectedAnswer, and Problem for a refusal.
    """

    def __init__(self, settings: Settings, *, timeout: float = TIMEOUT_SECONDS) -> None:
        self._settings = settings
        self._timeout = timeout

    def get(self, path: str, **query: str | None) -> Any:
        """One object."""
        return self._call("GET", _with_query(path, query)).read_json()

    def get_text(self, path: str, media_type: str) -> bytes:
        """The answer as it is. Raises UnexpectedAnswer for another media type."""
        headers = {"Accept": f"{media_type}, application/problem+json"}
        return self._call("GET", path, headers=headers).read_text(media_type)

    def find_person(self) -> dict[str, Any]:
        """The caller (`GET /me`); empty for a token that may not read that."""
        try:
            return dict(self.get("/me"))
        except Problem as problem:
            if not problem.lacks_scope:
                raise
            return {}

    def list(self, path: str, *, most: int | None = None, **query: str | None) -> list[dict[str, Any]]:
        """The items of all pages, or at least `most` of them where there are as many."""
        items: list[dict[str, Any]] = []
        following: str | None = _with_query(path, query)
        for _ in range(MOST_PAGES):
            page = self._call("GET", following or "").read_object()
            items += page.get("results") or []
            following = _own_path(page.get("next"))
            if not following or (most is not None and len(items) >= most):
                break
        return items

    def post(self, path: str, body: Any = None, *, is_keyed: bool = False) -> dict[str, Any]:
        """With an idempotency key, a lost answer is asked for again and nothing is done twice; so is what is busy."""
        headers = {"Idempotency-Key": _make_key()} if is_keyed else {}
        for pause in (0.5, 1.0):
            try:
                return self._call("POST", path, headers=headers, body=body or {}).read_object()
            except BackendUnreachable:
                if not is_keyed:
                    raise
            except Problem as problem:
                # `busy` has done nothing; what `unavailable` has done is known to the key alone.
                if problem.code != "busy" and not (problem.code == "unavailable" and is_keyed):
                    raise
                pause = min(problem.retry_after or pause, LONGEST_PAUSE_SECONDS)
            time.sleep(pause)
        return self._call("POST", path, headers=headers, body=body or {}).read_object()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Whatever the API answers; None where that is nothing."""
        answer = self._call(method, path, body=body)
        return None if answer.status == NO_CONTENT else answer.read_json()

    def delete(self, path: str, **query: str | None) -> None:
        """The object is gone when this returns."""
        self.call("DELETE", _with_query(path, query))

    def _call(self, method: str, path: str, *, headers: dict[str, str] | None = None, body: Any = None) -> Answer:
        """What was refused for want of a recent sign-in has done nothing: it is sent again after one, once."""
        try:
            return self._call_once(method, path, headers=headers, body=body)
        except Problem as problem:
            if problem.code != "step_up_required" or self._settings.token:
                raise
            from .signin.step_up import sign_in_again

            sign_in_again(self._settings, get_account(self._settings), problem)
        return self._call_once(method, path, headers=headers, body=body)

    def _call_once(self, method: str, path: str, *, headers: dict[str, str] | None = None, body: Any = None) -> Answer:
        token = get_access_token(self._settings)
        answer = self._send(method, path, token, headers or {}, body)
        if answer.status == 401 and not self._settings.token:
            answer = self._send(method, path, self._replace_refused(token), headers or {}, body)
        answer.refuse_redirect()
        if answer.status < 400:
            return answer
        if answer.status == 401:
            raise self._describe_refusal()
        problem = read_problem(answer)
        if answer.lacks_scope():
            problem.advice = advise_scope(method, path)
        raise problem

    def _send(self, method: str, path: str, token: str, headers: dict[str, str], body: Any) -> Answer:
        headers = headers | {"Authorization": f"Bearer {token}"}
        answer = send(method, self._settings.api, PREFIX + path, headers=headers, body=body, timeout=self._timeout)
        if (wanted := answer.headers.get(UPGRADE_HEADER)) and sys.stderr.isatty():
            from .upgrades import note_version

            note_version(wanted, self._settings.home)
        return answer

    def _replace_refused(self, token: str) -> str:
        if uses_job(self._settings):
            return get_job_token(self._settings, renew=True)
        account = get_account(self._settings)
        if account.access_token != token:
            return get_access_token(self._settings)
        return renew_access_token(self._settings, stale=account, refused=True)

    def _describe_refusal(self) -> SignInNeeded:
        if self._settings.token:
            return SignInNeeded(
                f"{self._settings.api} does not accept the token in INSIGHTA_TOKEN.",
                "Make another on the portal's tokens page, or unset INSIGHTA_TOKEN and run: insighta login",
            )
        return SignInNeeded("Your sign-in on this machine has ended.", SIGN_IN_AGAIN)


def _make_key() -> str:
    import secrets

    return secrets.token_urlsafe(24)


def _with_query(path: str, query: dict[str, str | None]) -> str:
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _own_path(following: object) -> str | None:
    """The next page's path and query; its host is ignored, because the token is for this backend only."""
    if not isinstance(following, str):
        return None
    parts = urlsplit(following)
    path = parts.path.partition(PREFIX)[2]
    return f"{path}?{parts.query}" if parts.query else path or None
