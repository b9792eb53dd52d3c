"""System checks of `manage.py check --deploy`; with `--database default` they also read the database.

docs/operations.md lists them.
"""

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections
from django.http.request import validate_host
from django.utils import timezone

# A hand-off lives for a minute: with a larger difference valid ones would be refused.
MAX_CLOCK_SKEW = timedelta(seconds=5)
_COOKIE_PREFIXES = ("__Host-", "__Secure-")

Messages = Iterator[CheckMessage]


def _deployment_check(find: Callable[[], Messages]) -> Callable[[], Messages]:
    def check(app_configs: object, **_: Any) -> list[CheckMessage]:
        return list(find())

    register(check, Tags.security, deploy=True)
    return find


def _database_check(find: Callable[[str], Messages]) -> Callable[[str], Messages]:
    def check(app_configs: object, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
        return [message for alias in databases or () for message in find(alias)]

    register(check, Tags.database)
    return find


@_deployment_check
def check_addresses() -> Messages:
    """Separate hosts keep each side's cookies from the other; https keeps them from the network."""
    backend, portal = urlsplit(settings.BACKEND_URL), urlsplit(settings.PORTAL_URL)
    if backend.hostname == portal.hostname:
        sentence = f"Backend and portal share the host {backend.hostname}: each is sent the other's cookies."
        yield Error(sentence, "Give them different host names in BACKEND_URL and PORTAL_URL.", id="insighta.E001")
    plain = [name for name, url in (("BACKEND_URL", backend), ("PORTAL_URL", portal)) if url.scheme != "https"]
    if plain:
        sentence = f"{' and '.join(plain)} is plain http: tokens and cookies can be read on the way."
        yield Error(sentence, "Put a proxy that ends TLS in front and use https:// addresses.", id="insighta.E002")
    elif not settings.SECURE_PROXY_SSL_HEADER:
        sentence = "The address is https, but requests look like plain http: forms and absolute links will be wrong."
        hint = "Set BEHIND_TLS_PROXY=true if a proxy ends TLS and always sets X-Forwarded-Proto itself."
        yield Warning(sentence, hint, id="insighta.W010")


@_deployment_check
def check_cookie_names() -> Messages:
    """Browsers drop a prefixed cookie that is not Secure (RFC 6265bis section 4.1.3)."""
    for kind in ("SESSION", "CSRF"):
        name = getattr(settings, f"{kind}_COOKIE_NAME")
        if name.startswith(_COOKIE_PREFIXES) and not getattr(settings, f"{kind}_COOKIE_SECURE"):
            sentence = f"The cookie {name} is not Secure, so every browser refuses it and nobody can sign in."
            yield Error(sentence, "Use https addresses, or a name without the prefix.", id="insighta.E003")


@_deployment_check
def check_secrets() -> Messages:
    secrets = {
        "SECRET_KEY": [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS],
        "TOKEN_KEY": getattr(settings, "TOKEN_KEYS", []),
        "PORTAL_CLIENT_SECRET": settings.PORTAL_CLIENT_SECRETS,
    }
    public = [name for name, values in secrets.items() if any(v.startswith("development-only-") for v in values)]
    if public:
        hint = "Set each to 32 random characters or more: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
        yield Error(f"{', '.join(public)} is the one of development.", hint, id="insighta.E004")
    every = [value for values in secrets.values() for value in values]
    if len(set(every)) < len(every):
        sentence = f"Two of {', '.join(secrets)} hold the same secret."
        yield Error(sentence, "Make a secret of its own for each.", id="insighta.E011")


@_deployment_check
def check_github() -> Messages:
    urls = {name: getattr(settings, name, "") for name in ("GITHUB_URL", "GITHUB_API_URL")}
    local = [name for name, url in urls.items() if url and _is_loopback(urlsplit(url).hostname or "")]
    if local:
        sentence = f"{' and '.join(local)} points at this machine: at the stand-in anybody signs in as anybody."
        yield Error(sentence, "Unset them for github.com, or name your GitHub Enterprise Server.", id="insighta.E005")


@_deployment_check
def check_throttles() -> Messages:
    is_local = str(settings.CACHES["default"]["BACKEND"]).endswith("LocMemCache")
    if is_local and hasattr(settings, "THROTTLE_SCALE"):
        sentence = "Each process counts requests for itself: with several, every rate limit is that many times as high."
        hint = "Set REDIS_URL. With one process nothing is wrong: check with --fail-level ERROR."
        yield Warning(sentence, hint, id="insighta.W006")


@_deployment_check
def check_hosts() -> Messages:
    own = settings.BACKEND_URL if settings.ROOT_URLCONF == "config.urls.backend" else settings.PORTAL_URL
    host = urlsplit(own).hostname or ""
    if "*" in settings.ALLOWED_HOSTS:
        sentence, hint = "ALLOWED_HOSTS holds *: the process answers to every name.", "List the names."
        yield Error(sentence, hint, id="insighta.E009")
    elif not validate_host(host, settings.ALLOWED_HOSTS):
        sentence = f"ALLOWED_HOSTS does not hold {host}, the host of {own}: every request is answered with 400."
        yield Error(sentence, f"Add {host}, or unset ALLOWED_HOSTS.", id="insighta.E009")


@_deployment_check
def check_mail() -> Messages:
    if hasattr(settings, "EMAIL_CONFIG") and settings.EMAIL_BACKEND.endswith("console.EmailBackend"):
        sentence = "Mail is printed, not sent: nobody hears of a booking, a cancellation or a refund."
        yield Warning(sentence, "Set EMAIL_URL, for example smtp+tls://user:password@host:587.", id="insighta.W012")


@_database_check
def check_pooler(alias: str) -> Messages:
    """pgbouncer in transaction mode may run each transaction on another connection."""
    configured = connections[alias].settings_dict
    if not is_behind_pooler(alias):
        return
    if not configured.get("DISABLE_SERVER_SIDE_CURSORS"):
        sentence = "Server-side cursors are on, and a pooler stands before the database: they end with the transaction."
        yield Error(sentence, "Set DISABLE_SERVER_SIDE_CURSORS to True.", id="insighta.E007")
    if configured.get("OPTIONS", {}).get("pool"):
        sentence = "A pooler stands before the database, and each process keeps a pool of its own before that one."
        yield Error(sentence, "Set DATABASE_POOL_MAX=0.", id="insighta.E013")


def is_behind_pooler(alias: str) -> bool:
    """A pooler announces a server process other than the one that runs the statement."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return bool(cursor.fetchone()[0] != cursor.connection.info.backend_pid)


@_database_check
def check_clock(alias: str) -> Messages:
    """Sessions and tokens use the clock of the process, bookings that of the database."""
    skew = measure_skew(alias)
    if abs(skew) > MAX_CLOCK_SKEW:
        sentence = f"The clocks of this process and of the database differ by {abs(skew).total_seconds():.0f} s."
        yield Error(sentence, "Keep both by NTP; a session or deadline may be off.", id="insighta.E008")


def measure_skew(alias: str) -> timedelta:
    """How far the database's clock is ahead of this process's, to within half a round trip."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT 1")
        before = timezone.now()
        cursor.execute("SELECT clock_timestamp()")
        (there,) = cursor.fetchone()
    skew: timedelta = there - (before + (timezone.now() - before) / 2)
    return skew


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
