import argparse

from ..api import Api
from ..parsing import add_json_option
from ..settings import read_settings
from ..terminal import say, show, show_json

SUMMARY = "Let a CI job act as you without a secret; prints the publisher's id."
EXAMPLES = """
insighta publishers add ada/site nightly.yml --ref refs/heads/main
insighta publishers add octo-org/tool book.yml --environment production \\
  --scope bookings:write
"""
SCOPES = ("account:read", "bookings:read", "bookings:write")
READING = ["account:read", "bookings:read"]


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("repository", help="OWNER/NAME at GitHub")
    parser.add_argument("workflow", help="the file in .github/workflows, like nightly.yml")
    parser.add_argument("--environment", default="", help="only jobs of this environment")
    parser.add_argument("--ref", default="", help="only jobs of this branch or tag, like refs/heads/main")
    parser.add_argument(
        "--scope", action="append", choices=SCOPES, metavar="SCOPE", help=f"one or more of {', '.join(SCOPES)}"
    )
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> None:
    body = {
        "repository": arguments.repository,
        "workflow": arguments.workflow,
        "environment": arguments.environment,
        "ref": arguments.ref,
        "scopes": arguments.scope or READING,
    }
    publisher = Api(read_settings(arguments)).post("/trusted-publishers", body)
    if arguments.json:
        show_json(publisher)
    else:
        show(publisher["id"])
    say(
        f"Jobs of {publisher['workflow']} in {publisher['repository']} may act as you now.",
        *publisher.get("warnings", []),
        "They need permissions: id-token: write and INSIGHTA_API. Remove it: insighta publishers remove",
    )
