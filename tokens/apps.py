from importlib import import_module

from django.apps import AppConfig
from django.core.checks import Tags, register


class TokensConfig(AppConfig):
    name = "tokens"
    verbose_name = "Access"

    def ready(self) -> None:
        import_module("tokens.receivers")
        register(import_module("tokens.management.checks").check_applications, Tags.database)
