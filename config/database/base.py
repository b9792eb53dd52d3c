from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.db.backends.postgresql import base
from psycopg.adapt import AdaptersMap, Buffer, Loader


class InstantLoader(Loader):
    """Reads a `timestamptz`. Django's loader is written in Python and takes ten times as long for each value."""

    # Django registers a loader of its own for each cursor where this is not its zone.
    timezone = UTC

    def load(self, data: Buffer) -> datetime:
        return datetime.fromisoformat(bytes(data).decode()).astimezone(UTC)


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's PostgreSQL backend, with quicker instants and connections from the pool."""

    def get_connection_params(self) -> dict[str, Any]:
        parameters = super().get_connection_params()
        return {**parameters, "context": _with_instants(parameters["context"])}

    def _set_autocommit(self, autocommit: bool) -> None:
        # A connection from the pool has it already, and psycopg locks the connection to set it.
        if self.connection.autocommit != autocommit:
            super()._set_autocommit(autocommit)  # type: ignore[misc]  # django-stubs leaves it out


@cache
def _with_instants(template: AdaptersMap) -> AdaptersMap:
    adapters = AdaptersMap(template)
    adapters.register_loader("timestamptz", InstantLoader)
    return adapters
