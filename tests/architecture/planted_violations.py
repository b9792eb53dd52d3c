"""One violation of every rule, to be planted into a copy of the tree, and code that looks like one and is none."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Violation:
    """`code` is added at the end of `path`; then `rule` is broken, and its report names `shows`."""

    rule: str
    path: str
    code: str
    shows: str


IMPORTS = (
    Violation(
        "apps-are-layers",
        "accounts/services/planted_upward.py",
        "import tokens.services",
        "accounts.services.planted_upward -> tokens.services (l.1)",
    ),
    Violation(
        "front-doors-speak-http",
        "portal/planted_inside.py",
        "import tokens.services",
        "portal.planted_inside -> tokens.services (l.1)",
    ),
    Violation(
        "front-doors-speak-http",
        "sandbox/planted_neighbour.py",
        "import cli",
        "sandbox.planted_neighbour -> cli (l.1)",
    ),
    Violation(
        "no-django-outside",
        "cli/planted_django.py",
        "from django.conf import settings",
        "cli.planted_django -> django (l.1)",
    ),
    Violation(
        "apps-know-no-wiring",
        "bookings/management/planted_wiring.py",
        "import config.settings",
        "bookings.management.planted_wiring -> config.settings (l.1)",
    ),
    Violation(
        "product-without-tests",
        "config/planted_tests.py",
        "import tests.processes",
        "config.planted_tests -> tests (l.1)",
    ),
    Violation(
        "config-wires-urls",
        "config/planted_service.py",
        "import accounts.services",
        "config.planted_service -> accounts.services (l.1)",
    ),
    Violation(
        "urls-are-included-by-config",
        "tokens/management/planted_urls.py",
        "import tokens.urls",
        "tokens.management.planted_urls -> tokens.urls (l.1)",
    ),
    Violation(
        "views-are-apart",
        "portal/views/planted_helper.py",
        "from portal.views import slots",
        "portal.views.planted_helper -> portal.views.slots (l.1)",
    ),
    Violation(
        "inside-an-app",
        "accounts/repositories/planted_service.py",
        "import accounts.services",
        "accounts.repositories.planted_service -> accounts.services (l.1)",
    ),
    Violation(
        "inside-an-app",
        "accounts/planted_name.py",
        "",
        "The following modules are not listed as layers: - accounts.planted_name",
    ),
    Violation(
        "repositories-serve-services",
        "tokens/management/planted_repository.py",
        "import tokens.repositories",
        "tokens.management.planted_repository -> tokens.repositories (l.1)",
    ),
    Violation(
        "models-belong-to-repositories",
        "accounts/services/planted_model.py",
        "from accounts.models import User",
        "accounts.services.planted_model -> accounts.models (l.1)",
    ),
    Violation(
        "edges-stay-in-their-app",
        "tokens/views/planted_neighbour.py",
        "from accounts.services import people",
        "tokens.views.planted_neighbour -> accounts.services.people (l.1)",
    ),
    Violation(
        "door-of-accounts",
        "tokens/services/planted_foreign.py",
        "import accounts.repositories",
        "tokens.services.planted_foreign -> accounts.repositories (l.1)",
    ),
    Violation(
        "door-of-tokens",
        "bookings/services/planted_foreign.py",
        "import tokens.repositories",
        "bookings.services.planted_foreign -> tokens.repositories (l.1)",
    ),
)

RULES = (
    Violation(
        "orm-in-repositories",
        "accounts/services/planted_query.py",
        "names = User.objects.all()",
        "planted_query.py:1 .objects",
    ),
    Violation(
        "orm-in-repositories", "tokens/views/planted_save.py", "session.save()", "planted_save.py:1 session.save("
    ),
    Violation(
        "orm-in-repositories",
        "bookings/management/planted_sql.py",
        "with connection.cursor() as cursor:\n    pass",
        "planted_sql.py:1 connection.cursor(",
    ),
    Violation(
        "orm-in-repositories",
        "accounts/views/planted_related.py",
        "mine = person.bookings.filter(active=True)",
        "planted_related.py:1 person.bookings.filter(",
    ),
    Violation(
        "atomic-in-services",
        "accounts/repositories/planted_atomic.py",
        "from django.db import transaction\n\nwith transaction.atomic():\n    pass",
        "planted_atomic.py:3 transaction.atomic",
    ),
    Violation(
        "clock-at-the-edges",
        "tokens/services/planted_clock.py",
        "now = timezone.now()",
        "planted_clock.py:1 timezone.now",
    ),
    Violation(
        "clock-at-the-edges",
        "accounts/repositories/planted_clock.py",
        "from time import time",
        "planted_clock.py:1 time.time",
    ),
    Violation(
        "pure-policies-and-errors",
        "tokens/policies/planted_impure.py",
        "from django.utils import timezone",
        "planted_impure.py:1 django.utils.timezone",
    ),
    Violation(
        "services-without-orm-and-http",
        "tokens/services/planted_http.py",
        "from django.http import HttpResponse",
        "planted_http.py:1 django.http.HttpResponse",
    ),
    Violation(
        "edges-without-sql",
        "accounts/views/planted_sql.py",
        "from django.db import connection",
        "planted_sql.py:1 django.db.connection",
    ),
    Violation(
        "portal-without-database",
        "portal/planted_database.py",
        "from django.db import models",
        "planted_database.py:1 django.db.models",
    ),
    Violation(
        "urls-included-by-config",
        "tokens/planted_include.py",
        'urlpatterns = [path("", include("accounts.urls"))]',
        "planted_include.py:1 include('accounts.urls')",
    ),
    Violation(
        "type-only-imports",
        "accounts/services/planted_hidden.py",
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from tokens.models import Session",
        "planted_hidden.py:4 tokens.models.Session",
    ),
    Violation(
        "keyword-only-services",
        "accounts/services/planted_positional.py",
        "def merge_people(kept, removed): ...",
        "planted_positional.py:1 merge_people(kept, removed)",
    ),
    Violation(
        "keyword-only-services",
        "tokens/services/planted_durable.py",
        "@transaction.atomic(durable=True)\ndef end_session(session_id): ...",
        "planted_durable.py:2 end_session(session_id)",
    ),
    Violation(
        "get-raises-find-may-miss",
        "accounts/repositories/planted_get.py",
        'def get_person(user_id: UUID) -> "User | None": ...',
        "planted_get.py:1 get_person -> 'User | None'",
    ),
    Violation(
        "suppressions-with-a-reason",
        "sandbox/planted_silence.py",
        "import os  # noqa: F401",
        "planted_silence.py:1 # noqa: F401",
    ),
    Violation(
        "suppressions-with-a-reason",
        "tests/architecture/planted_silence.py",
        "x: int = ''  # type: ignore[assignment]",
        "planted_silence.py:1 # type: ignore[assignment]",
    ),
    Violation(
        "files-to-read-in-one-sitting",
        "cli/planted_scroll.py",
        "pass\n" * 400,
        "planted_scroll.py 400 lines",
    ),
    Violation("lines-of-pages", "docs/planted.md", "word " * 25, "docs/planted.md:1 125 characters"),
    Violation("file-names", "bookings/planted.sql", "SELECT 1", "bookings/planted.sql is no module"),
    Violation("file-names", "sandbox/utils.py", "", "sandbox/utils.py is named after nothing"),
)

TOOLS = (
    # The other checks do not read this place; they would stop at the first such file.
    Violation(
        "lint",
        "deploy/migrations/planted_syntax.py",
        'name = "',
        "string literal --> deploy/migrations/planted_syntax.py:1:8",
    ),
    Violation(
        "cycles",
        "sandbox/planted_circle.py",
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from sandbox import planted_circle_end",
        "No cycles are allowed in sandbox.",
    ),
    Violation(
        "cycles", "sandbox/planted_circle_end.py", "import sandbox.planted_circle", "No cycles are allowed in sandbox."
    ),
    Violation(
        "lint",
        "sandbox/planted_lint.py",
        "import json\n\n\ndef count() -> int:\n    number = 0\n" + "    number += 1\n" * 30 + "    return number",
        "PLR0915 Too many statements (31 > 30)",
    ),
    Violation("format", "sandbox/planted_layout.py", "x = {  'a':1 }", "sandbox/planted_layout.py"),
    Violation(
        "types",
        "accounts/repositories/planted_types.py",
        "from accounts.models import User\n\n\ndef count_nobody(name):\n"
        "    return User.objects.filter(no_such_column=name).count()",
        "accounts/repositories/planted_types.py:4: error: Function is missing a type annotation",
    ),
    Violation(
        "types",
        "tokens/repositories/planted_columns.py",
        "from accounts.models import User\n\n\ndef count_nobody(*, name: str) -> int:\n"
        "    return User.objects.filter(no_such_column=name).count()",
        "tokens/repositories/planted_columns.py:5: error: Cannot resolve keyword 'no_such_column' into field",
    ),
    Violation(
        "migrations",
        "accounts/models.py",
        "\n\nclass Planted(models.Model):\n    pass",
        "Create model Planted",
    ),
    # It comes after whatever is the app's last migration, and changes no model.
    Violation(
        "upgrades",
        "accounts/migrations/9999_planted.py",
        "from pathlib import Path\n\nfrom django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
        '    dependencies = [("accounts", sorted(file.stem for file in Path(__file__).parent.glob("0*.py"))[-1])]\n'
        '    operations = [migrations.RunSQL("ALTER TABLE accounts_user DROP COLUMN login", migrations.RunSQL.noop)]',
        "ban-drop-column accounts.9999_planted: ALTER TABLE accounts_user DROP COLUMN login",
    ),
)

INNOCENT = {
    "docs/innocent.md": "| wide |\n" + "|" * 130 + "\n\n```sh\n" + "x" * 130 + "\n```",
    "accounts/views/innocent_clock.py": "from django.utils import timezone\n\nnow = timezone.now()",
    "accounts/views/innocent_errors.py": "from django.db import OperationalError",
    "accounts/services/innocent_cache.py": 'cache.delete("key")',
    "tokens/services/innocent_types.py": (
        "from typing import TYPE_CHECKING\n\nfrom django.conf import settings\nfrom django.db import transaction\n\n"
        "if TYPE_CHECKING:\n    from accounts.models import User\n\n\n"
        '@transaction.atomic(durable=True)\ndef find_person(*, name: str) -> "User | None": ...'
    ),
    "bookings/services/innocent_subject.py": "def release_booking(booking, *, now): ...",
    "tokens/policies/innocent_sibling.py": "import hmac\n\nfrom tokens.policies import pkce",
    "portal/innocent_delete.py": 'client.delete("/sessions")',
    "sandbox/innocent_silence.py": "import os  # noqa: F401  # what it registers is used by name",
}
