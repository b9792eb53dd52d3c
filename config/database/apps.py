from django.contrib.postgres.apps import PostgresConfig
from django.contrib.postgres.signals import register_type_handlers
from django.db.backends.signals import connection_created


class PostgresFieldsConfig(PostgresConfig):
    """Django's fields of PostgreSQL, without the types of two extensions that no table here uses.

    Django would register those again whenever a request takes a connection from the pool.
    """

    def ready(self) -> None:
        super().ready()
        connection_created.disconnect(register_type_handlers)
