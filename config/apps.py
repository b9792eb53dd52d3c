from importlib import import_module

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.utils.module_loading import import_string


class OperationsConfig(AppConfig):
    """Registers the system checks and connects `SIGNAL_LISTENERS`."""

    name = "config"
    label = "operations"

    def ready(self) -> None:
        import_module("config.observability.checks")
        for signal, listeners in settings.SIGNAL_LISTENERS.items():
            for path in listeners:
                import_string(signal).connect(import_string(path), dispatch_uid=path, weak=False)


class StaffAdminConfig(AdminConfig):
    """Django's admin with `StaffSite`."""

    default_site = "config.admin.StaffSite"
