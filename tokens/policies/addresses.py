"""Addresses that an application registers: where browsers may be sent, and which origins may call. Pure."""

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from tokens.policies import limits

MAX_LENGTH = limits.AUTHORIZE["redirect_uri"]
_VISIBLE = re.compile(r"[!#-\[\]-~]+")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_MANY = 5


def redirect_uri_problem(uri: str) -> str | None:
    """What is wrong with an absolute URI to send a browser to (RFC 6749 §3.1.2); None where nothing is."""
    if len(uri) > MAX_LENGTH or not _VISIBLE.fullmatch(uri):
        return f"{uri!r} must be at most {MAX_LENGTH} visible ASCII characters without quotes and backslashes."
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return f"{uri} is no address."
    if "#" in uri or "@" in parts.netloc or not _is_host(host) or port == 0 or parts.netloc.endswith(":"):
        return f"{uri} needs a host and a port that is one, and no fragment, name or password."
    if (
        not uri.startswith((f"https://{parts.netloc}", f"http://{parts.netloc}"))
        or parts.netloc != parts.netloc.lower()
    ):
        return f"{uri} must begin with https:// and a host in small letters."
    if parts.scheme == "http" and not is_loopback(host):
        return f"{uri} must use https; http is for loopback (localhost, [::1], 127.0.0.0/8)."
    return None


def origin_problem(origin: str) -> str | None:
    """What is wrong with the origin of a page (RFC 6454 §6.2); None where nothing is."""
    problem = redirect_uri_problem(origin)
    parts = urlsplit(origin) if problem is None else None
    if parts is not None and origin != f"{parts.scheme}://{parts.netloc}":
        return f"{origin} must be scheme, host and port alone, like https://app.example."
    return problem


def list_warnings(
    *, redirect_uris: Sequence[str], origins: Sequence[str], is_public: bool, scopes: Sequence[str], is_debug: bool
) -> list[str]:
    """What is allowed in a registration and seldom meant."""
    found = [problem for problem in map(redirect_uri_problem, redirect_uris) if problem]
    for uri in redirect_uris:
        parts = urlsplit(uri)
        if "*" in uri:
            found.append(f"{uri} has a star, which stands for itself: addresses are compared exactly.")
        if parts.scheme == "http" and is_loopback(parts.hostname or "") and not is_debug:
            found.append(f"{uri} is loopback over http: any program on the person's machine may answer there.")
        if not parts.path:
            found.append(f"{uri} has no path: JavaScript clients send {uri}/, which is another address.")
    if len(redirect_uris) > _MANY:
        found.append(f"{len(redirect_uris)} redirect URIs: each is one more place that may receive codes.")
    if origins and not is_public:
        found.append("Origins count for public clients only: a page cannot keep a secret.")
    if is_public and not origins and all(urlsplit(uri).scheme == "https" for uri in redirect_uris):
        found.append("A public client without origins: scripts of its pages cannot call the token endpoint.")
    if is_public and "bookings:write" in scopes:
        found.append("A public client that may book: whoever imitates it needs no secret.")
    return found


def is_loopback(host: str) -> bool:
    """`localhost`, `::1` and all of `127.0.0.0/8`."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return str(address) == "::1" or (address.version == 4 and address.is_loopback)


def _is_host(host: str) -> bool:
    return bool(_HOST.fullmatch(host)) or host == "::1"
