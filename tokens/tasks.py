"""Work that the worker does by the clock."""

from datetime import timedelta

from django.utils import timezone
from procrastinate.contrib.django import app

from tokens.services import housekeeping, signing_keys


@app.periodic(cron="17 * * * *")
@app.task(queueing_lock="purge", pass_context=False)
def purge(timestamp: int) -> None:
    """Every hour: remove what has expired."""
    housekeeping.purge_expired(now=timezone.now())


@app.periodic(cron="23 3 1 * *")
@app.task(queueing_lock="rotate_signing_keys", pass_context=False)
def rotate_signing_keys(timestamp: int) -> None:
    """On the first of each month: a new signing key, published an hour before it signs."""
    signing_keys.rotate_signing_keys(now=timezone.now(), activates_in=timedelta(hours=1))
