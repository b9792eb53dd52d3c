from datetime import datetime

from django.db import connection

from bookings.repositories.transactions import find_demo_now


def read_now() -> datetime:
    """The database's `transaction_timestamp()`: outside a transaction the present instant."""
    if demo_now := find_demo_now():
        return demo_now
    with connection.cursor() as cursor:
        cursor.execute("SELECT transaction_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
