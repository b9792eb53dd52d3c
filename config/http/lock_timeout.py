from django.conf import settings


def set_lock_timeout() -> None:
    """Set PostgreSQL's `lock_timeout` to `LOCK_WAIT_SECONDS` on every connection of this server.

    Called before the first connection. Migrations, commands and jobs have no such limit, so it is not a setting of the
    database. Without a pool the connection goes through pgbouncer, which refuses connection options and sets the limit
    itself: deploy/pgbouncer.
    """
    options = settings.DATABASES.get("default", {}).get("OPTIONS", {})
    if options.get("pool"):
        limit = f"-c lock_timeout={int(settings.LOCK_WAIT_SECONDS * 1000)}"
        # The last option wins: the one from DATABASE_URL.
        options["options"] = f"{limit} {options.get('options', '')}".strip()
