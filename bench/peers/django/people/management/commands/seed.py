import json
import secrets
import uuid
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.core.management import BaseCommand, call_command
from django.utils import timezone
from django.utils.module_loading import import_string
from peer_settings import PEER, SCOPE

from people.models import Person

CLIENT = "bench"
Tokens = tuple[str, str]


def seed_nothing(people: list[Person]) -> list[Tokens]:
    return []


def seed_simplejwt(people: list[Person]) -> list[Tokens]:
    make = import_string("rest_framework_simplejwt.tokens.RefreshToken")
    tokens = [make.for_user(person) for person in people]
    return [(str(token), str(token.access_token)) for token in tokens]


def seed_toolkit(people: list[Person]) -> list[Tokens]:
    application_model, access_model, refresh_model = (
        import_string(f"oauth2_provider.models.{name}") for name in ("Application", "AccessToken", "RefreshToken")
    )
    application, _ = application_model.objects.get_or_create(
        client_id=CLIENT,
        defaults={"client_type": "public", "authorization_grant_type": "authorization-code", "client_secret": ""},
    )
    pairs: list[Tokens] = []
    for person in people:
        refresh, access = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        common: dict[str, Any] = {"user": person, "application": application}
        expires = timezone.now() + timedelta(hours=4)
        issued = access_model.objects.create(token=access, scope=SCOPE, expires=expires, **common)
        refresh_model.objects.create(token=refresh, access_token=issued, token_family=uuid.uuid4(), **common)
        pairs.append((refresh, access))
    return pairs


def seed_allauth(people: list[Person]) -> list[Tokens]:
    client_model, token_model = (import_string(f"allauth.idp.oidc.models.{name}") for name in ("Client", "Token"))
    client, _ = client_model.objects.get_or_create(
        id=CLIENT,
        defaults={
            "name": CLIENT,
            "type": "public",
            "scopes": "openid",
            "default_scopes": "openid",
            "grant_types": "authorization_code\nrefresh_token",
        },
    )
    pairs: list[Tokens] = []
    for person in people:
        values = (secrets.token_urlsafe(24), secrets.token_urlsafe(24))
        for kind, value in zip(("rt", "at"), values, strict=True):
            token = token_model(type=kind, client=client, user=person, expires_at=timezone.now() + timedelta(hours=4))
            token.set_value(value)
            token.set_scopes(["openid"])
            token.save()
        pairs.append(values)
    return pairs


SEEDS: dict[str, Callable[[list[Person]], list[Tokens]]] = {
    "empty": seed_nothing,
    "simplejwt": seed_simplejwt,
    "toolkit": seed_toolkit,
    "toolkit_with_grace": seed_toolkit,
    "allauth": seed_allauth,
}


class Command(BaseCommand):
    """`seed COUNT`: the tables of the peer, people, and for each a refresh and an access token, as JSON."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("count", type=int)

    def handle(self, *_: Any, count: int, **__: Any) -> None:
        call_command("migrate", run_syncdb=True, verbosity=0)
        pairs = SEEDS[PEER](_make_people(count))
        self.stdout.write(json.dumps([{"refresh": refresh, "access": access} for refresh, access in pairs]))


def _make_people(count: int) -> list[Person]:
    people = [
        Person(
            login=f"bench-{number}",
            display_name="Ada of the benchmark",
            email="ada@users.example.test",
            avatar_url="https://avatars.example.test/u/1",
            time_zone="Africa/Lagos",
        )
        for number in range(count)
    ]
    return Person.objects.bulk_create(people)
