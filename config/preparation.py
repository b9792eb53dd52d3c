"""What `make run` does to the database, in one process: migrations that are missing, and the demo in development."""

import os

import django
from django.core.management import call_command, get_commands
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


def prepare() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.backend")
    django.setup()
    from django.conf import settings

    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=0)
    if settings.DEBUG and "seed_demo" in get_commands():
        call_command("seed_demo")
    connection.close()


if __name__ == "__main__":
    prepare()
