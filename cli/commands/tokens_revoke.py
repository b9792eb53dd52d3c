import argparse
import re
from functools import cache
from typing import Any

from ..api import Api
from ..errors import CliError
from ..settings import read_settings
from ..short_ids import Items, describe_choice, resolve_id
from ..terminal import say
from ..times import format_moment, parse_instant

SUMMARY = "Make a personal access token useless at once."
EXAMPLES = """
insighta tokens revoke insp_xSOE         as the list shows it
insighta tokens revoke 019ab3f7-0c11
"""
# Not the whole secret, which does not belong on a command line.
SHOWN_START = re.compile(r"(insp_\w{4,8})…?")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("token", help="the token's id or its start, or the listed start of the secret")


def run(arguments: argparse.Namespace) -> None:
    api = Api(read_settings(arguments))
    list_tokens = cache(lambda: api.list("/personal-access-tokens"))
    shown = SHOWN_START.fullmatch(arguments.token)
    if shown:
        token_id = _choose_by_start(shown[1], list_tokens())
    else:
        token_id = resolve_id(arguments.token, "token", list_tokens, _describe)
    revoked = next((token for token in list_tokens() if token["id"] == token_id), {})
    api.delete(f"/personal-access-tokens/{token_id}")
    say(f"Revoked: {revoked.get('name') or token_id}.")


def _choose_by_start(start: str, tokens: Items) -> str:
    matches = [token for token in tokens if str(token["prefix"]).startswith(start)]
    if not matches:
        raise CliError("None of your tokens starts so.", "List them: insighta tokens list")
    if len(matches) > 1:
        raise describe_choice(f"{len(matches)} tokens start so", tokens, matches, _describe)
    return str(matches[0]["id"])


def _describe(token: dict[str, Any]) -> str:
    return f"{token['name']}, made {format_moment(parse_instant(token['created_at']))}"
