"""GitHub's web application flow: the page that asks, and the exchange of its code.

Errors of the exchange are answered with status 200, as GitHub does.
"""

from hmac import compare_digest
from urllib.parse import urlencode

from sandbox.grants import Grant
from sandbox.messages import Request, Response, json_answer, page, redirect
from sandbox.misbehaviour import misbehave
from sandbox.pages import authorize_page, message_page
from sandbox.people import is_login
from sandbox.world import World

PATH = "/login/oauth/authorize"
COOKIE = "sandbox_login"
TROUBLESHOOTING = (
    "https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/"
)
ERRORS = {
    "bad_verification_code": "The code passed is incorrect or expired.",
    "incorrect_client_credentials": "The client_id and/or client_secret passed are incorrect.",
    "redirect_uri_mismatch": "The redirect_uri MUST match the registered callback URL for this application.",
}
NO_SUCH_NAME = "Enter a GitHub username: letters, digits and single hyphens, at most 39 characters."


def ask(world: World, request: Request) -> Response:
    """`GET /login/oauth/authorize`: the form, pre-filled with who signed in here last; never skipped."""
    if refusal := _refuse(world, request.query):
        return refusal
    login = request.query.get("login") or request.cookie(COOKIE)
    return page(authorize_page(request.query, login=login))


def answer(world: World, request: Request) -> Response:
    """`POST /login/oauth/authorize`: back to the app with a code, or with what the person or a fault decided."""
    fields = request.fields
    if refusal := _refuse(world, fields):
        return refusal
    login = fields.get("login", "").strip()
    if "cancel" in fields:
        return _denied(fields)
    if not is_login(login):
        return page(authorize_page(fields, login=login, error=NO_SUCH_NAME), 422)
    if wrong := misbehave(world, "authorize", login, denied=_denied(fields)):
        return wrong
    grant = Grant(login, fields.get("scope", ""), fields["redirect_uri"], fields.get("code_challenge", ""))
    parameters = {"code": world.grants.issue_code(grant, now=request.now), **_state(fields)}
    # Cookies are shared by all ports of a host: the path keeps this one away from the backend.
    cookie = f"{COOKIE}={login}; Path={PATH}; Max-Age=2592000; HttpOnly; SameSite=Lax"
    return redirect(fields["redirect_uri"], parameters, headers={"Set-Cookie": cookie})


def exchange(world: World, request: Request) -> Response:
    """`POST /login/oauth/access_token`: a form unless the caller accepts JSON."""
    fields = request.fields
    grant = world.grants.peek_code(fields.get("code", ""))
    denied = _shape(request, _error("bad_verification_code"))
    if wrong := misbehave(world, "access_token", grant.login if grant else None, denied=denied):
        return wrong
    return _shape(request, _token(world, fields, request.now))


def _token(world: World, fields: dict[str, str], now: float) -> dict[str, str]:
    if fields.get("client_id") != world.client_id or not compare_digest(
        fields.get("client_secret", "").encode(), world.client_secret.encode()
    ):
        return _error("incorrect_client_credentials")
    grant = world.grants.use_code(fields.get("code", ""), now=now)
    if grant is None or not grant.verifies(fields.get("code_verifier", "")):
        return _error("bad_verification_code")
    if fields.get("redirect_uri", grant.redirect_uri) != grant.redirect_uri:
        return _error("redirect_uri_mismatch")
    scope = ",".join(sorted(grant.scopes))
    return {"access_token": world.grants.issue_token(grant), "token_type": "bearer", "scope": scope}


def _refuse(world: World, fields: dict[str, str]) -> Response | None:
    """A page for the requests that GitHub does not send back to the app, or None."""
    if fields.get("client_id") != world.client_id:
        return page(message_page("404", "No OAuth app has this client_id. Check GITHUB_CLIENT_ID."), 404)
    if not world.knows_callback(fields.get("redirect_uri", "")):
        sentence = "The redirect_uri is not associated with this application. Check BACKEND_URL."
        return page(message_page("Be careful!", sentence), 400)
    if fields.get("code_challenge") and fields.get("code_challenge_method") != "S256":
        return page(message_page("Not supported", "The only code_challenge_method is S256."), 400)
    return None


def _denied(fields: dict[str, str]) -> Response:
    parameters = {
        "error": "access_denied",
        "error_description": "The user has denied your application access.",
        "error_uri": TROUBLESHOOTING + "#access-denied",
    }
    return redirect(fields["redirect_uri"], {**parameters, **_state(fields)})


def _state(fields: dict[str, str]) -> dict[str, str]:
    return {"state": fields["state"]} if "state" in fields else {}


def _error(code: str) -> dict[str, str]:
    uri = f"{TROUBLESHOOTING}#{code.replace('_', '-')}"
    return {"error": code, "error_description": ERRORS[code], "error_uri": uri}


def _shape(request: Request, answer: dict[str, str]) -> Response:
    if "application/json" in request.headers.get("Accept", ""):
        return json_answer(answer, headers={"Cache-Control": "no-store"})
    return Response(200, urlencode(answer).encode(), "application/x-www-form-urlencoded; charset=utf-8")
