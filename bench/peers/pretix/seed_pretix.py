"""Makes an event with two free products, one that all can have and one of which there is one; prints their ids."""

import json
import sys
from datetime import UTC, datetime, timedelta

import django
from django.utils.module_loading import import_string


def main() -> None:
    """The output is a JSON object: `token` of the API, and the ids of `wanted` and `last`."""
    django.setup()
    organizers = import_string("pretix.base.models.Organizer").objects
    with import_string("django_scopes.scopes_disabled")():
        organizer = organizers.create(name="Bench", slug="bench")
        starts = datetime.now(UTC) + timedelta(days=30)
        event = organizer.events.create(name="Sessions", slug="sessions", date_from=starts, live=True)
        team = organizer.teams.create(name="Bench", all_events=True, all_event_permissions=True)
        seeded = {"token": team.tokens.create(name="bench").token}
        for name, size in (("wanted", 1_000_000), ("last", 1)):
            item = event.items.create(name=name, default_price=0)
            event.quotas.create(name=name, size=size).items.add(item)
            seeded[name] = item.pk
    sys.stdout.write(json.dumps(seeded))


if __name__ == "__main__":
    main()
