"""Periodic jobs of the worker."""

import random
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import timezone
from procrastinate import BaseRetryStrategy, JobContext, RetryDecision, RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.jobs import Job

from tokens.errors import LogoutRefused
from tokens.services import back_channel, personal_tokens, purging, security_mails, signing_keys


@app.periodic(cron="17 * * * *")
@app.task(queueing_lock="purge", pass_context=False)
def purge(timestamp: int) -> None:
    """Every hour: remove what has expired, and give tokens of an earlier release their end."""
    now = timezone.now()
    purging.purge_expired(now=now)
    while personal_tokens.end_endless_tokens(now=now, limit=purging.BATCH):
        pass


@app.task(name="tokens.send_security_mail", retry=RetryStrategy(max_attempts=40, wait=10, linear_wait=60))
def send_security_mail(*, kind: str, user_id: str, subject_id: str) -> None:
    """Tell a person of a new credential, whatever they wish for mails. A second run has the same Message-ID."""
    mail = security_mails.find_mail(kind=kind, user_id=UUID(user_id), subject_id=UUID(subject_id), now=timezone.now())
    if mail is None:
        return
    subject, _, body = render_to_string(f"tokens/mail/{kind}.txt", mail.context).partition("\n")
    headers = {"Message-ID": mail.message_id, "Auto-Submitted": "auto-generated"}
    reply_to = [settings.SUPPORT_EMAIL] if settings.SUPPORT_EMAIL else None
    EmailMessage(subject=subject, body=body, to=[mail.recipient], reply_to=reply_to, headers=headers).send()


class JitteredBackoff(BaseRetryStrategy):
    """Waits 10 seconds, then twice as long each time up to an hour; of that a random half to the whole.

    Jobs that failed together, because an application was away, come back apart.
    """

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, LogoutRefused) or job.attempts >= back_channel.ATTEMPTS:
            return None
        wait = min(3600, 10 * 2 ** min(job.attempts, 20))
        return RetryDecision(retry_in={"seconds": round(wait * random.uniform(0.5, 1))})  # noqa: S311  # no secret


@app.task(name="tokens.send_logout_token", retry=JitteredBackoff(), pass_context=True)
def send_logout_token(context: JobContext, *, client_id: str, user_id: str, session_id: str) -> None:
    """Tell an application that a sign-in has ended. A second run sends another token about the same sign-in."""
    ended = back_channel.Ended(client_id, UUID(user_id), UUID(session_id))
    back_channel.send_logout(ended, attempt=context.job.attempts + 1, now=timezone.now())


@app.periodic(cron="23 3 1 * *")
@app.task(queueing_lock="rotate_signing_keys", pass_context=False)
def rotate_signing_keys(timestamp: int) -> None:
    """On the first of each month: a new signing key, published an hour before it signs."""
    signing_keys.rotate_signing_keys(now=timezone.now(), activates_in=timedelta(hours=1))
