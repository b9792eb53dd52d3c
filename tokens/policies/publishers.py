"""Which trusted publisher a CI job may act for, by the claims of GitHub Actions. Pure.

`sub` is never read: repositories may change its form. `workflow` (a display name), `actor` and `head_ref` are chosen
by whoever writes the workflow or the pull request.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

EVENTS = ("push", "release", "workflow_dispatch", "schedule", "deployment")
"""What may start a job. A pull request's code is somebody else's, also where it runs in the repository."""
PUBLISHER_SCOPES = ("account:read", "bookings:read", "bookings:write")
_REPOSITORY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/[A-Za-z0-9._-]{1,100}")
_WORKFLOW = re.compile(r"[A-Za-z0-9._-]{1,95}\.ya?ml")
_REF = re.compile(r"refs/(heads|tags)/[!-~]{1,240}")
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


class Publisher(Protocol):
    """What a publisher's row says of the jobs that it means; empty: any. `repository_id` is None until first use."""

    @property
    def id(self) -> UUID: ...
    @property
    def repository(self) -> str: ...
    @property
    def repository_id(self) -> int | None: ...
    @property
    def repository_owner_id(self) -> int: ...
    @property
    def workflow(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def ref(self) -> str: ...


@dataclass(frozen=True)
class JobIdentity:
    """The claims of a verified ID token that decide; a text claim that is missing is empty."""

    issuer: str
    repository: str
    repository_id: int
    repository_owner_id: int
    workflow_ref: str
    job_workflow_ref: str
    ref: str
    sha: str
    environment: str
    event_name: str


def read_identity(claims: Mapping[str, Any]) -> JobIdentity | None:
    """None where an id is missing or none. GitHub sends ids as decimal text."""
    numbers = [str(claims.get(name, "")) for name in ("repository_id", "repository_owner_id")]
    if not all(_NUMBER.fullmatch(number) for number in numbers):
        return None
    names = ("repository", "workflow_ref", "job_workflow_ref", "ref", "sha", "environment", "event_name")
    texts = {name: text if isinstance(text := claims.get(name), str) else "" for name in names}
    return JobIdentity(
        issuer=str(claims["iss"]), repository_id=int(numbers[0]), repository_owner_id=int(numbers[1]), **texts
    )


def is_of_repository(publisher: Publisher, job: JobIdentity) -> bool:
    """By ids, which outlive a rename; by name only where the repository is pinned by its first use."""
    if publisher.repository_owner_id != job.repository_owner_id:
        return False
    if publisher.repository_id is None:
        return publisher.repository.lower() == job.repository.lower()
    return publisher.repository_id == job.repository_id


def refuse_job(job: JobIdentity) -> str:
    """Why no publisher may answer this job; empty where one may."""
    if job.event_name not in EVENTS:
        return f"event_name is {job.event_name or 'missing'}; expected one of {', '.join(EVENTS)}"
    if job.workflow_ref != job.job_workflow_ref:
        return f"the job is defined in {job.job_workflow_ref}, not in the workflow that runs, {job.workflow_ref}"
    return ""


def list_differences(publisher: Publisher, job: JobIdentity) -> list[str]:
    """Which claims differ from what the publisher says; empty where the job is meant."""
    tail = job.ref or job.sha
    wanted = f"{job.repository}/.github/workflows/{publisher.workflow}@{tail}"
    found = []
    if not tail or job.job_workflow_ref != wanted:
        found.append(_difference("job_workflow_ref", wanted, job.job_workflow_ref))
    if publisher.environment and job.environment.lower() != publisher.environment.lower():
        found.append(_difference("environment", publisher.environment, job.environment))
    if publisher.ref and job.ref != publisher.ref:
        found.append(_difference("ref", publisher.ref, job.ref))
    return found


def order_publishers(publishers: Iterable[Publisher]) -> list[Publisher]:
    """Those that say more go first: with an environment, then with a ref."""
    return sorted(publishers, key=lambda one: (not one.environment, not one.ref, one.id))


def _difference(name: str, expected: str, seen: str) -> str:
    return f"{name}: expected {expected}, seen {seen or 'nothing'}"


def publisher_problems(*, repository: str, workflow: str, environment: str, ref: str) -> dict[str, str]:
    """By field, what is wrong with what a person says about a new publisher."""
    found = {}
    if not _REPOSITORY.fullmatch(repository):
        found["repository"] = "Name the repository as OWNER/NAME."
    if not _WORKFLOW.fullmatch(workflow):
        found["workflow"] = "Name the workflow's file in .github/workflows alone, like release.yml."
    if len(environment) > 255 or not environment.isprintable():
        found["environment"] = "An environment's name has at most 255 characters that can be read."
    if ref and not _REF.fullmatch(ref):
        found["ref"] = "Give the whole ref, like refs/heads/main or refs/tags/v1."
    return found


def list_publisher_warnings(publisher: Publisher, *, is_own: bool) -> list[str]:
    """What is allowed and should be known."""
    found = []
    if not publisher.environment and not publisher.ref:
        found.append(
            "Any branch may run it, also one with a changed workflow: everybody who may push to the repository acts "
            "as you. Name an environment or a ref."
        )
    if not is_own:
        found.append(
            f"The repository is not your own: its jobs name this publisher, INSIGHTA_PUBLISHER={publisher.id}."
        )
    if publisher.repository_id is None:
        found.append("The repository cannot be seen from here. The first job pins its id, and you get a mail.")
    return found
