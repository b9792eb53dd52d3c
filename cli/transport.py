"""HTTP to the backend: no redirects are followed, and every failure is a sentence without a secret in it."""

import http.client
import json
import os
import platform
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from email.message import Message
from typing import Any, NamedTuple

from . import __version__
from .connection_errors import explain, explain_redirect, explain_stranger, find_missing_certificates
from .errors import BackendUnreachable, UnexpectedAnswer, UsageError
from .settings import host_of, is_loopback, may_be_sent_to
from .terminal import Waiting

PREFIX = "/api/v1"
TIMEOUT_SECONDS = 20.0
MAX_BODY_BYTES = 16 * 1024 * 1024
# Where systems keep them, for a Python that was built for another system.
CERTIFICATE_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class Answer(NamedTuple):
    """One HTTP answer, whatever its status."""

    status: int
    headers: Message
    body: bytes
    address: str

    def read_json(self) -> Any:
        """The body. Raises UnexpectedAnswer when it is not JSON: a proxy, a portal of the network, another server."""
        self.refuse_redirect()
        if "json" in self.headers.get_content_type():
            try:
                return json.loads(self.body)
            except (ValueError, RecursionError):
                pass
        raise self._explain_stranger()

    def read_text(self, media_type: str) -> bytes:
        """The body, where it is of that type. Raises UnexpectedAnswer."""
        self.refuse_redirect()
        if self.headers.get_content_type() != media_type:
            raise self._explain_stranger()
        return self.body

    def _explain_stranger(self) -> UnexpectedAnswer:
        return UnexpectedAnswer(*explain_stranger(self.address, self.status, self.headers.get("Server", "")))

    def read_object(self) -> dict[str, Any]:
        """The body as a JSON object. Raises UnexpectedAnswer."""
        value = self.read_json()
        return value if isinstance(value, dict) else {}

    def refuse_redirect(self) -> None:
        """Raises UnexpectedAnswer for an answer that leads elsewhere."""
        if 300 <= self.status < 400:
            raise UnexpectedAnswer(*explain_redirect(self.address, self.headers.get("Location", ""), self.status))

    def lacks_scope(self) -> bool:
        """Whether the token may not do this (RFC 6750 section 3.1)."""
        return 'error="insufficient_scope"' in self.headers.get("WWW-Authenticate", "")

    def retry_after(self) -> float | None:
        """Seconds the backend asks to wait, where it says so in seconds."""
        seconds = self.headers.get("Retry-After", "")
        return float(seconds) if seconds.isascii() and seconds.isdigit() else None


class _EveryAnswer(urllib.request.HTTPErrorProcessor):
    """Gives back every status as it is: an Authorization header must not follow a redirect to another host."""

    def http_response(self, request: urllib.request.Request, response: Any) -> Any:
        return response

    https_response = http_response


def send(
    method: str,
    api: str,
    path: str,
    *,
    headers: dict[str, str] | None = None,
    form: dict[str, str] | None = None,
    body: Any = None,
    timeout: float = TIMEOUT_SECONDS,
) -> Answer:
    """One request to `api`; `form` is sent URL-encoded, `body` as JSON.

    Raises BackendUnreachable, and UsageError for an address or a proxy that cannot be used.
    """
    _refuse_unencrypted(api)
    request = urllib.request.Request(f"{api}{path}", method=method, headers=_headers(headers or {}))  # noqa: S310 http(s) only
    if form is not None:
        request.data = urllib.parse.urlencode(form).encode()
        request.add_header("Content-Type", "application/x-www-form-urlencoded")
    elif body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    proxy = find_proxy(api)
    try:
        with Waiting(clean_address(api)), _opener(api, proxy).open(request, timeout=timeout) as response:
            return Answer(response.status, response.headers, response.read(MAX_BODY_BYTES), api)
    except (OSError, http.client.HTTPException) as error:
        trouble = explain(error, api=api, proxy=proxy and name_proxy(proxy), timeout=timeout)
        raise BackendUnreachable(f"{api} cannot be reached: {trouble.what}.", trouble.fix) from error


def _refuse_unencrypted(api: str) -> None:
    if may_be_sent_to(api):
        return
    raise UsageError(
        f"{api} is not encrypted: others on the way could read your tokens, so nothing is sent there.",
        f"Use the https address, for example: export INSIGHTA_API=https://{clean_address(api)}\n"
        "To send it all the same, on a network that you trust: export INSIGHTA_ALLOW_HTTP=1",
    )


def _headers(extra: dict[str, str]) -> dict[str, str]:
    agent = f"insighta-cli/{__version__} ({platform.system()}; Python {platform.python_version()})"
    return {"Accept": "application/json, application/problem+json", "User-Agent": agent} | extra


def clean_address(api: str) -> str:
    """The address as people read it: without its scheme."""
    return api.split("://", 1)[1]


def find_proxy(api: str) -> str | None:
    """The HTTP proxy for an address, by environment or system. Raises UsageError for one of another kind."""
    proxies = urllib.request.getproxies()
    proxy = proxies.get(api.split(":")[0]) or proxies.get("all")
    # A proxy cannot reach this machine's own loopback addresses for us.
    if not proxy or is_loopback(api) or urllib.request.proxy_bypass(host_of(api)):
        return None
    kind = proxy.partition("://")[0].lower() if "://" in proxy else "http"
    if kind not in {"http", "https"}:
        raise UsageError(
            f"{name_proxy(proxy)} is a {kind} proxy, and insighta can use HTTP proxies only.",
            f"Set HTTPS_PROXY to an HTTP proxy, or go past it: NO_PROXY={host_of(api)}",
        )
    return proxy


def name_proxy(proxy: str) -> str:
    """Host and port, without the password that a proxy's address may hold."""
    return proxy.rpartition("://")[2].rpartition("@")[2].rstrip("/")


def _opener(api: str, proxy: str | None) -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()
    opener.add_handler(urllib.request.ProxyHandler({api.split(":")[0]: proxy} if proxy else {}))
    opener.add_handler(urllib.request.HTTPHandler())
    opener.add_handler(_EveryAnswer())
    opener.add_handler(urllib.request.UnknownHandler())
    if api.startswith("https:"):
        opener.add_handler(urllib.request.HTTPSHandler(context=make_tls_context()))
    return opener


def make_tls_context() -> ssl.SSLContext:
    """The system's certificate authorities (SSL_CERT_FILE and SSL_CERT_DIR are honoured). Raises UsageError."""
    missing = find_missing_certificates()
    if missing:
        raise UsageError(f"{missing} names certificates that are not there: {os.environ[missing]}.", f"unset {missing}")
    context = ssl.create_default_context()
    places = ssl.get_default_verify_paths()
    if not (places.cafile or places.capath):
        found = next(filter(os.path.exists, CERTIFICATE_FILES), None) or _find_certificates_of_macos()
        context.load_verify_locations(found)
    return context


def _find_certificates_of_macos() -> str:
    """Python's own installer for macOS brings no authorities and cannot read the keychain."""
    if sys.platform != "darwin":
        raise UsageError("This machine has no certificate authorities.", "Install them (Debian: ca-certificates).")
    import certifi

    return certifi.where()
