"""Work of the worker: mail that operations have ordered, and what is due by the clock. Every job may run twice."""

from uuid import UUID

from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.job_context import JobContext

from bookings.services import availability, notices, subscriptions

# 40 attempts, each a minute later than the one before: a mail server may be away for half a day.
UNTIL_SENT = RetryStrategy(max_attempts=40, wait=10, linear_wait=60)
KEEP_JOBS_HOURS = 7 * 24


@app.task(name="bookings.send_notice", retry=UNTIL_SENT)
def send_notice(*, kind: str, user_id: str, subject_id: str, revision: int) -> None:
    """Tell a person what has happened to a booking, slot or subscription, if it is still so."""
    subject = UUID(subject_id)
    _send(notices.find_notice(kind=kind, user_id=UUID(user_id), subject_id=subject, revision=revision))


@app.task(name="bookings.send_reminder", retry=UNTIL_SENT)
def send_reminder(*, booking_id: str, revision: int) -> None:
    """Remind the client of a booking that has not changed since."""
    _send(notices.find_reminder(booking_id=UUID(booking_id), revision=revision))


@app.periodic(cron="*/5 * * * *")
@app.task(name="bookings.order_reminders", queueing_lock="bookings.order_reminders")
def order_reminders(timestamp: int) -> None:
    """Every five minutes: order the reminders that have come due."""
    notices.order_reminders()


def _send(notice: notices.Notice | None) -> None:
    if notice is None:
        return
    subject, _, body = render_to_string(f"bookings/mail/{notice.template}.txt", notice.context).partition("\n")
    mail = EmailMessage(subject=subject, body=body, to=[notice.recipient], headers={"Message-ID": notice.message_id})
    if notice.calendar is not None:
        mail.attach("session.ics", notice.calendar.decode(), "text/calendar")
    mail.send()


@app.periodic(cron="*/10 * * * *")
@app.task(name="bookings.settle_subscriptions", queueing_lock="bookings.settle_subscriptions")
def settle_subscriptions(timestamp: int) -> None:
    """Every ten minutes: renew or expire what has come to its end."""
    subscriptions.settle_subscriptions()


@app.periodic(cron="5 * * * *")
@app.task(name="bookings.expand_availability", queueing_lock="bookings.expand_availability")
def expand_availability(timestamp: int) -> None:
    """Every hour: make the slots that have come within their horizon."""
    availability.expand_all()


@app.periodic(cron="*/5 * * * *")
@app.task(name="bookings.retry_stalled_jobs", queueing_lock="bookings.retry_stalled_jobs", pass_context=True)
async def retry_stalled_jobs(context: JobContext, timestamp: int) -> None:
    """Every five minutes: take up the jobs of workers that died."""
    for job in await context.app.job_manager.get_stalled_jobs():
        await context.app.job_manager.retry_job(job)


@app.periodic(cron="40 4 * * *")
@app.task(name="bookings.remove_old_jobs", queueing_lock="bookings.remove_old_jobs", pass_context=True)
async def remove_old_jobs(context: JobContext, timestamp: int) -> None:
    """Every night: forget the jobs that were done a week ago."""
    await context.app.job_manager.delete_old_jobs(nb_hours=KEEP_JOBS_HOURS)
