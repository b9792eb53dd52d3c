"""The settings of the peers that are Django apps: one small project, for the one that the environment's `PEER` names.

Each is set up as its documentation advises for refresh tokens that rotate. Nothing that it does not need is installed,
and it is given the product's own settings for connections: a pool, no debugging, no cookies, two middlewares.
"""

import os
from datetime import timedelta
from typing import Any

from psycopg.conninfo import conninfo_to_dict

PEER = os.environ["PEER"]
SCOPE = "account:read"

# djangorestframework-simplejwt, "Blacklist app": rotation with a blacklist of what has been used.
SIMPLEJWT: dict[str, Any] = {
    "INSTALLED_APPS": ["rest_framework_simplejwt.token_blacklist"],
    "SIMPLE_JWT": {
        "ROTATE_REFRESH_TOKENS": True,
        "BLACKLIST_AFTER_ROTATION": True,
        "ACCESS_TOKEN_LIFETIME": timedelta(hours=4),
        "REFRESH_TOKEN_LIFETIME": timedelta(days=30),
    },
}


def toolkit(*, grace_seconds: int) -> dict[str, Any]:
    """django-oauth-toolkit: rotation is its default, "REFRESH_TOKEN_REUSE_PROTECTION" ends the family of a replay."""
    return {
        "INSTALLED_APPS": ["oauth2_provider"],
        "OAUTH2_PROVIDER": {
            "SCOPES": {SCOPE: "Read the account"},
            "REFRESH_TOKEN_REUSE_PROTECTION": True,
            "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": grace_seconds,
            "REFRESH_TOKEN_EXPIRE_SECONDS": 30 * 86_400,
        },
    }


# django-allauth, "OpenID Connect provider": rotation is its default. Its rate limits are off, like all others.
ALLAUTH: dict[str, Any] = {
    "INSTALLED_APPS": [
        "django.contrib.sessions",
        "django.contrib.messages",
        "allauth",
        "allauth.account",
        "allauth.idp.oidc",
    ],
    "MIDDLEWARE": [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "allauth.account.middleware.AccountMiddleware",
    ],
    "IDP_OIDC_PRIVATE_KEY": os.environ.get("OIDC_PRIVATE_KEY", ""),
    "IDP_OIDC_RATE_LIMITS": False,
    "ACCOUNT_RATE_LIMITS": False,
    "ACCOUNT_USER_MODEL_USERNAME_FIELD": "login",
}
PEERS: dict[str, dict[str, Any]] = {
    "empty": {},
    "simplejwt": SIMPLEJWT,
    "toolkit": toolkit(grace_seconds=0),
    "toolkit_with_grace": toolkit(grace_seconds=60),
    "allauth": ALLAUTH,
}


def _database(url: str) -> dict[str, Any]:
    where = conninfo_to_dict(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": where["dbname"],
        "USER": where["user"],
        "HOST": where["host"],
        "OPTIONS": {"pool": {"min_size": 2, "max_size": 10, "timeout": 10}},
    }


_chosen = dict(PEERS[PEER])
_apps = ["people", "django.contrib.auth", "django.contrib.contenttypes", "rest_framework"]
_middleware = ["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]

DEBUG = False
SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "addresses"
USE_TZ = True
USE_I18N = False
DATABASES = {"default": _database(os.environ["DATABASE_URL"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "people.Person"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
REST_FRAMEWORK = {"DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"]}
# What a peer adds comes after what all have.
INSTALLED_APPS = [*_apps, *_chosen.pop("INSTALLED_APPS", [])]
MIDDLEWARE = [*_middleware, *_chosen.pop("MIDDLEWARE", [])]
globals().update(_chosen)
