from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.db import connection
from psycopg.errors import DivisionByZero
from psycopg.pq import TransactionStatus

from config.database.server import ServerConnection
from config.http.connections import prepare_connections

INSTANT = datetime(2026, 3, 29, 0, 59, 59, 120000, tzinfo=UTC)


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/St_Johns"])
def test_instants_are_read_in_utc(zone: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('TimeZone', %s, true)", [zone])
        cursor.execute("SELECT %s::timestamptz, tstzrange(%s, NULL), NULL::timestamptz", [INSTANT, INSTANT])
        instant, period, nothing = cursor.fetchone()
    assert (instant, instant.tzinfo, period.lower, nothing) == (INSTANT, UTC, INSTANT, None)


@pytest.mark.django_db
def test_no_cursor_copies_the_adapters() -> None:
    with connection.cursor() as cursor:
        assert cursor.adapters.get_loader(1184, 0) is connection.connection.adapters.get_loader(1184, 0)
        assert cursor.adapters.get_loader(1184, 0).__module__ == "config.database.base"


@pytest.mark.django_db(transaction=True)
def test_a_servers_connection_keeps_prepared_statements_over_a_rollback() -> None:
    parameters = connection.get_connection_params()
    with ServerConnection.connect(**{**parameters, "prepare_threshold": 0, "autocommit": False}) as own:
        statement = "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE '\\_pg3%%'"
        own.execute("CREATE TEMPORARY TABLE made (id int)")
        own.rollback()
        assert own.info.transaction_status == TransactionStatus.IDLE
        assert own.execute("SELECT to_regclass('made')").fetchone() == (None,)
        with pytest.raises(DivisionByZero):
            own.execute("SELECT 1 / 0")
        own.rollback()
        own.rollback()
        (kept,) = own.execute(statement).fetchone() or (0,)
    assert kept >= 2


def test_the_pool_of_a_server_makes_such_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"pool": {"max_size": 1}}
    monkeypatch.setitem(settings.DATABASES, "default", {"OPTIONS": options})
    prepare_connections()
    assert options["pool"] == {"max_size": 1, "connection_class": ServerConnection}
