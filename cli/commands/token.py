import argparse

from ..access import get_access_token, get_account
from ..credentials import format_instant
from ..parsing import add_json_option
from ..settings import read_settings
from ..terminal import show, show_json

SUMMARY = "Print an access token that is good for a minute or more, for scripts."
EXAMPLES = """
curl -H "Authorization: Bearer $(insighta token)" http://…/api/v1/me
insighta token --json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """The value alone on standard output."""
    settings = read_settings()
    token = get_access_token(settings)
    if not arguments.json:
        show(token)
        return 0
    expires_at = None if settings.token else get_account(settings).access_token_expires_at
    show_json(
        {"access_token": token, "expires_at": format_instant(expires_at) if expires_at else None, "api": settings.api}
    )
    return 0
