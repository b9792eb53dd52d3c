import argparse

from ..errors import UnexpectedAnswer, UsageError
from ..settings import normalise_address, read_settings
from ..terminal import say, show
from ..transport import send

SUMMARY = "Open a page of the portal in your browser, or print its address."
EXAMPLES = """
insighta open
insighta open bookings
insighta open tokens                make a token, see which there are
"""
PAGES = ("slots", "bookings", "credits", "hosting", "sessions", "tokens", "applications", "device", "settings")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("page", nargs="?", choices=PAGES, metavar="page", help=f"one of {', '.join(PAGES)}")


def run(arguments: argparse.Namespace) -> None:
    from ..signin.browser import open_page

    settings = read_settings(arguments)
    url = "/".join(filter(None, [find_portal(settings.api), arguments.page]))
    if settings.opens_browser and open_page(url):
        say(f"Opened {url}")
    else:
        show(url)


def find_portal(api: str) -> str:
    """The portal that belongs to a backend: its root leads there. Raises BackendUnreachable, UnexpectedAnswer."""
    answer = send("GET", api, "/")
    try:
        return normalise_address(answer.headers.get("Location", ""), source="Its root")
    except UsageError:
        raise UnexpectedAnswer(f"{api} does not say where its portal is.", "Check it: insighta doctor") from None
