import os
import re

from .errors import UsageError

DEFAULT_API = "http://127.0.0.1:8000"
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
DEFAULT_PORTS = {"http": 80, "https": 443}


class Settings:
    """What the environment says. `token` is a personal access token that wins over stored credentials."""

    def __init__(self, *, api: str, home: str, token: str | None, opens_browser: bool) -> None:
        self.api = api
        self.home = home
        self.token = token
        self.opens_browser = opens_browser


def read_settings() -> Settings:
    """Raises UsageError naming the variable that cannot be used."""
    return Settings(
        api=normalise_address(os.environ.get("INSIGHTA_API", "").strip() or DEFAULT_API),
        home=os.path.abspath(os.path.expanduser(os.environ.get("INSIGHTA_HOME") or "~/.insighta")),
        token=_read_token(),
        opens_browser=not os.environ.get("INSIGHTA_NO_BROWSER"),
    )


def _read_token() -> str | None:
    token = os.environ.get("INSIGHTA_TOKEN", "").strip()
    if token and not re.fullmatch(r"[!-~]+", token):
        raise UsageError(
            "INSIGHTA_TOKEN holds spaces or characters that no token has.",
            "Copy the token again, or unset INSIGHTA_TOKEN to use your stored sign-in.",
        )
    return token or None


def normalise_address(address: str) -> str:
    """One spelling for one backend: lower-case host, no default port, no final slash. Raises UsageError."""
    match = re.fullmatch(
        r"(https?)://(\[[0-9a-f:.]+\]|[^\s/?#@:\[\]]+)(?::(\d{1,5}))?(/[^\s?#]*)?", address, re.IGNORECASE
    )
    if match is None or int(match[3] or 0) > 65535:
        raise UsageError(
            "INSIGHTA_API is not the address of a backend.",
            f"Set it to something like https://api.example.com, or unset it to use {DEFAULT_API}.",
        )
    scheme, host, port = match[1].lower(), match[2].lower(), match[3]
    keeps_port = port and int(port) != DEFAULT_PORTS[scheme]
    return f"{scheme}://{host}{f':{int(port)}' if keeps_port else ''}{(match[4] or '').rstrip('/')}"


def host_of(address: str) -> str:
    """The host of a normalised address, without brackets or port."""
    authority = address.split("://", 1)[1].split("/", 1)[0]
    return authority.split("]")[0].lstrip("[") if authority.startswith("[") else authority.split(":")[0]


def is_loopback(address: str) -> bool:
    """Whether a normalised address stays on this machine."""
    return host_of(address) in LOOPBACK_HOSTS
