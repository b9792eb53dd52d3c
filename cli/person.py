from typing import Any

from .errors import SignInNeeded
from .problems import read_problem
from .transport import send


def read_person(api: str, token: str) -> dict[str, Any]:
    """Who a token belongs to (`GET /me`). Raises SignInNeeded, Problem, BackendUnreachable, UnexpectedAnswer."""
    answer = send("GET", api, "/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    if answer.status == 401:
        raise SignInNeeded(f"{api} does not accept this token.", "It may have expired or been revoked: make another.")
    if answer.status >= 400:
        raise read_problem(answer)
    return answer.read_object()
