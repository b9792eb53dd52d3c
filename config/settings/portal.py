"""Settings of the portal, which has neither database nor models."""

from config.settings.base import *
from config.settings.base import (
    CONTENT_SECURITY_DIRECTIVES,
    PORTAL_URL,
    STATIC_ROOT,
    allowed_hosts_for,
    env,
    harden_for,
    secret_list,
)

STATIC_ROOT = STATIC_ROOT / "portal"
ROOT_URLCONF = "config.urls.portal"
WSGI_APPLICATION = "config.wsgi.application"
ALLOWED_HOSTS = allowed_hosts_for(PORTAL_URL)
globals().update(harden_for(PORTAL_URL))

# A week of hours has a field for each end of each range.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

INSTALLED_APPS = ["config.apps.OperationsConfig", "portal", "django.contrib.staticfiles"]
DATABASES: dict[str, dict[str, object]] = {}

MIDDLEWARE = [
    "config.http.request_middleware.RequestMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "portal.middleware.VisitorMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "APP_DIRS": True,
        "OPTIONS": {
            "environment": "portal.templating.environment",
            "context_processors": ["portal.templating.form_token"],
        },
    }
]

CONTENT_SECURITY_POLICY = {"DIRECTIVES": CONTENT_SECURITY_DIRECTIVES}

# Double-submit cookie: the portal has no sessions.
CSRF_COOKIE_NAME = "__Host-insighta_csrf" if PORTAL_URL.startswith("https://") else "insighta_csrf"
CSRF_TRUSTED_ORIGINS = [PORTAL_URL]
UNAVAILABLE_VIEW = "portal.views.home.overloaded"
CSRF_FAILURE_VIEW = "portal.views.home.form_expired"
DEFAULT_EXCEPTION_REPORTER_FILTER = "portal.errors.QuietReporter"
APPEND_SLASH = False

BACKEND_TIMEOUT_SECONDS = env.float("BACKEND_TIMEOUT_SECONDS", default=10)
# Separate from PORTAL_CLIENT_SECRET, which may change: two portals that derive different retry keys from one refresh
# token would look like a replay.
PORTAL_RETRY_KEY = secret_list("PORTAL_RETRY_KEY")[0]
