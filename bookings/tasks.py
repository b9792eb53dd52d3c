"""Work of the worker: mail that operations have ordered, and what is due by the clock. Every job may run twice."""

from collections.abc import Sequence
from datetime import datetime
from email.mime.text import MIMEText
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.exceptions import UniqueViolation
from procrastinate.job_context import JobContext
from procrastinate.jobs import Status

from bookings.services import expansion, host_news, notices, purging, renewing, waiting
from bookings.services.notices import Subject, Told

# 40 attempts, each a minute later than the one before: a mail server may be away for half a day.
UNTIL_SENT = RetryStrategy(max_attempts=40, wait=10, linear_wait=60)
# What fails for longer is left to the job of every minute.
UNTIL_OFFERED = RetryStrategy(max_attempts=5, wait=5)
KEEP_JOBS_HOURS = 7 * 24


@app.task(name="bookings.send_notice", retry=UNTIL_SENT)
def send_notice(
    *,
    kind: str,
    user_id: str,
    subject_id: str,
    revision: int,
    told: Told | None = None,
    also: Sequence[dict[str, Any]] = (),
) -> None:
    """Tell a person what has happened to a booking, slot or subscription, and to those of `also`, if it is still so."""
    subjects = [Subject(UUID(subject_id), revision, told or {})]
    subjects += [Subject(UUID(one["subject_id"]), one["revision"], one.get("told", {})) for one in also]
    _send(notices.find_notice(kind=kind, user_id=UUID(user_id), subjects=subjects))


@app.task(name="bookings.send_reminder", retry=UNTIL_SENT)
def send_reminder(*, booking_id: str, revision: int) -> None:
    """Remind the client of a booking that has not changed since."""
    _send(notices.find_reminder(booking_id=UUID(booking_id), revision=revision))


@app.periodic(cron="*/5 * * * *")
@app.task(name="bookings.order_reminders", queueing_lock="bookings.order_reminders")
def order_reminders(timestamp: int) -> None:
    """Every five minutes: order the reminders that have come due."""
    notices.order_reminders()


@app.periodic(cron="*/5 * * * *")
@app.task(name="bookings.order_host_news", queueing_lock="bookings.order_host_news")
def order_host_news(timestamp: int) -> None:
    """Every five minutes: order the mails of hosts whom there is something to tell."""
    host_news.order_host_news()


@app.task(name="bookings.send_host_news", retry=UNTIL_SENT)
def send_host_news(*, host_id: str, since: str, until: str) -> None:
    """Tell a host what others did in that time."""
    period = (datetime.fromisoformat(since), datetime.fromisoformat(until))
    for notice in host_news.find_host_news(host_id=UUID(host_id), since=period[0], until=period[1]):
        _send(notice)


def _send(notice: notices.Notice | None) -> None:
    """The headers say that no person wrote it (RFC 3834) and how it is stopped (RFC 8058)."""
    if notice is None:
        return
    subject, _, body = render_to_string(f"bookings/mail/{notice.template}.txt", notice.context).partition("\n")
    headers = {
        "Message-ID": notice.message_id,
        "Auto-Submitted": "auto-generated",
        "List-Unsubscribe": f"<{notice.stop_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    reply_to = [settings.SUPPORT_EMAIL] if settings.SUPPORT_EMAIL else None
    mail = EmailMessage(subject=subject, body=body, to=[notice.recipient], reply_to=reply_to, headers=headers)
    for number, calendar in enumerate(notice.calendars, start=1):
        name = "session" if len(notice.calendars) == 1 else f"session-{number}"
        mail.attach(_calendar_part(*calendar, filename=f"{name}.ics"))
    mail.send()


def _calendar_part(method: str, content: bytes, *, filename: str) -> MIMEText:
    part = MIMEText(content.decode(), "calendar", "utf-8")
    part.set_param("method", method)
    part.add_header("Content-Disposition", "attachment", filename=filename)
    return part


@app.periodic(cron="*/10 * * * *")
@app.task(name="bookings.settle_subscriptions", queueing_lock="bookings.settle_subscriptions")
def settle_subscriptions(timestamp: int) -> None:
    """Every ten minutes: renew or expire what has come to its end."""
    renewing.settle_subscriptions()


@app.task(name="bookings.offer_seats", retry=UNTIL_OFFERED)
def offer_seats(*, slot_id: str) -> None:
    """Offer the free seats of a slot again: credits or the calendar of somebody who waits have changed."""
    waiting.offer_free_seats(slot_id=UUID(slot_id))


@app.periodic(cron="* * * * *")
@app.task(name="bookings.offer_all_seats", queueing_lock="bookings.offer_all_seats")
def offer_all_seats(timestamp: int) -> None:
    """Every minute: book whoever waits and can be booked into the seats that are free."""
    waiting.offer_all_free_seats()


@app.periodic(cron="5 * * * *")
@app.task(name="bookings.expand_availability", queueing_lock="bookings.expand_availability")
def expand_availability(timestamp: int) -> None:
    """Every hour: make the slots that have come within their horizon."""
    expansion.expand_all()


@app.periodic(cron="*/5 * * * *")
@app.task(name="bookings.retry_expansions", queueing_lock="bookings.retry_expansions")
def retry_expansions(timestamp: int) -> None:
    """Every five minutes: expand the calendars for which it failed."""
    expansion.expand_all(only_due=True)


@app.periodic(cron="*/5 * * * *")
@app.task(name="bookings.retry_stalled_jobs", queueing_lock="bookings.retry_stalled_jobs", pass_context=True)
async def retry_stalled_jobs(context: JobContext, timestamp: int) -> None:
    """Every five minutes: take up the jobs of workers that died."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs():
        try:
            await manager.retry_job(job)
        except UniqueViolation:
            # A job of the same queueing lock waits already, and does the same work.
            await manager.finish_job(job, Status.ABORTED, delete_job=False)


@app.periodic(cron="40 4 * * *")
@app.task(name="bookings.remove_old_jobs", queueing_lock="bookings.remove_old_jobs", pass_context=True)
async def remove_old_jobs(context: JobContext, timestamp: int) -> None:
    """Every night: forget the jobs that were done a week ago."""
    await context.app.job_manager.delete_old_jobs(nb_hours=KEEP_JOBS_HOURS)


@app.periodic(cron="50 4 * * *")
@app.task(name="bookings.purge_unbooked_slots", queueing_lock="bookings.purge_unbooked_slots")
def purge_unbooked_slots(timestamp: int) -> None:
    """Every night: remove sessions that are long over and that nobody ever booked."""
    purging.purge_unbooked_slots()
