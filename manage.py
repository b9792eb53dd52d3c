#!/usr/bin/env python
import logging
import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError

from config.development.embedded_postgres import ensure_database


def main() -> None:
    """Run one management command against the backend's settings.

    Settings that are not right and a database that does not answer are one sentence.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.backend")
    if os.environ["DJANGO_SETTINGS_MODULE"] != "config.settings.portal":
        ensure_database()
    if sys.argv[1:2] != ["procrastinate"]:
        # What its pool tries would stand before the sentence. A worker goes on for long, and its log has it.
        logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"{error}\nIn a checkout for development: DEBUG=true python {' '.join(sys.argv)}")
    except OperationalError as error:
        # PostgreSQL gives what it refuses a code. What has none did not reach it.
        if getattr(error.__cause__, "sqlstate", None) or "--traceback" in sys.argv:
            raise
        cause = str(error).strip()
        sys.exit(f"The database does not answer: {cause}\nIs PostgreSQL running, and is DATABASE_URL its address?")


if __name__ == "__main__":
    main()
