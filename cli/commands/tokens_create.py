import argparse
from datetime import timedelta

from .. import clock
from ..api import Api
from ..credentials import format_instant
from ..parsing import add_json_option
from ..settings import read_settings
from ..terminal import say, show, show_json

SUMMARY = "Make a personal access token for a script or a CI job; printed once."
EXAMPLES = """
insighta tokens create nightly-report        may read, for 90 days
insighta tokens create booker --scope bookings:write --days 30
insighta tokens create ci | gh secret set INSIGHTA_TOKEN
"""
SCOPES = ("account:read", "account:write", "bookings:read", "bookings:write")
READING = ["account:read", "bookings:read"]
USUAL_DAYS = 90


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("name", help="what it is for; shown in the list")
    parser.add_argument(
        "--scope", action="append", choices=SCOPES, metavar="SCOPE", help=f"one or more of {', '.join(SCOPES)}"
    )
    lifetime = parser.add_mutually_exclusive_group()
    lifetime.add_argument("--days", type=_days, default=USUAL_DAYS, help=f"how long it works (default: {USUAL_DAYS})")
    lifetime.add_argument("--no-end", action="store_true", help="until it is revoked")
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Least by default: reading only, and not for ever."""
    expires_at = None if arguments.no_end else format_instant(clock.read_now() + timedelta(days=arguments.days))
    body = {"name": arguments.name, "scopes": arguments.scope or READING, "expires_at": expires_at}
    token = Api(read_settings()).post("/personal-access-tokens", body)
    if arguments.json:
        show_json(token)
    else:
        show(token["token"])
    say("This is the only time it is shown. Use it as INSIGHTA_TOKEN, or: insighta login --with-token < file")
    return 0


def _days(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= 3650:
        raise argparse.ArgumentTypeError("a number of days from 1 to 3650")
    return int(text)
