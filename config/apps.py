from importlib import import_module

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.core.cache import close_caches
from django.core.handlers.base import reset_urlconf
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, reset_queries
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
        disconnect_idle_receivers()


def disconnect_idle_receivers() -> None:
    """Take from Django's signals of each request the receivers that have nothing to do here.

    A connection is closed, or back in the pool, when its request ends: none is old when the next begins. No cache has
    connections to close, each request sets the urlconf, and the log of queries, which DEBUG alone fills, is bounded.
    """
    request_started.disconnect(close_old_connections)
    request_started.disconnect(reset_queries)
    request_finished.disconnect(close_caches)
    request_finished.disconnect(reset_urlconf)


class StaffAdminConfig(AdminConfig):
    """Django's admin with `StaffSite`."""

    default_site = "config.admin.StaffSite"
