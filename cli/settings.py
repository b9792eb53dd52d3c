from __future__ import annotations

import os
import re

from . import BUILT_IN_API, TYPE_CHECKING
from .credentials import CredentialStore
from .errors import UsageError

if TYPE_CHECKING:
    import argparse
    from types import SimpleNamespace

LOOPBACK_HOST = re.compile(r"localhost|::1|127(\.\d{1,3}){3}")
DEFAULT_PORTS = {"http": 80, "https": 443}
# Nothing in it means anything to a shell, so it can stand in a command to type.
ADDRESS = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?(/[\w.~/%-]*)?", re.IGNORECASE)


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
    if remembered and ADDRESS.fullmatch(remembered):
        return normalise_address(remembered, source="the remembered default"), "remembered by login"
    return BUILT_IN_API, "the default, because INSIGHTA_API is not set"


def _read_token() -> str | None:
    token = os.environ.get("INSIGHTA_TOKEN", "").strip("\ufeff \t\r\n")
    if token and not re.fullmatch(r"[!-~]+", token):
        raise UsageError(
            "INSIGHTA_TOKEN holds spaces or characters that no token has.",
            "Copy the token again, or unset INSIGHTA_TOKEN to use your stored sign-in.",
        )
    return token or None


def normalise_address(address: str, *, source: str) -> str:
    """One spelling for one backend: lower-case host, no default port, no final slash. Raises UsageError."""
    match = ADDRESS.fullmatch(address)
    if match is None or int(match[3] or 0) > 65535:
        raise UsageError(
            f"{source} is not the address of a backend.",
            f"One looks like https://api.example.com; the development backend is {BUILT_IN_API}.",
        )
    scheme, host, port = match[1].lower(), match[2].lower(), match[3]
    keeps_port = port and int(port) != DEFAULT_PORTS[scheme]
    return f"{scheme}://{host}{f':{int(port)}' if keeps_port else ''}{(match[4] or '').rstrip('/')}"


def suggest_address(name: object) -> str:
    """What to type where a backend calls itself otherwise."""
    if not isinstance(name, str) or not ADDRESS.fullmatch(name):
        return "Check INSIGHTA_API."
    return f"export INSIGHTA_API={name}"


def host_of(address: str) -> str:
    """The host of a normalised address, without brackets or port."""
    authority = address.split("://", 1)[1].split("/", 1)[0]
    return authority.split("]")[0].lstrip("[") if authority.startswith("[") else authority.split(":")[0]


def is_loopback(address: str) -> bool:
    """Whether a normalised address stays on this machine."""
    return LOOPBACK_HOST.fullmatch(host_of(address)) is not None


def may_be_sent_to(address: str) -> bool:
    """Whether tokens may go to a normalised address: https, loopback, or allowed by name (RFC 6750 section 5.3)."""
    return address.startswith("https:") or is_loopback(address) or os.environ.get("INSIGHTA_ALLOW_HTTP") == "1"
