"""Settings of the backend API, its admin and its worker."""

import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from config.development.embedded_postgres import database_url
from config.settings.base import *
from config.settings.base import (
    BACKEND_URL,
    BASE_DIR,
    CONTENT_SECURITY_DIRECTIVES,
    DEBUG,
    GITHUB_PORT,
    PORTAL_URL,
    STATIC_ROOT,
    allowed_hosts_for,
    env,
    harden_for,
    secret_list,
)

STATIC_ROOT = STATIC_ROOT / "backend"
ROOT_URLCONF = "config.urls.backend"
WSGI_APPLICATION = "config.wsgi.application"
ALLOWED_HOSTS = allowed_hosts_for(BACKEND_URL)
globals().update(harden_for(BACKEND_URL))
if BACKEND_URL.startswith("https://"):
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-insighta_staff", "__Host-insighta_csrf"

INSTALLED_APPS = [
    "config.apps.OperationsConfig",
    "accounts",
    "tokens",
    "bookings",
    "config.apps.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "config.database.apps.PostgresFieldsConfig",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "social_django",
    "pgtrigger",
    "procrastinate.contrib.django",
]

MIDDLEWARE = [
    "config.http.request_middleware.RequestMiddleware",
    "tokens.views.cors.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.http.page_middleware.PolicyMiddleware",
    "config.http.page_middleware.PageSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "config.http.page_middleware.PageAuthenticationMiddleware",
    "tokens.authentication.StaffSessionMiddleware",
    "config.http.page_middleware.PageMessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.http.unavailable.DatabaseErrorMiddleware",
]
UNAVAILABLE_VIEW = "config.http.problems.unavailable"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["config.http.support"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {**CONTENT_SECURITY_DIRECTIVES, "img-src": ["'self'", "data:"], "font-src": ["'self'"]}
}

# A machine that has vanished closes none of its connections: they are given up after ten seconds.
_GIVE_UP = {"connect_timeout": 2, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
_GIVE_UP["tcp_user_timeout"] = 10_000


def database(url: str, *, most: int) -> dict[str, Any]:
    """Django's configuration of the PostgreSQL at this address, with a pool of `most` connections unless that is 0."""
    found: dict[str, Any] = {**env.db_url_config(url), "ENGINE": "config.database"}
    found |= {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False, "DISABLE_SERVER_SIDE_CURSORS": True}
    found["OPTIONS"] = _GIVE_UP | found.get("OPTIONS", {}) | {"pool": False}
    if most:
        # A request that gets no connection within `timeout` seconds is answered with 503. The pool doubles its delay
        # before each attempt to connect; a short `reconnect_timeout` restarts that backoff, so that a recovered
        # database is noticed.
        least = min(env.int("DATABASE_POOL_MIN", default=2), most)
        found["OPTIONS"]["pool"] = {"min_size": least, "max_size": most, "timeout": 2, "reconnect_timeout": 1}
        # Repeated statements are prepared, except behind pgbouncer, where each may run on another connection.
        found["OPTIONS"] |= {"server_side_binding": True, "prepare_threshold": 5}
    return found


_most = env.int("DATABASE_POOL_MAX", default=10)
DATABASES = {"default": database(database_url(), most=_most)}
DATABASE_REPLICA_URL = env.str("DATABASE_REPLICA_URL", default="")
if DATABASE_REPLICA_URL:
    # No pgbouncer is between.
    DATABASES["standby"] = database(DATABASE_REPLICA_URL, most=_most or 4)
    DATABASE_ROUTERS = ["bookings.repositories.standby.StandbyRouter"]
LOCK_WAIT_SECONDS = env.float("LOCK_WAIT_SECONDS", default=2.0)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 2},
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 50_000}}
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "accounts.authentication.GitHubBackend",
    "accounts.authentication.StaffBackend",
]

# A staff password is a factor by itself: 15 characters or more (NIST SP 800-63B-4 §3.1.1.2), no other composition.
_VALIDATORS: list[tuple[str, dict[str, object]]] = [
    (
        "UserAttributeSimilarityValidator",
        {"user_attributes": ("username", "login", "display_name", "email")},
    ),
    ("MinimumLengthValidator", {"min_length": 15}),
    ("CommonPasswordValidator", {}),
    ("NumericPasswordValidator", {}),
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options} for name, options in _VALIDATORS
]

# GitHub, GitHub Enterprise and the stand-in differ by their addresses alone.
GITHUB_CLIENT_ID = env.str("GITHUB_CLIENT_ID", default="")
GITHUB_CLIENT_SECRET = env.str("GITHUB_CLIENT_SECRET", default="")
GITHUB_IS_STAND_IN = DEBUG and not GITHUB_CLIENT_ID
if GITHUB_IS_STAND_IN:
    GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET = "insighta-development", "development-only-github-client-secret"
    GITHUB_URL = env.str("GITHUB_URL", default=f"http://127.0.0.1:{GITHUB_PORT}")
    GITHUB_API_URL = env.str("GITHUB_API_URL", default=f"http://127.0.0.1:{GITHUB_PORT}/")
else:
    GITHUB_URL = env.str("GITHUB_URL", default="https://github.com")
    GITHUB_API_URL = env.str("GITHUB_API_URL", default="https://api.github.com/")
    for _name in ("GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET"):
        if not globals()[_name]:
            raise ImproperlyConfigured(f"{_name} is not set. Register a GitHub OAuth app: docs/github-app.md.")
GITHUB_TIMEOUT_SECONDS = env.int("GITHUB_TIMEOUT_SECONDS", default=10)

# Issuers of ID tokens of CI jobs (GitHub Actions' claims) that are believed. The stand-in is one of its own.
CI_ISSUERS: list[str] = env.list(
    "CI_ISSUERS", default=[GITHUB_URL if GITHUB_IS_STAND_IN else "https://token.actions.githubusercontent.com"]
)
for _issuer in CI_ISSUERS:
    if not re.fullmatch(r"https://[^\s/?#]+[^\s?#]*" if not DEBUG else r"https?://[^\s?#]+", _issuer):
        raise ImproperlyConfigured(f"CI_ISSUERS takes addresses like https://host, comma-separated, not {_issuer!r}.")
    if _issuer.rstrip("/") == BACKEND_URL:
        # Its own ID tokens would be exchanged for access tokens.
        raise ImproperlyConfigured("CI_ISSUERS must not name BACKEND_URL.")

SOCIAL_AUTH_STRATEGY = "accounts.authentication.SignInStrategy"
SOCIAL_AUTH_STORAGE = "accounts.authentication.SignInStorage"
SOCIAL_AUTH_GITHUB_KEY = GITHUB_CLIENT_ID
SOCIAL_AUTH_GITHUB_SECRET = GITHUB_CLIENT_SECRET
SOCIAL_AUTH_GITHUB_SCOPE = ["read:user", "user:email"]
SOCIAL_AUTH_REQUESTS_TIMEOUT = GITHUB_TIMEOUT_SECONDS
SOCIAL_AUTH_PIPELINE = (
    "social_core.pipeline.social_auth.social_details",
    "social_core.pipeline.social_auth.social_uid",
    "accounts.authentication.sign_in_person",
)
SIGN_IN_SECONDS = 600

REGISTRATION = env.str("REGISTRATION", default="open")
if REGISTRATION not in {"open", "approval"}:
    raise ImproperlyConfigured(f"REGISTRATION must be 'open' or 'approval', not {REGISTRATION!r}.")

# What each role of the staff may do, as patterns of permissions. An administrator may do everything.
STAFF_ROLES = {
    "support": [
        "accounts.view_user",
        "accounts.change_user",
        "accounts.view_event",
        "tokens.view_session",
        "tokens.view_personalaccesstoken",
    ],
    "bookings": ["accounts.view_user", "bookings.view_*", "bookings.change_*", "bookings.add_plan"],
}

TOKEN_KEYS = secret_list("TOKEN_KEY")
REFRESH_TOKEN_LIFETIME = timedelta(days=env.float("REFRESH_TOKEN_DAYS", default=30))
SESSION_LIFETIME = timedelta(days=env.float("SESSION_DAYS", default=90))
HANDOFF_LIFETIME = timedelta(seconds=60)
AUTHORIZATION_CODE_LIFETIME = timedelta(seconds=60)
DEVICE_CODE_LIFETIME = timedelta(minutes=10)
STAFF_IDLE_LIFETIME = timedelta(minutes=env.float("STAFF_IDLE_MINUTES", default=60))
STAFF_SESSION_LIFETIME = timedelta(hours=env.float("STAFF_SESSION_HOURS", default=12))
PERSONAL_TOKEN_DAYS = env.int("PERSONAL_TOKEN_DAYS", default=366)
STEP_UP_SECONDS = env.int("STEP_UP_SECONDS", default=900)
CLI_RETRY_SECONDS = env.int("CLI_RETRY_SECONDS", default=86_400)
PORTAL_RETRY_SECONDS = env.int("PORTAL_RETRY_SECONDS", default=60)
UNKEYED_RETRY_SECONDS = env.int("UNKEYED_RETRY_SECONDS", default=10)
PORTAL_REDIRECT_URI = f"{PORTAL_URL}/auth/callback"

REFUND_WINDOW_HOURS = env.int("REFUND_WINDOW_HOURS", default=12)
GIVE_BACK_DAYS = env.int("GIVE_BACK_DAYS", default=90)
WELCOME_CREDITS = env.int("WELCOME_CREDITS", default=5)


def networks(name: str, default: list[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    """The addresses and networks of `name`, comma-separated in the environment. Raises ImproperlyConfigured."""
    try:
        return tuple(ip_network(network) for network in env.list(name, default=default))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} takes addresses and networks such as 10.1.0.0/16: {error}.") from error


# Reverse proxies whose X-Forwarded-For is trusted.
TRUSTED_PROXIES = networks("TRUSTED_PROXIES", default=[])
# Networks that are not public and that logouts of applications may reach all the same.
BACKCHANNEL_NETWORKS = networks("BACKCHANNEL_NETWORKS", default=["0.0.0.0/0", "::/0"] if DEBUG else [])
THROTTLE_SCALE = env.float("THROTTLE_SCALE", default=1.0)

EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
globals().update(EMAIL_CONFIG)
# A stopping worker finishes its job first; a silent mail server must not delay it without end.
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Insighta <no-reply@localhost>")

# What `/readyz` calls, each by the name that it reports if the call raises or returns a false value.
READINESS = {
    "database": "config.http.health.has_database",
    "migrations": "config.http.health.is_migrated",
    "signing key": "tokens.services.signing_keys.active_key",
}
if REDIS_URL:
    READINESS["redis"] = "config.http.health.has_shared_cache"

METRICS_COLLECTORS = ["config.observability.metrics.collector.DatabaseCollector"]
SIGNAL_LISTENERS = {
    "accounts.signals.event_recorded": ["config.observability.metrics.counters.count_event"],
    "bookings.signals.operation_retried": ["config.observability.metrics.counters.count_obstruction"],
    "tokens.signals.sign_in_refused": [
        "config.observability.metrics.counters.count_refusal",
        "config.observability.logs.note_refusal",
    ],
    "tokens.signals.refresh_answered": [
        "config.observability.metrics.counters.count_refresh",
        "config.observability.logs.note_refresh",
    ],
}
PROCRASTINATE_ON_APP_READY = "config.observability.jobs.on_app_ready"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tokens.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["tokens.authentication.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["tokens.throttles.PersonThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "config.http.openapi.ApiSchema",
    "EXCEPTION_HANDLER": "config.http.problems.problem_response",
    "UNAUTHENTICATED_USER": None,
    "DATETIME_FORMAT": "iso-8601",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Insighta API",
    "VERSION": "1",
    "DESCRIPTION": (
        f"Make a token under [Access tokens]({PORTAL_URL}/tokens), choose *Authorize*, paste it: every call can then "
        "be tried, and shows the `curl` that does the same. The scope that a call needs stands in its description.\n\n"
        "## Calls"
    ),
    "SERVERS": [{"url": BACKEND_URL}],
    "SWAGGER_UI_SETTINGS": {
        "docExpansion": "none",
        "filter": True,
        "syntaxHighlight": False,
        "defaultModelsExpandDepth": -1,
        "displayRequestDuration": True,
    },
    "OAS_VERSION": "3.1.0",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "TrailKindEnum": "bookings.policies.trail.KINDS",
        "KindEnum": ["weekly", "extra", "day_off"],
        "SlotStatusEnum": ["open", "cancelled"],
        "BookingStatusEnum": ["active", "cancelled", "completed", "no_show"],
        "DeviceStatusEnum": ["pending", "approved", "denied", "redeemed"],
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.http.openapi.allow_both",
        "config.http.openapi.add_problems",
        "config.http.openapi.add_links",
        "config.http.openapi.add_groups",
        "config.http.openapi.add_examples",
    ],
}
