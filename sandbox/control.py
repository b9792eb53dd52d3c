"""Control API for tests: inject faults and change people. GitHub has no counterpart."""

from sandbox.faults import Fault
from sandbox.http_messages import Request, Response, json_response
from sandbox.people import is_login
from sandbox.state import State

PERSON_FIELDS = {"id": int, "name": str | None, "email": str | None, "email_verified": bool}


def list_faults(state: State, request: Request) -> Response:
    return json_response(state.faults.as_list())


def add_fault(state: State, request: Request) -> Response:
    """`{"endpoint", "mode", "seconds"?, "times"?, "login"?, "status"?, "code"?, "body"?}`; see `Fault`."""
    try:
        state.faults.add(Fault(**_object(request)))  # type: ignore[arg-type]  # checked by Fault
    except (TypeError, ValueError, AttributeError) as error:
        return json_response({"message": str(error)}, 422)
    return Response(204)


def clear_faults(state: State, request: Request) -> Response:
    """`DELETE /_sandbox/faults` clears all; with `?login=ada` only the faults of that login."""
    state.faults.clear(request.query.get("login"))
    return Response(204)


def describe_person(state: State, request: Request) -> Response:
    """`{"login", "id"?, "name"?, "email"?, "email_verified"?}`: changes the person with this login."""
    try:
        fields = _object(request)
        login = _check_person(fields.pop("login", None), fields)
    except ValueError as error:
        return json_response({"message": str(error)}, 422)
    state.people.describe(login, fields)
    return json_response(state.people.get_user(login))


def forget_people(state: State, request: Request) -> Response:
    state.people.forget(request.query.get("login"))
    return Response(204)


def _check_person(login: object, fields: dict[str, object]) -> str:
    if not isinstance(login, str) or not is_login(login):
        raise ValueError("login must be a GitHub username.")
    for name, value in fields.items():
        if name not in PERSON_FIELDS or not isinstance(value, PERSON_FIELDS[name]):
            raise ValueError(f"{name} is unknown or of the wrong type; known are {', '.join(PERSON_FIELDS)}.")
    return login


def _object(request: Request) -> dict[str, object]:
    # Another site's page can send forms to this machine, but not JSON without a CORS preflight.
    if not request.is_json:
        raise ValueError("Send application/json.")
    return request.json()
