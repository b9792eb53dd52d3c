"""Settings that backend and portal share: environment, addresses, secrets, logging, browser security.

Every name read here is described in `.env.example`. A secret that is missing, or still the development
default, with `DEBUG` off is a start-up error that names its variable.
"""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
import environ
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import URLValidator, validate_email

# Makes generics such as `ModelAdmin[User]` work at run time.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent.parent


class Environment(environ.Env):  # type: ignore[misc]  # the package has no types
    """django-environ with errors that name the variable; only a malformed number is repeated, not a secret."""

    def get_value(self, var: str, cast: object = None, default: object = environ.Env.NOTSET, **options: bool) -> object:
        try:
            return super().get_value(var, cast=cast, default=default, **options)
        except ValueError as error:
            raise ImproperlyConfigured(f"{var} must be a number, not {self.ENVIRON[var]!r}.") from error


env = Environment()
if env.bool("READ_DOT_ENV", default=True):
    env.read_env(BASE_DIR / ".env")

DEBUG = env.bool("DEBUG", default=False)


def secret_list(name: str) -> list[str]:
    """The secrets of `name`, comma-separated in the environment: the first is used, all are accepted.

    Raises ImproperlyConfigured when `DEBUG` is off and one is missing, too short or a development default.
    """
    default = f"development-only-{name.lower().replace('_', '-')}-do-not-deploy"
    secrets = [value.strip() for value in env.str(name, default="").split(",") if value.strip()]
    if DEBUG:
        return secrets or [default]
    if not secrets:
        raise ImproperlyConfigured(f"{name} is not set. Set it to at least 32 random characters, or set DEBUG=true.")
    if any(value.startswith("development-only-") or len(value) < 32 for value in secrets):
        raise ImproperlyConfigured(f"{name} is a development default or shorter than 32 characters. Set a random one.")
    return secrets


def origin(name: str, default: str) -> str:
    """An address from the environment, without a trailing slash. Raises ImproperlyConfigured unless it is an origin."""
    value: str = env.str(name, default=default).rstrip("/")
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query or parts.fragment:
        raise ImproperlyConfigured(f"{name} must look like https://host[:port], not {value!r}.")
    return value


def checked(name: str, validate: Callable[[str], None], like: str) -> str:
    """A value that may be unset. Raises ImproperlyConfigured unless it is empty or valid."""
    value: str = env.str(name, default="").strip()
    try:
        if value:
            validate(value)
    except ValidationError as error:
        raise ImproperlyConfigured(f"{name} must look like {like}, not {value!r}.") from error
    return value


BACKEND_PORT = env.int("BACKEND_PORT", default=8000)
PORTAL_PORT = env.int("PORTAL_PORT", default=8001)
GITHUB_PORT = env.int("GITHUB_PORT", default=8002)
BACKEND_URL = origin("BACKEND_URL", f"http://127.0.0.1:{BACKEND_PORT}")
PORTAL_URL = origin("PORTAL_URL", f"http://localhost:{PORTAL_PORT}")

SECRET_KEY, *SECRET_KEY_FALLBACKS = secret_list("SECRET_KEY")
PORTAL_CLIENT_SECRETS = secret_list("PORTAL_CLIENT_SECRET")
PORTAL_HANDOFF = env.str("PORTAL_HANDOFF", default="tokens")
if PORTAL_HANDOFF not in {"tokens", "code"}:
    raise ImproperlyConfigured(f"PORTAL_HANDOFF must be 'tokens' or 'code', not {PORTAL_HANDOFF!r}.")

# Load shedding: concurrent and queued requests of each worker process.
REQUESTS_AT_ONCE = env.int("REQUESTS_AT_ONCE", default=8)
REQUESTS_WAITING = env.int("REQUESTS_WAITING", default=24)

CLI_WANTED_VERSION = env.str("CLI_WANTED_VERSION", default="")
ACCESS_TOKEN_SECONDS = env.int("ACCESS_TOKEN_SECONDS", default=180)

# Whether the calendar can be read without an account.
PUBLIC_CALENDAR = env.bool("PUBLIC_CALENDAR", default=False)

SUPPORT_URL = checked("SUPPORT_URL", URLValidator(schemes=["https", "http"]), "https://help.example.com")
SUPPORT_EMAIL = checked("SUPPORT_EMAIL", validate_email, "help@example.com")
# Where pages, mails and answers send people who need help; empty: no sentence does.
SUPPORT = " or ".join(filter(None, (SUPPORT_URL, SUPPORT_EMAIL)))

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
FORMAT_MODULE_PATH = "config.formats"

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / ".local" / "static"  # each process has a folder of its own in it
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if not DEBUG
        else "django.contrib.staticfiles.storage.StaticFilesStorage",
    },
}
WHITENOISE_USE_FINDERS = DEBUG

# A larger request body is answered with 413 before it is parsed; the largest legitimate one is a few kB.
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100

X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_DIRECTIVES = {
    **{name: ["'none'"] for name in ("default-src", "frame-ancestors", "base-uri")},
    **{name: ["'self'"] for name in ("style-src", "script-src", "img-src", "connect-src", "form-action")},
}
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

if env.bool("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


def harden_for(url: str) -> dict[str, object]:
    """Secure cookies and HSTS where `url` is https."""
    https = url.startswith("https://")
    return {
        "SESSION_COOKIE_SECURE": https,
        "CSRF_COOKIE_SECURE": https,
        "SECURE_HSTS_SECONDS": 31_536_000 if https and not DEBUG else 0,
        "SECURE_HSTS_INCLUDE_SUBDOMAINS": False,
    }


def allowed_hosts_for(url: str) -> list[str]:
    """`ALLOWED_HOSTS` from the environment, else the host of the process's own address."""
    hosts: list[str] = env.list("ALLOWED_HOSTS", default=[urlsplit(url).hostname])
    return hosts


# The TLS proxy redirects to https; HSTS for subdomains and its preload list would bind names that are not ours.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]

# Bearer token of `/metrics` (empty: programs on this machine), and the directory that the workers of a server share.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
METRICS_DIR = Path(env.str("METRICS_DIR", default="") or f"{gettempdir()}/insighta-metrics-{os.getuid()}")
METRICS_COLLECTORS: list[str] = []
# Dotted paths, because `config` does not import the apps: signal to receivers.
SIGNAL_LISTENERS: dict[str, list[str]] = {}

LOG_FORMAT = env.str("LOG_FORMAT", default="columns" if DEBUG else "json")
if LOG_FORMAT not in {"columns", "json"}:
    raise ImproperlyConfigured(f"LOG_FORMAT must be 'columns' or 'json', not {LOG_FORMAT!r}.")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "config.observability.logs.make_formatter", "as_json": LOG_FORMAT == "json"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # It logs the full URL of outgoing requests.
        "urllib3": {"level": "WARNING"},
        "procrastinate": {"level": "WARNING"},
        "social": {"level": "WARNING"},
        # The demo defers many jobs, whose lines would flood a terminal.
        "config.observability.jobs": {"level": "INFO" if LOG_FORMAT == "json" else "WARNING"},
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        # Django's lines for 4xx would repeat the line of RequestMiddleware.
        "django.request": {"level": "ERROR"},
    },
}
