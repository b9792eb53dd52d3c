"""A Django site with django-allauth: `allauth_site.py DIRECTORY HOST:PORT`. Its provider is DIRECTORY/pasted.py."""

import runpy
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path

DIRECTORY, ADDRESS = Path(sys.argv[1]), sys.argv[2]


def profile(request: HttpRequest) -> HttpResponse:
    from allauth.socialaccount.models import SocialAccount

    account = SocialAccount.objects.get(user=request.user)
    return JsonResponse({"uid": account.uid, **account.extra_data})


settings.configure(
    DEBUG=True,
    SECRET_KEY="of this test alone",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DIRECTORY / "site.sqlite3"}},
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
        "allauth",
        "allauth.account",
        "allauth.socialaccount",
        "allauth.socialaccount.providers.openid_connect",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "allauth.account.middleware.AccountMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        }
    ],
    LOGIN_REDIRECT_URL="/profile",
    SOCIALACCOUNT_LOGIN_ON_GET=True,
    SOCIALACCOUNT_PROVIDERS=runpy.run_path(str(DIRECTORY / "pasted.py"))["SOCIALACCOUNT_PROVIDERS"],
)
django.setup()
urlpatterns = [path("accounts/", include("allauth.urls")), path("profile", profile)]

if __name__ == "__main__":
    execute_from_command_line(["site", "migrate", "--verbosity", "0"])
    execute_from_command_line(["site", "runserver", "--noreload", ADDRESS])
