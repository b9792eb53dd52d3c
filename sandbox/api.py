"""The endpoints of GitHub's REST API that a sign-in reads, and avatars."""

from collections.abc import Callable
from html import escape

from sandbox.grants import Grant
from sandbox.http_messages import Request, Response, json_response
from sandbox.people import is_login
from sandbox.state import State

DOCUMENTATION = "https://docs.github.com/rest"


def user(state: State, request: Request) -> Response:
    return _answer(state, request, "user", lambda grant: json_response(state.people.get_user(grant.login)))


def emails(state: State, request: Request) -> Response:
    """Needs the scope `user:email`; GitHub answers 404 without it."""

    def answer(grant: Grant) -> Response:
        if not grant.scopes & {"user", "user:email"}:
            return _not_found()
        return json_response(state.people.get_emails(grant.login))

    return _answer(state, request, "emails", answer)


def public_user(state: State, request: Request) -> Response:
    """`GET /users/{login}`: what everybody may see, so no email."""
    login = request.path.removeprefix("/users/")
    if not is_login(login):
        return _not_found()
    return json_response(state.people.get_user(login) | {"email": None})


def avatar(state: State, request: Request) -> Response:
    login = request.path.removeprefix("/avatars/").removesuffix(".svg")
    if not is_login(login):
        return _not_found()
    hue = int(str(state.people.get_user(login)["id"])) % 360
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 80" width="80" height="80">'
        f'<rect width="80" height="80" fill="hsl({hue} 45% 40%)"/>'
        '<text x="40" y="53" font-family="sans-serif" font-size="38" fill="#fff" text-anchor="middle">'
        f"{escape(login[0].upper())}</text></svg>"
    )
    return Response(200, svg.encode(), "image/svg+xml", {"Cache-Control": "max-age=86400"})


def _answer(state: State, request: Request, endpoint: str, answer: Callable[[Grant], Response]) -> Response:
    """`answer` to an authenticated request, unless a fault is injected."""
    grant = state.grants.find_token(request.token)
    if fault := state.faults.inject(endpoint, grant.login if grant else None, denied=lambda _: _bad_credentials()):
        return fault
    if grant is None:
        return _bad_credentials()
    response = answer(grant)
    response.headers["X-OAuth-Scopes"] = ", ".join(sorted(grant.scopes))
    return response


def _bad_credentials() -> Response:
    problem = {"message": "Bad credentials", "documentation_url": DOCUMENTATION, "status": "401"}
    return json_response(problem, 401)


def _not_found() -> Response:
    return json_response({"message": "Not Found", "documentation_url": DOCUMENTATION, "status": "404"}, 404)
