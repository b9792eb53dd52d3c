import argparse
import os
import re
import sys

from ..errors import SignInNeeded, UsageError
from ..settings import Settings, is_loopback, read_settings
from ..terminal import can_ask, clean, paint, say, symbol

SUMMARY = "Sign this terminal in. The way that works here is chosen for you."
EXAMPLES = """
insighta login                     your browser, or a short code over SSH
insighta login --device            a code to type on any other device
insighta login --paste             paste what a browser elsewhere ends on
insighta login --with-token <file  a personal access token, for scripts
INSIGHTA_API=https://api.example.com insighta login
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--device", action="store_true", help="show a code to enter on any device")
    ways.add_argument("--paste", action="store_true", help="paste the address the browser ends on")
    ways.add_argument("--with-token", action="store_true", help="read a personal access token from standard input")
    parser.add_argument("--port", type=_port, help="the loopback port (default: 9876, or a free one)")
    parser.add_argument("--no-browser", action="store_true", help="only print the address, open nothing")


def run(arguments: argparse.Namespace) -> int:
    """Sign in by the way asked for, or by the one that can work here."""
    settings = read_settings()
    if arguments.with_token:
        return _store_token(settings)
    method = _choose_method(settings, arguments)
    if method == "token":
        return _use_environment_token(settings)
    _warn(settings)
    return _sign_in(settings, arguments, method)


def _port(text: str) -> int:
    if not re.fullmatch(r"\d{1,5}", text) or int(text) > 65535:
        raise argparse.ArgumentTypeError("a port is a number up to 65535")
    return int(text)


def _choose_method(settings: Settings, arguments: argparse.Namespace) -> str:
    from ..signin.environment import choose_way

    if arguments.device or arguments.paste:
        return "device" if arguments.device else "paste"
    if settings.token:
        return "token"
    if arguments.no_browser or arguments.port is not None:
        return "browser"
    way = choose_way(os.environ, platform=sys.platform, is_interactive=can_ask())
    if way.method == "device":
        say(f"Signing in with a code, because {way.reason}.")
    return way.method


def _sign_in(settings: Settings, arguments: argparse.Namespace, method: str) -> int:
    from ..signin.keeping import keep_grant, prepare_store

    prepare_store(settings)
    if method == "device":
        from ..signin.device import sign_in_with_code

        return _report(settings, keep_grant(settings, sign_in_with_code(settings.api)))
    return _sign_in_with_browser(settings, arguments, listens=method == "browser")


def _sign_in_with_browser(settings: Settings, arguments: argparse.Namespace, *, listens: bool) -> int:
    from ..signin.keeping import keep_grant
    from ..signin.loopback import DEFAULT_PORT, BrowserSignIn

    port = DEFAULT_PORT if arguments.port is None else arguments.port
    opens = listens and settings.opens_browser and not arguments.no_browser
    sign_in = BrowserSignIn(settings.api, port=port, listens=listens)
    try:
        login = keep_grant(settings, sign_in.run(opens_browser=opens))
    except BaseException:
        sign_in.close("")
        raise
    code = _report(settings, login)
    sign_in.close(login)
    return code


def _store_token(settings: Settings) -> int:
    from ..signin.keeping import keep_token, prepare_store

    token = _read_secret()
    if not re.fullmatch(r"insp_[!-~]+", token):
        raise UsageError(
            "Standard input holds no personal access token: one starts with insp_.",
            "Make one on the portal's tokens page, then: insighta login --with-token < file",
        )
    prepare_store(settings)
    return _report(settings, keep_token(settings, token))


def _read_secret() -> str:
    if not can_ask():
        return sys.stdin.readline().strip()
    from getpass import getpass

    return getpass("Personal access token (not shown): ", sys.stderr).strip()


def _use_environment_token(settings: Settings) -> int:
    from ..person import read_person

    if not settings.token:
        raise SignInNeeded(
            "A CI job signs in with INSIGHTA_TOKEN, and it is not set.",
            "Make a personal access token (insighta tokens create) and store it as a secret of the CI system.",
        )
    person = read_person(settings.api, settings.token)
    say(f"INSIGHTA_TOKEN is set and works: commands run as {clean(person.get('login'))}. There is nothing to store.")
    return 0


def _warn(settings: Settings) -> None:
    if settings.token:
        say("Note: INSIGHTA_TOKEN is set and wins over what is stored, until you unset it.")
    if settings.api.startswith("http:") and not is_loopback(settings.api):
        warning = paint("Warning:", "yellow", sys.stderr)
        say(f"{warning} {settings.api} is not encrypted: others on the way can read your tokens.")


def _report(settings: Settings, login: str | None) -> int:
    who = f" as {paint(clean(login), 'bold', sys.stderr)}" if login else ""
    say(f"{paint(symbol('ok', sys.stderr), 'green', sys.stderr)} Signed in at {settings.api}{who}.")
    return 0
