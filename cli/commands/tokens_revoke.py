import argparse
from functools import cache

from ..api import Api
from ..ids import resolve_id
from ..settings import read_settings
from ..terminal import clean, say

SUMMARY = "Make a personal access token useless at once."
EXAMPLES = """
insighta tokens revoke 019ab3f7
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("token", help="the token's id, or its start (not the secret)")


def run(arguments: argparse.Namespace) -> int:
    """By id, because a secret does not belong on a command line."""
    api = Api(read_settings())
    list_tokens = cache(lambda: api.list("/personal-access-tokens"))
    token_id = resolve_id(arguments.token, "token", list_tokens)
    revoked = next((token for token in list_tokens() if token["id"] == token_id), {})
    api.delete(f"/personal-access-tokens/{token_id}")
    say(f"Revoked: {clean(revoked.get('name') or token_id)}.")
    return 0
