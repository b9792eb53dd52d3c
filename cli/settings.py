from __future__ import annotations

import os

from . import BUILT_IN_API, TYPE_CHECKING
from .accounts import is_visible
from .credentials import CredentialStore
from .errors import UsageError

if TYPE_CHECKING:
    import argparse
    from types import SimpleNamespace

DEFAULT_PORTS = {"http": "80", "https": "443"}
DIGITS, HEXADECIMAL = frozenset("0123456789"), frozenset("0123456789abcdefABCDEF:.")


class Settings:
    """What command line, environment and file say.

    `token` is a personal access token that wins over stored accounts, `account` the login or id of one of those;
    without either the current account of the backend is meant.
    """

    def __init__(self, *, api: str, api_source: str, home: str, token: str | None, account: str | None) -> None:
        self.api = api
        self.api_source = api_source
        self.home = home
        self.token = token
        self.account = account
        self.opens_browser = not os.environ.get("INSIGHTA_NO_BROWSER")


def read_settings(arguments: argparse.Namespace | SimpleNamespace | None = None) -> Settings:
    """`address` and `account` of the command line go before the environment. Raises UsageError naming what is wrong."""
    home = os.path.abspath(os.path.expanduser(os.environ.get("INSIGHTA_HOME") or "~/.insighta"))
    api, source = _find_address(home, getattr(arguments, "address", None))
    account = getattr(arguments, "account", None)
    return Settings(
        api=api,
        api_source=source,
        home=home,
        token=None if account else _read_token(),
        account=account or os.environ.get("INSIGHTA_ACCOUNT", "").strip() or None,
    )


def _find_address(home: str, given: str | None) -> tuple[str, str]:
    if given:
        scheme = "" if "://" in given else "https://"
        return normalise_address(scheme + given, source=f"'{given}'"), "the command line"
    if environment := os.environ.get("INSIGHTA_API", "").strip():
        return normalise_address(environment, source="INSIGHTA_API"), "INSIGHTA_API"
    remembered = CredentialStore(home).find_default()
    if remembered and split_address(remembered):
        return normalise_address(remembered, source="the remembered default"), "remembered by login"
    return BUILT_IN_API, "the default, because INSIGHTA_API is not set"


def _read_token() -> str | None:
    token = os.environ.get("INSIGHTA_TOKEN", "").strip("\ufeff \t\r\n")
    if token and not is_visible(token):
        raise UsageError(
            "INSIGHTA_TOKEN holds spaces or characters that no token has.",
            "Copy the token again, or unset INSIGHTA_TOKEN to use your stored sign-in.",
        )
    return token or None


def normalise_address(address: str, *, source: str) -> str:
    """One spelling for one backend: lower-case host, no default port, no final slash. Raises UsageError."""
    parts = split_address(address)
    if parts is None:
        raise UsageError(
            f"{source} is not the address of a backend.",
            f"One looks like https://api.example.com; the development backend is {BUILT_IN_API}.",
        )
    scheme, host, port, path = parts
    return f"{scheme}://{host}{f':{port}' if port not in {'', DEFAULT_PORTS[scheme]} else ''}{path.rstrip('/')}"


def split_address(text: str) -> tuple[str, str, str, str] | None:
    """Scheme, host, port and path of an http(s) address; None for anything else.

    Nothing in it means anything to a shell, so it can stand in a command to type. Written without `re`, whose import
    takes longer than Python's start.
    """
    scheme, separator, rest = text.partition("://")
    authority, slash, path = rest.partition("/")
    host, colon, port = authority.rpartition(":") if not authority.endswith("]") else (authority, "", "")
    if not colon:
        host, port = authority, ""
    is_sound = scheme.lower() in DEFAULT_PORTS and separator and _is_host(host) and _is_word(path, "_.~/%-")
    if not is_sound or (colon and not (port and len(port) <= 5 and set(port) <= DIGITS and int(port) <= 65535)):
        return None
    return scheme.lower(), host.lower(), str(int(port)) if port else "", slash + path


def _is_host(text: str) -> bool:
    if text.startswith("[") and text.endswith("]"):
        return len(text) > 2 and set(text[1:-1]) <= HEXADECIMAL
    return bool(text) and _is_word(text, "_.-")


def _is_word(text: str, others: str) -> bool:
    return all(character.isalnum() or character in others for character in text)


def suggest_address(name: object) -> str:
    """What to type where a backend calls itself otherwise."""
    if not isinstance(name, str) or not split_address(name):
        return "Check INSIGHTA_API."
    return f"export INSIGHTA_API={name}"


def host_of(address: str) -> str:
    """The host of a normalised address, without brackets or port."""
    authority = address.split("://", 1)[1].split("/", 1)[0]
    return authority.split("]")[0].lstrip("[") if authority.startswith("[") else authority.split(":")[0]


def is_loopback(address: str) -> bool:
    """Whether a normalised address stays on this machine."""
    host = host_of(address)
    parts = host.split(".")
    is_of_127 = len(parts) == 4 and parts[0] == "127" and all(part and set(part) <= DIGITS for part in parts)
    return host in {"localhost", "::1"} or is_of_127


def may_be_sent_to(address: str) -> bool:
    """Whether tokens may go to a normalised address: https, loopback, or allowed by name (RFC 6750 section 5.3)."""
    return address.startswith("https:") or is_loopback(address) or os.environ.get("INSIGHTA_ALLOW_HTTP") == "1"
