"""HTTP to the backend: no redirects are followed, and every failure is a sentence without a secret in it."""

import http.client
import json
import platform
import socket
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from email.message import Message
from typing import Any, NamedTuple

from . import __version__
from .errors import BackendUnreachable, UnexpectedAnswer
from .settings import is_loopback
from .terminal import waiting

TIMEOUT_SECONDS = 20.0
MAX_BODY_BYTES = 16 * 1024 * 1024
DOCTOR = "Run 'insighta doctor' to find out what is wrong."


class Answer(NamedTuple):
    """One HTTP answer, whatever its status."""

    status: int
    headers: Message
    body: bytes
    address: str

    def read_json(self) -> Any:
        """The body. Raises UnexpectedAnswer when it is not JSON: a proxy, a portal of the network, another server."""
        if "json" in self.headers.get_content_type():
            try:
                return json.loads(self.body)
            except ValueError:
                pass
        raise UnexpectedAnswer(
            f"{self.address} answered (status {self.status}), but not as an Insighta backend does.",
            f"Check INSIGHTA_API, and whether a proxy or a network's sign-in page is in between. {DOCTOR}",
        )

    def read_object(self) -> dict[str, Any]:
        """The body as a JSON object. Raises UnexpectedAnswer."""
        value = self.read_json()
        return value if isinstance(value, dict) else {}

    def lacks_scope(self) -> bool:
        """Whether the token may not do this (RFC 6750 section 3.1)."""
        return 'error="insufficient_scope"' in self.headers.get("WWW-Authenticate", "")

    def retry_after(self) -> float | None:
        """Seconds the backend asks to wait, where it says so in seconds."""
        seconds = self.headers.get("Retry-After", "")
        return float(seconds) if seconds.isdigit() else None


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
    """One request to `api`; `form` is sent URL-encoded, `body` as JSON. Raises BackendUnreachable."""
    request = urllib.request.Request(f"{api}{path}", method=method, headers=_headers(headers or {}))  # noqa: S310 http(s) only
    if form is not None:
        request.data = urllib.parse.urlencode(form).encode()
        request.add_header("Content-Type", "application/x-www-form-urlencoded")
    elif body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    try:
        with waiting(clean_address(api)), _opener(api).open(request, timeout=timeout) as response:
            return Answer(response.status, response.headers, response.read(MAX_BODY_BYTES), api)
    except (OSError, http.client.HTTPException) as error:
        raise BackendUnreachable(f"{api} cannot be reached: {explain(error, timeout)}.", DOCTOR) from error


def _headers(extra: dict[str, str]) -> dict[str, str]:
    agent = f"insighta-cli/{__version__} ({platform.system()}; Python {platform.python_version()})"
    return {"Accept": "application/json, application/problem+json", "User-Agent": agent} | extra


def clean_address(api: str) -> str:
    """The address as people read it: without its scheme."""
    return api.split("://", 1)[1]


def _opener(api: str) -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()
    # A proxy cannot reach this machine's own loopback addresses for us.
    opener.add_handler(urllib.request.ProxyHandler({} if is_loopback(api) else None))
    opener.add_handler(urllib.request.HTTPHandler())
    opener.add_handler(_EveryAnswer())
    opener.add_handler(urllib.request.UnknownHandler())
    if api.startswith("https:"):
        opener.add_handler(urllib.request.HTTPSHandler(context=make_tls_context()))
    return opener


def make_tls_context() -> ssl.SSLContext:
    """The system's certificate authorities (SSL_CERT_FILE and SSL_CERT_DIR are honoured)."""
    context = ssl.create_default_context()
    places = ssl.get_default_verify_paths()
    if sys.platform == "darwin" and not (places.cafile or places.capath):
        # Python's own installer for macOS brings no authorities and cannot read the keychain.
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def explain(error: Exception, timeout: float) -> str:
    """A network error in words."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({reason.verify_message})"
    if isinstance(reason, TimeoutError):
        return f"no answer within {timeout:.0f} seconds"
    if isinstance(reason, ConnectionRefusedError):
        return "nothing listens there (connection refused)"
    if isinstance(reason, socket.gaierror):
        return "its name is not known (DNS)"
    if isinstance(reason, http.client.HTTPException | ConnectionError):
        return "the connection was cut before the answer arrived"
    return str(getattr(reason, "strerror", None) or type(reason).__name__)
