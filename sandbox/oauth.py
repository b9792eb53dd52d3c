"""GitHub's web application flow. Errors of the code exchange have status 200, as at GitHub."""

from hmac import compare_digest
from urllib.parse import urlencode

from sandbox.grants import Grant
from sandbox.http_messages import Request, Response, json_response, page, redirect
from sandbox.pages import authorize_page, message_page
from sandbox.people import is_login
from sandbox.state import State

PATH = "/login/oauth/authorize"
COOKIE = "sandbox_login"
TROUBLESHOOTING = (
    "https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/"
)
# Those that GitHub's redirect carries, and those of the code exchange.
ERRORS = {
    "access_denied": "The user has denied your application access.",
    "application_suspended": "Your application has been suspended. Contact support@github.com.",
    "bad_verification_code": "The code passed is incorrect or expired.",
    "incorrect_client_credentials": "The client_id and/or client_secret passed are incorrect.",
    "redirect_uri_mismatch": "The redirect_uri MUST match the registered callback URL for this application.",
    "unverified_user_email": "The user must have a verified primary email.",
}
NO_SUCH_NAME = "Enter a GitHub username: letters, digits and single hyphens, at most 39 characters."


def ask(state: State, request: Request) -> Response:
    """`GET /login/oauth/authorize`: the form, pre-filled with the last login of this browser, never skipped."""
    login = request.query.get("login") or request.cookie(COOKIE)
    return _refuse(state, request.query) or page(authorize_page(request.query, login=login))


def answer(state: State, request: Request) -> Response:
    """`POST /login/oauth/authorize`: redirects to the app with a code or an error."""
    fields = request.fields
    if refusal := _refuse(state, fields):
        return refusal
    login = fields.get("login", "").strip()
    if "cancel" in fields:
        return _denied(fields)
    if not is_login(login):
        return page(authorize_page(fields, login=login, error=NO_SUCH_NAME), 422)
    if fault := state.faults.inject("authorize", login, denied=lambda code: _denied(fields, code)):
        return fault
    grant = Grant(login, fields.get("scope", ""), fields["redirect_uri"], fields.get("code_challenge", ""))
    parameters = {"code": state.grants.issue_code(grant, now=request.now), **_state(fields)}
    # Cookies are shared by all ports of a host; the path keeps this one from the backend.
    cookie = f"{COOKIE}={login}; Path={PATH}; Max-Age=2592000; HttpOnly; SameSite=Lax"
    return redirect(fields["redirect_uri"], parameters, headers={"Set-Cookie": cookie})


def exchange(state: State, request: Request) -> Response:
    """`POST /login/oauth/access_token`: a form-encoded response unless the caller accepts JSON."""
    fields = request.fields
    grant = state.grants.peek_code(fields.get("code", ""))
    login = grant.login if grant else None

    def denied(code: str | None) -> Response:
        return _encode(request, _error(code or "bad_verification_code"))

    if fault := state.faults.inject("access_token", login, denied=denied):
        return fault
    return _encode(request, _token(state, fields, request.now))


def _token(state: State, fields: dict[str, str], now: float) -> dict[str, str]:
    if fields.get("client_id") != state.client_id or not compare_digest(
        fields.get("client_secret", "").encode(), state.client_secret.encode()
    ):
        return _error("incorrect_client_credentials")
    grant = state.grants.use_code(fields.get("code", ""), now=now)
    if grant is None or not grant.verifies(fields.get("code_verifier", "")):
        return _error("bad_verification_code")
    if fields.get("redirect_uri", grant.redirect_uri) != grant.redirect_uri:
        return _error("redirect_uri_mismatch")
    scope = ",".join(sorted(grant.scopes))
    return {"access_token": state.grants.issue_token(grant), "token_type": "bearer", "scope": scope}


def _refuse(state: State, fields: dict[str, str]) -> Response | None:
    """An error page for requests that may not be redirected to the app, or None."""
    if fields.get("client_id") != state.client_id:
        return page(message_page("404", "No OAuth app has this client_id. Check GITHUB_CLIENT_ID."), 404)
    if not state.knows_callback(fields.get("redirect_uri", "")):
        sentence = "The redirect_uri is not associated with this application. Check BACKEND_URL."
        return page(message_page("Be careful!", sentence), 400)
    if fields.get("code_challenge") and fields.get("code_challenge_method") != "S256":
        return page(message_page("Not supported", "The only code_challenge_method is S256."), 400)
    return None


def _denied(fields: dict[str, str], code: str | None = None) -> Response:
    return redirect(fields["redirect_uri"], {**_error(code or "access_denied"), **_state(fields)})


def _state(fields: dict[str, str]) -> dict[str, str]:
    return {"state": fields["state"]} if "state" in fields else {}


def _error(code: str) -> dict[str, str]:
    uri = f"{TROUBLESHOOTING}#{code.replace('_', '-')}"
    return {"error": code, "error_description": ERRORS.get(code, code), "error_uri": uri}


def _encode(request: Request, answer: dict[str, str]) -> Response:
    if "application/json" in request.headers.get("Accept", ""):
        return json_response(answer, headers={"Cache-Control": "no-store"})
    return Response(200, urlencode(answer).encode(), "application/x-www-form-urlencoded; charset=utf-8")
