"""Registered applications: other people's OAuth clients, as rows that the operator makes."""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.policies import clean_text
from accounts.services.events import list_events_of, record_event
from tokens import errors
from tokens.policies.addresses import list_warnings, origin_problem, redirect_uri_problem
from tokens.policies.clients import RESERVED_PREFIX, digest_secret, is_client_id, list_age_warnings
from tokens.policies.personal_tokens import ALPHABET
from tokens.policies.scopes import APPLICATION_SCOPES, OPENID_SCOPES
from tokens.repositories import applications, sessions
from tokens.services import signing_keys
from tokens.services.signing_keys import ES256, RS256

if TYPE_CHECKING:
    from tokens.models import Application

# Letters and digits only: clients encode others differently in the Authorization header.
SECRET_LENGTH = 43
MOST_ADDRESSES = 20
MOST_ROTATIONS = 10_000
ALGORITHMS = (RS256, ES256)


@dataclass(frozen=True)
class Registration:
    """What an operator says about a new application. Without `client_id` one is made of the name."""

    name: str
    redirect_uris: tuple[str, ...]
    client_id: str = ""
    is_public: bool = False
    home_page: str = ""
    origins: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str = ""
    scopes: tuple[str, ...] = OPENID_SCOPES
    id_token_algorithm: str = RS256


@dataclass(frozen=True)
class Registered:
    """The application, its secret (returned once; None for a public one), and what seldom is meant so."""

    application: "Application"
    secret: str | None = field(repr=False)
    warnings: list[str]


@transaction.atomic(durable=True)
def register_application(*, registration: Registration, now: datetime, actor_id: UUID | None = None) -> Registered:
    """Make an application, and the first key that its ID tokens are signed with. Raises InvalidApplication."""
    name = clean_text(registration.name, limit=100)
    _check(registration, name)
    secret = None if registration.is_public else _new_secret()
    application = applications.build_application(
        client_id=registration.client_id or _make_client_id(name),
        name=name,
        home_page=registration.home_page,
        is_public=registration.is_public,
        redirect_uris=list(registration.redirect_uris),
        post_logout_redirect_uris=list(registration.post_logout_redirect_uris),
        backchannel_logout_uri=registration.backchannel_logout_uri,
        origins=list(registration.origins),
        scope=" ".join(scope for scope in APPLICATION_SCOPES if scope in registration.scopes),
        id_token_algorithm=registration.id_token_algorithm,
        secret_digests=[digest_secret(secret).hex()] if secret else [],
    )
    if not applications.insert_application(application):
        raise errors.InvalidApplication(f"There is an application {application.client_id} already.")
    signing_keys.ensure_signing_key(now=now, algorithm=registration.id_token_algorithm)
    _record("registered", application.client_id, actor_id, name=name, redirect_uris=list(registration.redirect_uris))
    return Registered(application, secret, warnings_about(application))


def list_names() -> list[tuple[str, str]]:
    """Client id and name of every application, oldest first."""
    return [(application.client_id, application.name) for application in applications.list_applications()]


def review_applications(*, now: datetime) -> "list[tuple[Application, list[str]]]":
    """All applications, oldest first, each with what is unwise about it; of a disabled one nothing is."""
    rotated: dict[str, datetime] = {}
    for event in list_events_of(kind="application.secret_rotated", limit=MOST_ROTATIONS):
        rotated.setdefault(event.client_id, event.created_at)
    return [
        (application, [] if application.disabled_at else _review(application, rotated, now=now))
        for application in applications.list_applications()
    ]


def _review(application: "Application", rotated: dict[str, datetime], *, now: datetime) -> list[str]:
    return warnings_about(application) + list_age_warnings(
        secrets=len(application.secret_digests),
        secret_made_at=rotated.get(application.client_id, application.created_at),
        last_sign_in_at=sessions.find_last_sign_in(application.client_id),
        created_at=application.created_at,
        now=now,
    )


def is_registered_origin(*, origin: str) -> bool:
    """Whether scripts of this origin may call: a public application that is not disabled has it."""
    return origin_problem(origin) is None and applications.has_public_origin(origin)


def warnings_about(application: "Application") -> list[str]:
    """What of a registration is allowed and seldom meant."""
    return list_warnings(
        redirect_uris=application.redirect_uris,
        origins=application.origins,
        is_public=application.is_public,
        scopes=application.scope.split(),
        is_debug=settings.DEBUG,
    )


@transaction.atomic(durable=True)
def rotate_secret(*, client_id: str, actor_id: UUID | None = None) -> str:
    """A new secret beside the newest of the earlier ones, returned once: two are valid until the next rotation.

    Raises ApplicationNotFound, and InvalidApplication for a public one.
    """
    application = _lock(client_id)
    if application.is_public:
        raise errors.InvalidApplication(f"{client_id} is public and has no secret.")
    secret = _new_secret()
    applications.set_secrets(client_id, [digest_secret(secret).hex(), *application.secret_digests[:1]])
    _record("secret_rotated", client_id, actor_id)
    return secret


@transaction.atomic(durable=True)
def drop_old_secret(*, client_id: str, actor_id: UUID | None = None) -> None:
    """Leave the newest secret alone valid. Raises ApplicationNotFound."""
    application = _lock(client_id)
    applications.set_secrets(client_id, application.secret_digests[:1])
    _record("old_secret_dropped", client_id, actor_id)


@transaction.atomic(durable=True)
def set_disabled(*, client_id: str, is_disabled: bool, now: datetime, actor_id: UUID | None = None) -> bool:
    """Disable an application from its next request on, or enable it again; false where it was so already.

    Its sign-ins stay and are refused while it is disabled. Raises ApplicationNotFound.
    """
    _lock(client_id)
    if not applications.set_disabled(client_id, disabled_at=now if is_disabled else None):
        return False
    _record("disabled" if is_disabled else "enabled", client_id, actor_id)
    return True


@transaction.atomic(durable=True)
def set_backchannel_logout_uri(*, client_id: str, uri: str, actor_id: UUID | None = None) -> None:
    """Where an application is told that a sign-in has ended; empty for nowhere.

    Raises ApplicationNotFound and InvalidApplication.
    """
    _lock(client_id)
    problem = redirect_uri_problem(uri) if uri else None
    if problem is not None:
        raise errors.InvalidApplication(problem)
    applications.set_backchannel_logout_uri(client_id, uri)
    _record("changed", client_id, actor_id, backchannel_logout_uri=uri)


def _lock(client_id: str) -> "Application":
    application = applications.lock_application(client_id) if is_client_id(client_id) else None
    if application is None:
        raise errors.ApplicationNotFound
    return application


def _check(registration: Registration, name: str) -> None:
    if not name:
        raise errors.InvalidApplication("Give the application a name that can be read.")
    if registration.client_id and not is_client_id(registration.client_id):
        raise errors.InvalidApplication("A client id is 1 to 64 letters, digits, dots, dashes and underscores.")
    if registration.client_id.startswith(RESERVED_PREFIX):
        raise errors.InvalidApplication(f"Client ids that begin with {RESERVED_PREFIX} are reserved.")
    unknown = set(registration.scopes) - set(APPLICATION_SCOPES)
    if unknown or not registration.scopes:
        raise errors.InvalidApplication(f"An application may have {', '.join(APPLICATION_SCOPES)}.")
    if registration.id_token_algorithm not in ALGORITHMS:
        raise errors.InvalidApplication(f"ID tokens are signed with {' or '.join(ALGORITHMS)}.")
    _check_addresses(registration)


def _check_addresses(registration: Registration) -> None:
    if not registration.redirect_uris:
        raise errors.InvalidApplication("Give at least one redirect URI.")
    browsed = (*registration.redirect_uris, *registration.post_logout_redirect_uris)
    if max(len(browsed), len(registration.origins)) > MOST_ADDRESSES:
        raise errors.InvalidApplication(f"Give at most {MOST_ADDRESSES} addresses.")
    single = filter(None, (registration.home_page, registration.backchannel_logout_uri))
    problems: Iterable[str | None] = map(redirect_uri_problem, [*browsed, *single])
    for problem in (*problems, *map(origin_problem, registration.origins)):
        if problem is not None:
            raise errors.InvalidApplication(problem)


def _make_client_id(name: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    return f"{'app-' if slug.startswith('insighta') else ''}{slug or 'app'}-{secrets.token_hex(4)}"


def _new_secret() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))


def _record(what: str, client_id: str, actor_id: UUID | None, **detail: object) -> None:
    record_event(kind=f"application.{what}", user_id=None, actor_id=actor_id, client_id=client_id, detail=detail)
