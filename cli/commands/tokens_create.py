import argparse
from datetime import timedelta
from typing import Any

from ..api import Api
from ..parsing import add_json_option
from ..settings import read_settings
from ..terminal import say, show, show_json
from ..times import format_day, format_instant, parse_instant, read_now

SUMMARY = "Make a personal access token for a script or a CI job; printed once."
EXAMPLES = """
insighta tokens create nightly-report        may read, for 90 days
insighta tokens create booker --scope bookings:write --days 30
insighta tokens create ci | gh secret set INSIGHTA_TOKEN
"""
SCOPES = {
    "account:read": "see the account and its sessions",
    "account:write": "change the account, its sessions and its tokens",
    "bookings:read": "see sessions, bookings and credits",
    "bookings:write": "book, move and cancel, and for hosts open and cancel sessions",
}
READING = ["account:read", "bookings:read"]
USUAL_DAYS, MOST_DAYS = 90, 366


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="what it is for; shown in the list")
    parser.add_argument(
        "--scope", action="append", choices=[*SCOPES], metavar="SCOPE", help=f"one or more of {', '.join(SCOPES)}"
    )
    parser.add_argument(
        "--days", type=_days, default=USUAL_DAYS, help=f"how long it works, {MOST_DAYS} at most (default: {USUAL_DAYS})"
    )
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    expires_at = format_instant(read_now() + timedelta(days=arguments.days))
    body = {"name": arguments.name, "scopes": arguments.scope or READING, "expires_at": expires_at}
    token = Api(read_settings(arguments)).post("/personal-access-tokens", body)
    if arguments.json:
        show_json(token)
    else:
        show(token["token"])
    say(
        *_describe(token),
        "This is the only time it is shown. Use it as INSIGHTA_TOKEN, or: insighta login --with-token < file",
    )


def _describe(token: dict[str, Any]) -> list[str]:
    """What whoever has the token can do, and for how long."""
    allowed = [SCOPES.get(scope, scope) for scope in token.get("scopes", [])]
    lines = [f"Whoever has it can {'; '.join(allowed)}."] if allowed else []
    if not token.get("expires_at"):
        return lines
    end = parse_instant(token["expires_at"])
    return [*lines, f"It ends on {format_day(end)} {end.year}, or when you revoke it: insighta tokens revoke"]


def _days(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= MOST_DAYS:
        raise argparse.ArgumentTypeError(f"a token works for 1 to {MOST_DAYS} days")
    return int(text)
