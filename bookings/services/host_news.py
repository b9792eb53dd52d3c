"""Hosts are told of what others do with their sessions, as they wish: a mail for each change, or one a day."""

from datetime import datetime, time, timedelta
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings

from accounts.policies import describe_period
from bookings.policies.times import instant_of
from bookings.repositories import host_news, jobs, people
from bookings.repositories.host_news import Change
from bookings.repositories.rows import RecipientRow
from bookings.services.mail_choices import stop_address
from bookings.services.notices import Notice
from bookings.services.operations import operation

HOSTS_AT_ONCE = 500
CHANGES_IN_A_MAIL = 100
MORNING = time(7)
# An operation keeps the time at which it began through all its attempts, so what is this old has been committed.
SETTLED = timedelta(minutes=1)
# Who wanted no mails for a while is not told of all of it afterwards.
LONGEST_PERIOD = timedelta(days=2)


def order_host_news() -> int:
    """Order the mails of hosts whom there is something to tell; how many hosts that were."""
    return sum(iter(_order_some, 0))


@operation
def _order_some(now: datetime, /) -> int:
    until = now - SETTLED
    due = host_news.take_due(now=until, limit=HOSTS_AT_ONCE)
    for host in due:
        host_news.set_told(host.host_id, until=until, tell_from=_next_morning(now, ZoneInfo(host.time_zone)))
    jobs.defer_host_news([(host.host_id, max(host.told_until, until - LONGEST_PERIOD), until) for host in due])
    return len(due)


def _next_morning(now: datetime, zone: ZoneInfo) -> datetime:
    today = now.astimezone(zone).date()
    mornings = (instant_of(day=today + timedelta(days=n), wall_time=MORNING, zone=zone) for n in range(3))
    return next(morning for morning in mornings if morning > now)


def find_host_news(*, host_id: UUID, since: datetime, until: datetime) -> list[Notice]:
    """The mails about what happened in `[since, until)`; none where the host wants none or nothing happened."""
    person = people.find_recipient(host_id)
    if person is None or person["hosting_notifications"] == "none":
        return []
    changes = host_news.list_changes(host_id, since=since, until=until, limit=CHANGES_IN_A_MAIL + 1)
    if not changes:
        return []
    if person["hosting_notifications"] == "daily":
        return [_notice("host_digest", f"{until.timestamp():.0f}", host_id, person, changes)]
    return [
        _notice("host_change", f"{one.booking_id}.{one.kind}.{one.at.timestamp():.0f}", host_id, person, [one])
        for one in changes[:CHANGES_IN_A_MAIL]
    ]


def _notice(template: str, name: str, host_id: UUID, person: RecipientRow, changes: list[Change]) -> Notice:
    zone, stop_url = ZoneInfo(person["time_zone"]), stop_address(kind="hosting", user_id=host_id)
    shown = [
        {
            "kind": one.kind,
            "client": one.client,
            "title": one.title,
            "when": describe_period(one.starts_at, one.ends_at, zone=zone),
        }
        for one in changes[:CHANGES_IN_A_MAIL]
    ]
    return Notice(
        template=template,
        recipient=person["email"],
        message_id=f"<{template}.{host_id}.{name}@{urlsplit(settings.BACKEND_URL).hostname}>",
        stop_url=stop_url,
        context={
            "name": person["display_name"] or person["login"],
            "changes": shown,
            "is_cut": len(changes) > CHANGES_IN_A_MAIL,
            "url": f"{settings.PORTAL_URL}/hosting",
            "about": "the sessions that you host",
            "stop_url": stop_url,
        },
    )
