"""What `manage.py check --deploy` knows of this product's own mistakes: each with an id, a sentence and the fix.

With `--database default` it also asks the database; docs/operations.md lists them all.
"""

import ipaddress
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections
from django.http.request import validate_host
from django.utils import timezone

Apps = Sequence[AppConfig] | None
# An access token lives minutes and a hand-off one: clocks that differ by more than this refuse good ones.
MOST_SKEW = timedelta(seconds=5)
_PREFIXES = ("__Host-", "__Secure-")


@register(Tags.security, deploy=True)
def check_addresses(app_configs: Apps, **_: Any) -> list[CheckMessage]:
    """Two hosts, both https: what keeps the cookies of one away from the other, and both away from the network."""
    backend, portal = urlsplit(settings.BACKEND_URL), urlsplit(settings.PORTAL_URL)
    found: list[CheckMessage] = []
    if backend.hostname == portal.hostname:
        sentence = f"Backend and portal share the host {backend.hostname}: each is sent the other's cookies."
        found.append(
            Error(sentence, "Give them different host names in BACKEND_URL and PORTAL_URL.", id="insighta.E001")
        )
    plain = [name for name, url in (("BACKEND_URL", backend), ("PORTAL_URL", portal)) if url.scheme != "https"]
    if plain:
        sentence = f"{' and '.join(plain)} is plain http: tokens and cookies can be read on the way."
        found.append(
            Error(sentence, "Put a proxy that ends TLS in front and use https:// addresses.", id="insighta.E002")
        )
    elif not settings.SECURE_PROXY_SSL_HEADER:
        sentence = "The address is https, but requests look like plain http: forms and absolute links will be wrong."
        hint = "Set BEHIND_TLS_PROXY=true if a proxy ends TLS and always sets X-Forwarded-Proto itself."
        found.append(Warning(sentence, hint, id="insighta.W010"))
    return found


@register(Tags.security, deploy=True)
def check_cookie_names(app_configs: Apps, **_: Any) -> list[CheckMessage]:
    """A browser drops a cookie whose name promises what its attributes do not keep (RFC 6265bis section 4.1.3)."""
    found: list[CheckMessage] = []
    for kind in ("SESSION", "CSRF"):
        name = getattr(settings, f"{kind}_COOKIE_NAME")
        if name.startswith(_PREFIXES) and not getattr(settings, f"{kind}_COOKIE_SECURE"):
            sentence = f"The cookie {name} is not Secure, so every browser refuses it and nobody can sign in."
            hint = "Use https addresses, or a name without the prefix."
            found.append(Error(sentence, hint, id="insighta.E003"))
    return found


@register(Tags.security, deploy=True)
def check_secrets(app_configs: Apps, **_: Any) -> list[CheckMessage]:
    """Development's secrets are known to everybody; one secret in two places gives away two things."""
    secrets = {
        "SECRET_KEY": [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS],
        "TOKEN_KEY": getattr(settings, "TOKEN_KEYS", []),
        "PORTAL_CLIENT_SECRET": settings.PORTAL_CLIENT_SECRETS,
    }
    found: list[CheckMessage] = []
    known = [name for name, values in secrets.items() if any(v.startswith("development-only-") for v in values)]
    if known:
        hint = "Set each to 32 random characters or more: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
        found.append(Error(f"{', '.join(known)} is the one of development.", hint, id="insighta.E004"))
    every = [value for values in secrets.values() for value in values]
    if len(set(every)) < len(every):
        sentence = f"Two of {', '.join(secrets)} hold the same secret."
        found.append(Error(sentence, "Make a secret of its own for each.", id="insighta.E011"))
    return found


@register(Tags.security, deploy=True)
def check_github(app_configs: Apps, **_: Any) -> list[CheckMessage]:
    """At the stand-in anybody is whoever they say."""
    urls = {name: getattr(settings, name, "") for name in ("GITHUB_URL", "GITHUB_API_URL")}
    near = [name for name, url in urls.items() if url and _is_loopback(urlsplit(url).hostname or "")]
    if not near:
        return []
    sentence = f"{' and '.join(near)} points at this machine: at the stand-in anybody signs in as anybody."
    hint = "Unset them for github.com, or name your GitHub Enterprise Server."
    return [Error(sentence, hint, id="insighta.E005")]


@register(Tags.security, deploy=True)
def check_throttles(app_configs: Apps, **_: Any) -> list[CheckMessage]:
    """A counter in one process does not see the requests to the others."""
    is_local = str(settings.CACHES["default"]["BACKEND"]).endswith("LocMemCache")
    if not is_local or not hasattr(settings, "THROTTLE_SCALE"):
        return []
    sentence = "Each process counts requests for itself: with several, every rate limit is that many times as high."
    hint = "Set REDIS_URL. With one process nothing is wrong: check with --fail-level ERROR."
    return [Warning(sentence, hint, id="insighta.W006")]


@register(Tags.security, deploy=True)
def check_hosts(app_configs: Apps, **_: Any) -> list[CheckMessage]:
    """The process must answer to its own name and to no other."""
    own = settings.BACKEND_URL if settings.ROOT_URLCONF == "config.urls.backend" else settings.PORTAL_URL
    host = urlsplit(own).hostname or ""
    if "*" in settings.ALLOWED_HOSTS:
        sentence, hint = "ALLOWED_HOSTS holds *: the process answers to every name.", "List the names."
        return [Error(sentence, hint, id="insighta.E009")]
    if not validate_host(host, settings.ALLOWED_HOSTS):
        sentence = f"ALLOWED_HOSTS does not hold {host}, the host of {own}: every request is answered with 400."
        return [Error(sentence, f"Add {host}, or unset ALLOWED_HOSTS.", id="insighta.E009")]
    return []


@register(Tags.security, deploy=True)
def check_mail(app_configs: Apps, **_: Any) -> list[CheckMessage]:
    """Mail that is printed reaches nobody."""
    if not hasattr(settings, "EMAIL_CONFIG") or not settings.EMAIL_BACKEND.endswith("console.EmailBackend"):
        return []
    sentence = "Mail is printed, not sent: nobody hears of a booking, a cancellation or a refund."
    return [Warning(sentence, "Set EMAIL_URL, for example smtp+tls://user:password@host:587.", id="insighta.W012")]


@register(Tags.database)
def check_pooler(app_configs: Apps, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Behind pgbouncer in transaction mode a connection is another one in each transaction."""
    return [message for alias in databases or () for message in _pooler_problems(alias)]


def _pooler_problems(alias: str) -> list[CheckMessage]:
    configured = connections[alias].settings_dict
    problems: list[CheckMessage] = []
    if not is_behind_pooler(alias):
        return problems
    if not configured.get("DISABLE_SERVER_SIDE_CURSORS"):
        sentence = "Server-side cursors are on, and a pooler stands before the database: they end with the transaction."
        hint = "Set DISABLE_SERVER_SIDE_CURSORS to True."
        problems.append(Error(sentence, hint, id="insighta.E007"))
    if configured.get("OPTIONS", {}).get("pool"):
        sentence = "A pooler stands before the database, and each process keeps a pool of its own before that one."
        problems.append(Error(sentence, "Set DATABASE_POOL_MAX=0.", id="insighta.E013"))
    return problems


def is_behind_pooler(alias: str) -> bool:
    """Whether a program between us and the server speaks for it: the process announced is not the one at work."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        working = cursor.fetchone()[0]
        announced: int = cursor.connection.info.backend_pid
    return bool(working != announced)


@register(Tags.database)
def check_clock(app_configs: Apps, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Sessions and tokens go by the process's clock, bookings by the database's."""
    found: list[CheckMessage] = []
    for alias in databases or ():
        skew = measure_skew(alias)
        if abs(skew) > MOST_SKEW:
            sentence = f"The clocks of this process and of the database differ by {abs(skew).total_seconds():.0f} s."
            found.append(Error(sentence, "Keep both by NTP; a session or deadline may be off.", id="insighta.E008"))
    return found


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
