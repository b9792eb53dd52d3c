from importlib import import_module

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.utils.module_loading import import_string


class OperationsConfig(AppConfig):
    """What watches the product from outside: its system checks, and listeners to the signals of its apps."""

    name = "config"
    label = "operations"

    def ready(self) -> None:
        import_module("config.checks")
        for signal, listeners in settings.SIGNAL_LISTENERS.items():
            for path in listeners:
                import_string(signal).connect(import_string(path), dispatch_uid=path, weak=False)


class StaffAdminConfig(AdminConfig):
    """Django's admin with the site of this product."""

    default_site = "config.admin.StaffSite"
