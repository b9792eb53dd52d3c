"""The parts of GitHub's REST API that a sign-in reads, and the avatars that it points to."""

from html import escape

from sandbox.grants import Grant
from sandbox.messages import Request, Response, json_answer
from sandbox.misbehaviour import misbehave
from sandbox.people import is_login
from sandbox.world import World

DOCUMENTATION = "https://docs.github.com/rest"


def user(world: World, request: Request) -> Response:
    grant = world.grants.find_token(request.token)
    if answer := misbehave(world, "user", grant.login if grant else None, denied=_bad_credentials()):
        return answer
    if grant is None:
        return _bad_credentials()
    return json_answer(world.people.get_person(grant.login).as_user(), headers=_scopes(grant))


def emails(world: World, request: Request) -> Response:
    """Needs the scope `user:email`; GitHub answers 404 without it."""
    grant = world.grants.find_token(request.token)
    if answer := misbehave(world, "emails", grant.login if grant else None, denied=_bad_credentials()):
        return answer
    if grant is None:
        return _bad_credentials()
    if not grant.scopes & {"user", "user:email"}:
        return _not_found()
    return json_answer(world.people.get_person(grant.login).as_emails(), headers=_scopes(grant))


def public_user(world: World, request: Request) -> Response:
    """`GET /users/{login}`: what everybody may see, so no email."""
    login = request.path.removeprefix("/users/")
    if not is_login(login):
        return _not_found()
    return json_answer(world.people.get_person(login).as_user() | {"email": None})


def avatar(world: World, request: Request) -> Response:
    login = request.path.removeprefix("/avatars/").removesuffix(".svg")
    if not is_login(login):
        return _not_found()
    hue = world.people.get_person(login).id % 360
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 80" width="80" height="80">'
        f'<rect width="80" height="80" fill="hsl({hue} 45% 40%)"/>'
        '<text x="40" y="53" font-family="sans-serif" font-size="38" fill="#fff" text-anchor="middle">'
        f"{escape(login[0].upper())}</text></svg>"
    )
    return Response(200, svg.encode(), "image/svg+xml", {"Cache-Control": "max-age=86400"})


def _scopes(grant: Grant) -> dict[str, str]:
    return {"X-OAuth-Scopes": ", ".join(sorted(grant.scopes))}


def _bad_credentials() -> Response:
    problem = {"message": "Bad credentials", "documentation_url": DOCUMENTATION, "status": "401"}
    return json_answer(problem, 401)


def _not_found() -> Response:
    return json_answer({"message": "Not Found", "documentation_url": DOCUMENTATION, "status": "404"}, 404)
