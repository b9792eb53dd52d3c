import base64
import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from tokens import errors
from tokens.services.outgoing import Answer, Unreachable, send_request

LARGEST_ANSWER = 256 * 1024


@dataclass(frozen=True)
class FoundRepository:
    """GitHub's ids; that of a repository which cannot be seen is None."""

    repository_id: int | None
    owner_id: int


def look_up_repository(*, name: str) -> FoundRepository:
    """What GitHub says of `OWNER/NAME`, asked as our OAuth app, which sees what everybody sees.

    Raises InvalidPublisher where there is no such owner, and Unavailable.
    """
    repository = _read(f"repos/{name}")
    if repository is not None:
        return FoundRepository(_id_of(repository), _id_of(repository.get("owner")))
    owner = _read(f"users/{name.partition('/')[0]}")
    if owner is None:
        raise errors.InvalidPublisher(f"GitHub knows nobody called {name.partition('/')[0]}.")
    return FoundRepository(None, _id_of(owner))


def _read(path: str) -> dict[str, Any] | None:
    answer = _ask(f"{settings.GITHUB_API_URL.rstrip('/')}/{path}")
    if answer.status == 404:
        return None
    if answer.status != 200 or len(answer.body) > LARGEST_ANSWER:
        # A repository that has moved is a redirect: its new name is what the person should give.
        if answer.status in {301, 302, 307, 308}:
            raise errors.InvalidPublisher("The repository has been renamed or moved. Give its new name.")
        raise errors.Unavailable
    try:
        document: dict[str, Any] = json.loads(answer.body)
    except ValueError as error:
        raise errors.Unavailable from error
    return document


def _ask(url: str) -> Answer:
    # As the app GitHub allows 5,000 questions an hour, and 60 to an address that says nothing of itself.
    app = f"{settings.GITHUB_CLIENT_ID}:{settings.GITHUB_CLIENT_SECRET}"
    headers = {"Authorization": f"Basic {base64.b64encode(app.encode()).decode()}", "User-Agent": "insighta"}
    try:
        return send_request(url=url, limit=LARGEST_ANSWER, networks=None, headers=headers)
    except Unreachable as error:
        raise errors.Unavailable from error


def _id_of(document: object) -> int:
    found = document.get("id") if isinstance(document, dict) else None
    if not isinstance(found, int) or found < 1:
        raise errors.Unavailable
    return found
