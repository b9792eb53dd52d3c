from django.conf import settings


def prepare_connections() -> None:
    """Set what the connections of a server have, and those of migrations, commands and jobs have not.

    Called before the first connection. PostgreSQL's `lock_timeout` is `LOCK_WAIT_SECONDS`, and the class is
    `ServerConnection`. Without a pool the connection goes through pgbouncer, which refuses connection options and sets
    the limit itself: deploy/pgbouncer.
    """
    options = settings.DATABASES.get("default", {}).get("OPTIONS", {})
    if options.get("pool"):
        limit = f"-c lock_timeout={int(settings.LOCK_WAIT_SECONDS * 1000)}"
        # The last option wins: the one from DATABASE_URL.
        options["options"] = f"{limit} {options.get('options', '')}".strip()
        # The portal, which has no database, has no use for the driver.
        from config.database.server import ServerConnection

        options["pool"]["connection_class"] = ServerConnection
