"""After `manage.py migrate`, the roles of the staff have the permissions of this release."""

from typing import Any

from accounts.services import roles


def synchronise_roles(sender: Any, apps: Any = None, **_: object) -> None:
    """Django sends `post_migrate` for each app in turn; with the last one every app's permissions are there."""
    last = [app for app in sender.apps.get_app_configs() if app.models_module is not None][-1]
    tables = {model._meta.db_table for model in (apps or sender.apps).get_models()}
    if sender == last and "auth_group" in tables:
        roles.synchronise_roles()
