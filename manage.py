#!/usr/bin/env python
import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from config.development.embedded_postgres import ensure_database


def main() -> None:
    """Run one management command against the backend's settings; settings that are not right are one sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.backend")
    if os.environ["DJANGO_SETTINGS_MODULE"] != "config.settings.portal":
        ensure_database()
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"{error}\nIn a checkout for development: DEBUG=true python {' '.join(sys.argv)}")


if __name__ == "__main__":
    main()
