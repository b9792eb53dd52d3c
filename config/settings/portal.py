"""The portal: server-rendered pages on another host than the backend, with no database and no models."""

from config.settings.base import *
from config.settings.base import (
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

INSTALLED_APPS = ["config.apps.OperationsConfig", "portal", "django.contrib.staticfiles"]
DATABASES: dict[str, dict[str, object]] = {}

MIDDLEWARE = [
    "config.middleware.RequestMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.middleware.CompressionMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.middleware.VisitorMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "style-src": ["'self'"],
        "script-src": ["'self'"],
        "img-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}

# A cookie and a form field must agree; there are no sessions here to keep the value in.
CSRF_COOKIE_NAME = "__Host-insighta_csrf" if PORTAL_URL.startswith("https://") else "insighta_csrf"
CSRF_TRUSTED_ORIGINS = [PORTAL_URL]
UNAVAILABLE_VIEW = "portal.views.home.overloaded"
CSRF_FAILURE_VIEW = "portal.views.home.form_expired"
DEFAULT_EXCEPTION_REPORTER_FILTER = "portal.errors.QuietReporter"
APPEND_SLASH = False

# Where the portal's processes reach the backend; the browser's address of it is BACKEND_URL.
BACKEND_TIMEOUT_SECONDS = env.float("BACKEND_TIMEOUT_SECONDS", default=10)
# A key of its own, because it must outlive a change of PORTAL_CLIENT_SECRET: during one, two portals that derive
# different retry keys from one refresh token would look like its owner and a thief.
PORTAL_RETRY_KEY = secret_list("PORTAL_RETRY_KEY")[0]
