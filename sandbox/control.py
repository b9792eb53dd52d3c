"""How tests make GitHub misbehave and how they rename people. GitHub itself has nothing like it."""

from sandbox.faults import Fault
from sandbox.messages import Request, Response, json_answer
from sandbox.people import is_login
from sandbox.world import World

PERSON_FIELDS = {"id": int, "name": str | None, "email": str | None, "email_verified": bool}


def list_faults(world: World, request: Request) -> Response:
    return json_answer(world.faults.as_list())


def add_fault(world: World, request: Request) -> Response:
    """`{"endpoint", "mode", "seconds"?, "times"?, "login"?}`; see `Fault`."""
    try:
        world.faults.add(Fault(**_object(request)))  # type: ignore[arg-type]  # checked by Fault
    except (TypeError, ValueError, AttributeError) as error:
        return json_answer({"message": str(error)}, 422)
    return Response(204)


def clear_faults(world: World, request: Request) -> Response:
    """`DELETE /_sandbox/faults` forgets all; with `?login=ada` only those limited to her."""
    world.faults.clear(request.query.get("login"))
    return Response(204)


def describe_person(world: World, request: Request) -> Response:
    """`{"login", "id"?, "name"?, "email"?, "email_verified"?}`: who has this login from now on."""
    try:
        fields = _object(request)
        login = fields.pop("login", "")
        _check_person(login, fields)
    except ValueError as error:
        return json_answer({"message": str(error)}, 422)
    world.people.describe(str(login), fields)
    return json_answer(world.people.get_person(str(login)).as_user())


def forget_people(world: World, request: Request) -> Response:
    world.people.forget(request.query.get("login"))
    return Response(204)


def _check_person(login: object, fields: dict[str, object]) -> None:
    if not isinstance(login, str) or not is_login(login):
        raise ValueError("login must be a GitHub username.")
    for name, value in fields.items():
        if name not in PERSON_FIELDS or not isinstance(value, PERSON_FIELDS[name]):
            raise ValueError(f"{name} is unknown or of the wrong type; known are {', '.join(PERSON_FIELDS)}.")


def _object(request: Request) -> dict[str, object]:
    # A page of another site can send forms to this machine, but no JSON.
    if not request.is_json:
        raise ValueError("Send application/json.")
    return request.json()
