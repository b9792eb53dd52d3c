#!/usr/bin/env python
import logging
import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import Error

from config.database.outages import explain_outage
from config.development.embedded_postgres import ensure_database


def main() -> None:
    """Run one management command against the backend's settings.

    Settings that are not right and a database that is away are one sentence.
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
    except Error as error:
        explanation = explain_outage(error)
        if explanation is None or "--traceback" in sys.argv:
            raise
        sys.exit(explanation)


if __name__ == "__main__":
    main()
