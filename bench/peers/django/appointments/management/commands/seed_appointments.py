import json
from argparse import ArgumentParser
from datetime import time, timedelta
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.core.management import BaseCommand, call_command
from django.utils.module_loading import import_string


class Command(BaseCommand):
    """Migrates, adds a service, somebody who offers it every day, and signed-in people; prints their session keys."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("people", type=int)

    def handle(self, *args: Any, people: int, **options: Any) -> None:
        call_command("migrate", verbosity=0)
        # It is delivered without migrations.
        call_command("migrate", verbosity=0, run_syncdb=True)
        service_model, staff_model, hours_model = (
            import_string(f"appointment.models.{name}") for name in ("Service", "StaffMember", "WorkingHours")
        )
        service = service_model.objects.create(name="Session", duration=timedelta(minutes=30), price=0)
        staff = staff_model.objects.create(user=User.objects.create(username="grace", first_name="Grace"))
        staff.services_offered.add(service)
        for day in range(7):
            hours_model.objects.create(staff_member=staff, day_of_week=day, start_time=time(9), end_time=time(18))
        users = User.objects.bulk_create(User(username=f"u{n}", email=f"u{n}@example.test") for n in range(people))
        answer = {"service": service.pk, "staff": staff.pk, "sessions": [_sign_in(user) for user in users]}
        self.stdout.write(json.dumps(answer))


def _sign_in(user: User) -> str:
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)
