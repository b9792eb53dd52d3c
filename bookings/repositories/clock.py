from datetime import datetime

from django.db import connection


def begin(*, lock_timeout_ms: int) -> datetime:
    """The database's `transaction_timestamp()`; from here to the end of the transaction no lock is waited for longer.

    One statement, the transaction's first: waiting for a lock later moves nobody past a deadline.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT transaction_timestamp(), set_config('lock_timeout', %s, true)", [f"{lock_timeout_ms}ms"])
        now: datetime = cursor.fetchone()[0]
    return now


def read_now() -> datetime:
    """The database's `transaction_timestamp()`: outside a transaction the present instant."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT transaction_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
