"""Why a request got no usable answer, and what to do: named by who stands in the way."""

import http.client
import os
import re
import socket
import ssl
import urllib.error
from typing import NamedTuple

from .settings import host_of, is_loopback

# The beginning of an address, as far as it can stand in a command to type.
ADDRESS = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?(/[\w.~/%-]*)?", re.IGNORECASE)
REFUSED_BY_PROXY = re.compile(r"Tunnel connection failed: (\d+)\s*(.*)")


class Trouble(NamedTuple):
    """`what` completes "… cannot be reached: …", `fix` is a sentence or more."""

    what: str
    fix: str


def explain(error: Exception, *, api: str, proxy: str | None, timeout: float) -> Trouble:
    """A network error in words. `proxy` is host and port, `timeout` in seconds."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    refused = REFUSED_BY_PROXY.match(str(reason))
    if proxy and refused:
        return _explain_refusal(proxy, int(refused[1]))
    if isinstance(reason, ssl.SSLError):
        return _explain_tls(reason)
    what = _describe(reason, timeout)
    host = host_of(api)
    if proxy:
        return Trouble(f"the proxy {proxy} was asked, and {what}", f"Check HTTPS_PROXY; to go past it: NO_PROXY={host}")
    if isinstance(reason, socket.gaierror):
        return Trouble(what, f"Check the spelling of {host}, your network and VPN.")
    if is_loopback(api):
        return Trouble(what, "Start the backend (make run), or set INSIGHTA_API to the backend you mean.")
    return Trouble(what, "Check the address (INSIGHTA_API), your network, VPN and proxy; or ask whether it is down.")


def _describe(reason: object, timeout: float) -> str:
    if isinstance(reason, TimeoutError):
        return f"no answer within {timeout:.0f} seconds"
    if isinstance(reason, ConnectionRefusedError):
        return "nothing listens there (connection refused)"
    if isinstance(reason, socket.gaierror):
        return "its name is not known (DNS)"
    if isinstance(reason, http.client.HTTPException | ConnectionError):
        return "the connection was cut before the answer arrived"
    return str(getattr(reason, "strerror", None) or type(reason).__name__)


def _explain_refusal(proxy: str, status: int) -> Trouble:
    if status == 407:
        fix = "Give it your name and password: export HTTPS_PROXY=http://name:password@" + proxy
        return Trouble(f"the proxy {proxy} wants to know who you are (status 407)", fix)
    return Trouble(
        f"the proxy {proxy} does not let the request through (status {status})", "Ask whoever runs the proxy."
    )


def _explain_tls(reason: ssl.SSLError) -> Trouble:
    if isinstance(reason, ssl.SSLCertVerificationError):
        fix = "If your network inspects TLS, point SSL_CERT_FILE at its certificate. Otherwise do not go on."
        return Trouble(f"its certificate is not trusted ({reason.verify_message})", fix)
    if reason.reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}:
        return Trouble("what answers there does not speak TLS", "Check the port, and whether it is an http address.")
    return Trouble(f"no encrypted connection could be made ({reason.reason or 'TLS'})", "Ask whoever runs it.")


def explain_redirect(api: str, location: str, status: int) -> Trouble:
    """An answer that leads elsewhere; nothing follows it, because the token would go along."""
    target = ADDRESS.match(location)
    if target and f"{target[1]}://{target[2]}".lower() == f"https://{host_of(api)}":
        own = f"https://{api.split('://', 1)[1]}" if ":" not in api.split("://", 1)[1] else target[0].rstrip("/")
        return Trouble(f"{api} leads to its https address.", f"Use that: insighta login {own}")
    where = target[2] if target else "another address"
    return Trouble(
        f"{api} leads to {where} (status {status}), not to an answer.",
        "If this network has a sign-in page, open any page in a browser and sign in there. Else check INSIGHTA_API.",
    )


def explain_stranger(api: str, status: int, server: str) -> Trouble:
    """An answer in another form than the backend's."""
    who = f" ({server})" if re.fullmatch(r"[\w ./()-]{1,60}", server) else ""
    what = f"{api} answered (status {status}), but not as an Insighta backend does{who}."
    if status == 400 and host_of(api) == "localhost":
        own = api.replace("//localhost", "//127.0.0.1")
        return Trouble(what, f"The development backend answers to 127.0.0.1 only: insighta login {own}")
    if status in {502, 503, 504}:
        return Trouble(what, "Its server is there and the backend behind it is not: try again in a moment.")
    return Trouble(
        what, "Check INSIGHTA_API, and whether a proxy or a network's sign-in page is in between: insighta doctor"
    )


def find_missing_certificates() -> str | None:
    """The variable that names certificate authorities which are not there."""
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR")
    return next((name for name in names if os.environ.get(name) and not os.path.exists(os.environ[name])), None)
