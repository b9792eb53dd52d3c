"""The backend API, its admin and its worker: everything that owns the database."""

from datetime import timedelta
from ipaddress import ip_network

from django.core.exceptions import ImproperlyConfigured

from config.embedded_postgres import database_url
from config.settings.base import *
from config.settings.base import (
    BACKEND_URL,
    BASE_DIR,
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
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "social_django",
    "pgtrigger",
    "procrastinate.contrib.django",
]

MIDDLEWARE = [
    "config.middleware.RequestMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.pages.PolicyMiddleware",
    "config.pages.PageSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "config.pages.PageAuthenticationMiddleware",
    "config.pages.PageMessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.overload.DatabaseMiddleware",
]
UNAVAILABLE_VIEW = "config.problems.unavailable"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "style-src": ["'self'"],
        "script-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}

DATABASES = {"default": {**env.db_url_config(database_url()), "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False}}
DATABASES["default"]["ENGINE"] = "django.db.backends.postgresql"
# Each process keeps a few connections; a request that finds none free for `timeout` seconds is answered with 503. The
# pool waits twice as long before each new attempt to connect: it has to begin anew every second, or it would still be
# waiting when the database has been back for long.
_most = env.int("DATABASE_POOL_MAX", default=10)
_pool = {"min_size": min(env.int("DATABASE_POOL_MIN", default=2), _most), "max_size": _most}
_pool |= {"timeout": 2, "reconnect_timeout": 1}
DATABASES["default"].setdefault("OPTIONS", {})["pool"] = _pool if _most else False
DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
if _most:
    # What is asked over and over is planned once. Behind pgbouncer a statement may meet another connection each time.
    DATABASES["default"]["OPTIONS"] |= {"server_side_binding": True, "prepare_threshold": 5}
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

# GitHub, GitHub Enterprise or the stand-in: one code path, three addresses.
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

TOKEN_KEYS = secret_list("TOKEN_KEY")
REFRESH_TOKEN_LIFETIME = timedelta(days=env.float("REFRESH_TOKEN_DAYS", default=30))
SESSION_LIFETIME = timedelta(days=env.float("SESSION_DAYS", default=90))
HANDOFF_LIFETIME = timedelta(seconds=60)
AUTHORIZATION_CODE_LIFETIME = timedelta(seconds=60)
DEVICE_CODE_LIFETIME = timedelta(minutes=10)
CLI_RETRY_SECONDS = env.int("CLI_RETRY_SECONDS", default=86_400)
PORTAL_RETRY_SECONDS = env.int("PORTAL_RETRY_SECONDS", default=60)
UNKEYED_RETRY_SECONDS = env.int("UNKEYED_RETRY_SECONDS", default=10)
PORTAL_REDIRECT_URI = f"{PORTAL_URL}/auth/callback"

REFUND_WINDOW_HOURS = env.int("REFUND_WINDOW_HOURS", default=12)
WELCOME_CREDITS = env.int("WELCOME_CREDITS", default=5)

# Addresses and networks of reverse proxies whose X-Forwarded-For is believed.
try:
    TRUSTED_PROXIES = tuple(ip_network(proxy) for proxy in env.list("TRUSTED_PROXIES", default=[]))
except ValueError as error:
    raise ImproperlyConfigured(f"TRUSTED_PROXIES takes addresses and networks such as 10.1.0.0/16: {error}.") from error
THROTTLE_SCALE = env.float("THROTTLE_SCALE", default=1.0)

EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
globals().update(EMAIL_CONFIG)
# A worker that is stopped finishes its job first: a mail server that says nothing must not hold it for ever.
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Insighta <no-reply@localhost>")

# What `/readyz` asks for, by the name it reports where it is missing.
READINESS = {
    "database": "config.health.has_database",
    "migrations": "config.health.is_migrated",
    "signing key": "tokens.services.signing_keys.has_signing_key",
}
if REDIS_URL:
    READINESS["redis"] = "config.health.has_shared_cache"

METRICS_COLLECTORS = ["config.metrics.database.DatabaseCollector"]
SIGNAL_LISTENERS = {
    "accounts.signals.event_recorded": ["config.metrics.counters.count_event"],
    "bookings.signals.operation_obstructed": ["config.metrics.counters.count_obstruction"],
    "tokens.signals.sign_in_refused": ["config.metrics.counters.count_refusal"],
    "tokens.signals.refresh_answered": ["config.metrics.counters.count_refresh", "config.logs.note_refresh"],
}
PROCRASTINATE_ON_APP_READY = "config.jobs.on_app_ready"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tokens.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["tokens.authentication.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["tokens.throttles.PersonThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.problems.problem_response",
    "UNAUTHENTICATED_USER": None,
    "DATETIME_FORMAT": "iso-8601",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Insighta API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "SlotStatusEnum": ["open", "cancelled"],
        "BookingStatusEnum": ["active", "cancelled", "completed", "no_show"],
        "DeviceStatusEnum": ["pending", "approved", "denied", "redeemed"],
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.openapi.add_problems",
        "config.openapi.add_links",
    ],
}
