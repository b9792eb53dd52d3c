from __future__ import annotations

from types import SimpleNamespace

from .. import TYPE_CHECKING
from ..access_tokens import get_access_token, get_account
from ..jobs import uses_job
from ..settings import read_settings
from ..terminal import show, show_json
from ..times import format_instant

if TYPE_CHECKING:
    import argparse

SUMMARY = "Print an access token that is good for a minute or more, for scripts."
EXAMPLES = """
curl -H "Authorization: Bearer $(insighta token)" http://…/api/v1/me
insighta token --json
"""
# Scripts call it all the time, and importing argparse would cost a third of the start.
DEFAULTS = SimpleNamespace(json=False)


def configure(parser: argparse.ArgumentParser) -> None:
    from ..parsing import add_json_option

    add_json_option(parser)


def run(arguments: argparse.Namespace | SimpleNamespace) -> None:
    settings = read_settings(arguments)
    token = get_access_token(settings)
    if not arguments.json:
        show(token)
        return
    expires_at = None if settings.token or uses_job(settings) else get_account(settings).access_token_expires_at
    show_json(
        {"access_token": token, "expires_at": format_instant(expires_at) if expires_at else None, "api": settings.api}
    )
