"""The worker's jobs, run here one after the other."""

from django.db import connection
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob


def run_jobs() -> int:
    """Run every job once; they stay in the queue, so a second call repeats them."""
    jobs = list(ProcrastinateJob.objects.filter(task_name__startswith="bookings.").order_by("id"))
    for job in jobs:
        # The worker takes the id of the request that ordered the job away, too.
        app.tasks[job.task_name](**{name: value for name, value in job.args.items() if name != "request_id"})
    return len(jobs)


def forget_jobs() -> None:
    """What is ordered so far is not run any more."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
