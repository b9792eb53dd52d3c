from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser
from django.utils import timezone

from accounts.management.base import ServiceCommand
from bookings.management.commands._front_desk import as_json, fold, report_line, report_own_booking, show_lines
from bookings.policies.counts import count, count_credits
from bookings.serializers.answers import SubscriptionSerializer
from bookings.services.front_desk import describe_session
from bookings.services.timeline import PersonStory, get_person_story


class Command(ServiceCommand):
    """One person: credits, bookings, access, and what happened."""

    help = "Show one person: standing, credits, bookings, what can act for them, and what happened, newest first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="GitHub login, or id where several people have been called that")
        parser.add_argument("--topic", default="", help="bookings, credits, access, hosting or staff; all without it")
        parser.add_argument("--before", type=UUID, help="go on below the line with this event id (see --json)")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: object, **options: Any) -> None:
        story = get_person_story(
            login_or_id=options["person"], topic=options["topic"], before=options["before"], now=timezone.now()
        )
        self.stdout.write(as_json(_report(story)) if options["json"] else "\n".join(_show(story)))


def _report(story: PersonStory) -> dict[str, object]:
    person = story.person
    return {
        "id": person.pk,
        "login": person.login,
        "display_name": person.display_name,
        "email": person.email,
        "time_zone": person.time_zone,
        "standing": person.standing,
        "is_active": person.is_active,
        "is_host": person.is_host,
        "role": story.role,
        "created_at": person.created_at,
        "credits_available": story.credits,
        "subscriptions": [SubscriptionSerializer(row).data for row in story.subscriptions],
        "upcoming": [report_own_booking(row) for row in story.upcoming],
        "past": [report_own_booking(row) for row in story.past],
        "sessions": story.access.sessions,
        "personal_access_tokens": story.access.personal_tokens,
        "trusted_publishers": story.access.publishers,
        "timeline": [report_line(line) for line in story.lines],
    }


def _show(story: PersonStory) -> list[str]:
    person, access = story.person, story.access
    marks = [person.standing, *(["host"] if person.is_host else []), *([story.role] if story.role else [])]
    marks += [] if person.is_active else ["deactivated"]
    counted = {"sign-in": access.sessions, "access token": access.personal_tokens}
    counted["trusted publisher"] = access.publishers
    lines = [
        f"{person.display_name or person.login} ({person.login}), {person.email or 'no address'}",
        f"{person.pk}, {', '.join(marks)}, since {person.created_at.day} {person.created_at:%b %Y}, {person.time_zone}",
        ", ".join(count(number, name) for name, number in counted.items()),
        "",
        f"{count_credits(story.credits)} to spend",
    ]
    for plan in story.subscriptions:
        renews = ", renews itself" if plan["renews"] else ""
        lines.append(f"  {plan['plan']}: {plan['credits_remaining']} until {plan['ends_at']:%d %b %Y}{renews}")
        lines.append(f"    {plan['id']}")
    for title, rows in (("Upcoming", story.upcoming), ("Past and cancelled", story.past)):
        lines += ["", title if rows else f"{title}: none"]
        for row in rows:
            lines += [f"  {describe_session(row)}: {row['status']}", f"    {row['id']}"]
    return [*map(fold, lines), "", "What happened", *show_lines(story.lines)]
