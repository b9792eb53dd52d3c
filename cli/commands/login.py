import argparse
import os
import re
import sys

from ..credentials import CredentialStore
from ..errors import SignInNeeded, UsageError
from ..settings import Settings, is_loopback, read_settings
from ..terminal import can_ask, paint, say, say_done

SUMMARY = "Sign this terminal in. The way that works here is chosen for you."
EXAMPLES = """
insighta login                     your browser, or a short code over SSH
insighta login api.example.com     there, and remember it as the default
insighta login --device            a code to type on any other device
insighta login --paste             paste what a browser elsewhere ends on
insighta login --with-token <file  a personal access token, for scripts
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("address", nargs="?", help="the backend; commands talk to it from then on")
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--device", action="store_true", help="show a code to enter on any device")
    ways.add_argument("--paste", action="store_true", help="paste the address the browser ends on")
    ways.add_argument("--with-token", action="store_true", help="read a personal access token from standard input")
    parser.add_argument("--port", type=_port, help="the loopback port (default: 9876, or a free one)")
    parser.add_argument("--no-browser", action="store_true", help="only print the address, open nothing")


def run(arguments: argparse.Namespace) -> None:
    settings = read_settings(arguments)
    method = "stdin" if arguments.with_token else _name_method(settings, arguments)
    if method == "token":
        return _use_environment_token(settings)
    if method == "stdin":
        return _store_token(settings, arguments)
    _warn(settings)
    return _sign_in(settings, arguments, method)


def _port(text: str) -> int:
    if not re.fullmatch(r"\d{1,5}", text) or int(text) > 65535:
        raise argparse.ArgumentTypeError("a port is a number up to 65535")
    return int(text)


def _name_method(settings: Settings, arguments: argparse.Namespace) -> str:
    from ..signin.method import choose_method

    if arguments.device or arguments.paste:
        return "device" if arguments.device else "paste"
    if settings.token:
        return "token"
    if arguments.no_browser or arguments.port is not None:
        return "browser"
    method = choose_method(os.environ, system=sys.platform, is_interactive=can_ask())
    if method.name == "device":
        say(f"Signing in with a code, because {method.reason}.")
    return method.name


def _sign_in(settings: Settings, arguments: argparse.Namespace, method: str) -> None:
    from ..signin.storage import prepare_store, store_grant

    prepare_store(settings)
    if method == "device":
        from ..signin.device import sign_in_with_code

        grant = sign_in_with_code(settings.api)
        return _report(settings, store_grant(settings, grant, is_default=bool(arguments.address)))
    return _sign_in_with_browser(settings, arguments, listens=method == "browser")


def _sign_in_with_browser(settings: Settings, arguments: argparse.Namespace, *, listens: bool) -> None:
    from ..signin.loopback import DEFAULT_PORT, BrowserSignIn
    from ..signin.storage import store_grant

    port = DEFAULT_PORT if arguments.port is None else arguments.port
    opens = listens and settings.opens_browser and not arguments.no_browser
    sign_in = BrowserSignIn(settings.api, port=port, listens=listens)
    try:
        grant = sign_in.run(opens_browser=opens)
        login = store_grant(settings, grant, is_default=bool(arguments.address))
    except BaseException:
        sign_in.close("")
        raise
    _report(settings, login)
    sign_in.close(login)


def _store_token(settings: Settings, arguments: argparse.Namespace) -> None:
    from ..signin.storage import prepare_store, store_token

    token = _read_secret()
    if not re.fullmatch(r"insp_[!-~]+", token):
        raise UsageError(
            "Standard input holds no personal access token: one starts with insp_.",
            "Make one on the portal's tokens page, then: insighta login --with-token < file",
        )
    prepare_store(settings)
    _report(settings, store_token(settings, token, is_default=bool(arguments.address)))


def _read_secret() -> str:
    """The first line that is not empty, without the mark that editors on Windows put before it."""
    if can_ask():
        from getpass import getpass

        try:
            return getpass("Personal access token (not shown): ", sys.stderr).strip()
        except (EOFError, ValueError):
            return ""
    content = sys.stdin.buffer.read(65536) if sys.stdin else b""
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    lines = content.decode(encoding, errors="replace").splitlines()
    return next(filter(None, map(str.strip, lines)), "")


def _use_environment_token(settings: Settings) -> None:
    from ..signin.storage import find_owner

    if not settings.token:
        raise SignInNeeded(
            "A CI job signs in with INSIGHTA_TOKEN, and it is not set.",
            "Make a personal access token (insighta tokens create) and store it as a secret of the CI system.",
        )
    login = find_owner(settings.api, settings.token).get("login")
    acts = f"commands run as {login}" if login else "it may not read whose it is"
    say(f"INSIGHTA_TOKEN is set and works: {acts}. There is nothing to store.")


def _warn(settings: Settings) -> None:
    if settings.token:
        say("Note: INSIGHTA_TOKEN is set and wins over what is stored, until you unset it.")
    if settings.api.startswith("http:") and not is_loopback(settings.api):
        say(f"{paint('Warning:', 'yellow')} {settings.api} is not encrypted: others on the way can read your tokens.")


def _report(settings: Settings, login: str | None) -> None:
    who = f" as {paint(login, 'bold')}" if login else ""
    say_done(f"Signed in at {settings.api}{who}.")
    others = [account.name for account in CredentialStore(settings.home).list_accounts(settings.api)[1:]]
    if others:
        say(f"  Still signed in there: {', '.join(others)}. To act as them: insighta switch {others[0]}")
    if settings.api_source == "the command line" and os.environ.get("INSIGHTA_API"):
        say("  INSIGHTA_API is set and goes before the remembered address, until you unset it.")
