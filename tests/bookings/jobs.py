"""The worker's jobs, run here one after the other."""

from datetime import timedelta

from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from bookings.repositories import clock


def run_jobs(*, ahead: timedelta = timedelta(0)) -> int:
    """Run every job that is due now, or `ahead` of now, once; they stay in the queue, so a second call repeats them."""
    due = clock.read_now() + ahead
    jobs = [job for job in ProcrastinateJob.objects.order_by("id") if not job.scheduled_at or job.scheduled_at <= due]
    for job in jobs:
        # The worker takes the id of the request that ordered the job away, too.
        app.tasks[job.task_name](**{name: value for name, value in job.args.items() if name != "request_id"})
    return len(jobs)
