"""Trusted publishers: CI jobs that a person lets act for them without a secret (RFC 8693)."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.services import people
from accounts.services.events import record_event
from tokens import errors
from tokens.policies import publishers as policy
from tokens.policies.clients import CI
from tokens.policies.publishers import PUBLISHER_SCOPES, JobIdentity
from tokens.policies.scopes import parse_scope
from tokens.repositories import jobs, publishers, sessions
from tokens.services.callers import Credential
from tokens.services.clients import registry
from tokens.services.ending_access import end_session
from tokens.services.giving_access import lock_recent_sign_in
from tokens.services.job_tokens import JobToken, use_job_token, verify_job_token
from tokens.services.repository_lookup import look_up_repository
from tokens.services.sessions import TokenPair, open_session

if TYPE_CHECKING:
    from tokens.models import TrustedPublisher

MAX_PUBLISHERS = 100
LONGEST_REASON = 600
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # a URN, not a password
ID_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105  # a URN, not a password
REMOVED = "trusted publisher removed"


@dataclass(frozen=True)
class NewPublisher:
    """What a person says about a new publisher. An empty `environment` or `ref` means any."""

    issuer: str
    repository: str
    workflow: str
    environment: str
    ref: str
    scopes: frozenset[str]


def add_publisher(*, creator: Credential, said: NewPublisher, now: datetime) -> "TrustedPublisher":
    """A new publisher, its repository and owner looked up at GitHub and pinned by id. Its owner gets a mail.

    Raises StepUpRequired, PermissionDenied, NotAuthenticated, InvalidPublisher and Unavailable.
    """
    _check_may_add(creator, now=now)
    found = look_up_repository(name=said.repository)
    return _insert(creator, said, repository_id=found.repository_id, owner_id=found.owner_id, now=now)


@transaction.atomic(durable=True)
def _check_may_add(creator: Credential, *, now: datetime) -> None:
    """Before GitHub is asked for somebody who may not."""
    lock_recent_sign_in(creator, now=now)


@transaction.atomic(durable=True)
def _insert(
    creator: Credential, said: NewPublisher, *, repository_id: int | None, owner_id: int, now: datetime
) -> "TrustedPublisher":
    lock_recent_sign_in(creator, now=now)
    if said.scopes - creator.scopes:
        raise errors.PermissionDenied("A publisher cannot have more scopes than the sign-in that adds it.")
    publisher = publishers.build_publisher(
        user=creator.person,
        issuer=said.issuer,
        repository=said.repository,
        repository_id=repository_id,
        repository_owner_id=owner_id,
        workflow=said.workflow,
        environment=said.environment,
        ref=said.ref,
        scope=" ".join(scope for scope in PUBLISHER_SCOPES if scope in said.scopes),
    )
    existing = publishers.list_publishers(creator.person.pk)
    if len(existing) >= MAX_PUBLISHERS:
        raise errors.InvalidPublisher(f"You have {MAX_PUBLISHERS} trusted publishers. Remove one that you do not need.")
    if any(_meaning(one) == _meaning(publisher) for one in existing):
        raise errors.InvalidPublisher("You have this trusted publisher already.")
    publishers.insert_publisher(publisher)
    jobs.defer_security_mail("publisher_added", user_id=creator.person.pk, subject_id=publisher.id)
    _record("added", publisher, actor_id=creator.person.pk, session_id=creator.session_id)
    return publisher


def _meaning(publisher: "TrustedPublisher") -> tuple[object, ...]:
    names = (publisher.repository.lower(), publisher.environment.lower())
    return (publisher.issuer, publisher.repository_owner_id, *names, publisher.workflow, publisher.ref)


def list_publishers(*, user_id: UUID) -> "list[TrustedPublisher]":
    """A person's publishers, newest first."""
    return publishers.list_publishers(user_id)


def warnings_about(publisher: "TrustedPublisher") -> list[str]:
    """What of a publisher is allowed and should be known."""
    return policy.list_publisher_warnings(publisher, is_own=_is_own(publisher))


def _is_own(publisher: "TrustedPublisher") -> bool:
    """Whether the repository is of the person's own GitHub account."""
    return publisher.user.github_id == publisher.repository_owner_id


@transaction.atomic(durable=True)
def remove_publisher(*, user_id: UUID, publisher_id: UUID, now: datetime) -> None:
    """Remove one of a person's publishers; its jobs' access ends at once. Raises NotFound, also for somebody else's."""
    people.lock_person(user_id=user_id)
    publisher = publishers.find_publisher(publisher_id)
    if publisher is None or not publishers.remove_publisher(publisher_id, user_id=user_id):
        raise errors.NotFound
    for session in sessions.list_sessions_of_publisher(user_id, publisher_id=publisher_id):
        end_session(session, because=REMOVED, actor_id=user_id, now=now)
    _record("removed", publisher, actor_id=user_id)


def exchange_token(
    *, subject_token: str, publisher_id: str, scope: str, address: str | None, now: datetime
) -> TokenPair:
    """An access token for a CI job's ID token, once (RFC 8693 §2.1); no refresh token.

    `publisher_id` names a publisher; empty, only those answer whose person owns the repository at GitHub: nobody who
    registers a stranger's repository receives its jobs. Raises InvalidRequest, InvalidTarget, InvalidScope, and
    AccountPending, AccountSuspended or AccountInactive.
    """
    token = verify_job_token(text=subject_token, now=now)
    publisher = _choose(token.identity, publisher_id)
    return _open(publisher, token, scope=scope, address=address, now=now)


def _choose(job: JobIdentity, publisher_id: str) -> "TrustedPublisher":
    of_repository = [one for one in _candidates(job, publisher_id) if policy.is_of_repository(one, job)]
    if not of_repository:
        raise errors.InvalidRequest(_describe_absence(job, publisher_id)[:LONGEST_REASON])
    if refusal := policy.refuse_job(job):
        raise errors.InvalidRequest(refusal[:LONGEST_REASON])
    differences = {one.id: policy.list_differences(one, job) for one in of_repository}
    ordered = policy.order_publishers(of_repository)
    chosen = next((one for one in ordered if not differences[one.id]), None)
    if chosen is None:
        nearest = min(differences.values(), key=lambda found: len(found))
        raise errors.InvalidRequest("; ".join(nearest)[:LONGEST_REASON])
    return next(one for one in of_repository if one.id == chosen.id)


def _candidates(job: JobIdentity, publisher_id: str) -> "list[TrustedPublisher]":
    if not publisher_id:
        return publishers.list_publishers_of_owner(job.repository_owner_id, issuer=job.issuer)
    try:
        found = publishers.find_publisher(UUID(publisher_id))
    except ValueError:
        return []
    return [found] if found and found.issuer == job.issuer else []


def _describe_absence(job: JobIdentity, publisher_id: str) -> str:
    seen = f"{job.repository} (repository_id {job.repository_id}, repository_owner_id {job.repository_owner_id})"
    if publisher_id:
        return f"this publisher is not for {seen}"
    return f"its owner has no trusted publisher here for {seen}; name another person's by the parameter publisher"


@transaction.atomic(durable=True)
def _open(
    publisher: "TrustedPublisher", token: JobToken, *, scope: str, address: str | None, now: datetime
) -> TokenPair:
    person = people.lock_allowed_person(user_id=publisher.user_id)
    current = publishers.find_publisher(publisher.id)
    # It may have been removed, or pinned to another repository by another first job, while this waited.
    if current is None or not policy.is_of_repository(current, token.identity):
        raise errors.InvalidRequest("the trusted publisher has been removed")
    scopes = parse_scope(scope, allowed=tuple(current.scope.split()))
    if scopes is None:
        raise errors.InvalidScope
    use_job_token(token=token)
    job = token.identity
    publishers.note_use(current, repository=job.repository[:140], repository_id=job.repository_id, now=now)
    if current.repository_id is None:
        jobs.defer_security_mail("publisher_pinned", user_id=person.pk, subject_id=current.id)
        _record("pinned", current, actor_id=None, repository_id=job.repository_id)
    pair = open_session(
        person=person,
        client=registry()[CI],
        scope=" ".join(scopes),
        label=f"{job.repository} {current.workflow}"[:100],
        auth_time=None,
        address=address,
        publisher_id=current.id,
        now=now,
    )
    return TokenPair(
        pair.access_token, "", pair.expires_in, pair.scope, pair.session_id, issued_token_type=ACCESS_TOKEN_TYPE
    )


def _record(
    what: str, publisher: "TrustedPublisher", *, actor_id: UUID | None, session_id: UUID | None = None, **more: object
) -> None:
    said = {"publisher_id": str(publisher.id), "repository": publisher.repository, "workflow": publisher.workflow}
    record_event(
        kind=f"publisher.{what}",
        user_id=publisher.user_id,
        actor_id=actor_id,
        session_id=session_id,
        detail={**said, "issuer": publisher.issuer, **more},
    )


def default_issuer() -> str:
    """The issuer of a publisher that names none. Raises InvalidPublisher where none is believed."""
    if not settings.CI_ISSUERS:
        raise errors.InvalidPublisher("No CI service is believed here.")
    return str(settings.CI_ISSUERS[0])
