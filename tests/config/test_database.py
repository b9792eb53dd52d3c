from datetime import UTC, datetime

import pytest
from django.db import connection

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
