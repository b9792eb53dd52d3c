"""Settings of the tests' own process. Processes that tests start use the backend's and the portal's settings."""

import os

os.environ["READ_DOT_ENV"] = "false"
os.environ.setdefault("DEBUG", "true")

from config.settings.backend import *
from config.settings.backend import DATABASES, LOGGING

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
ALLOWED_HOSTS = ["*"]
# Race tests need a connection per thread, more than the pool has.
DATABASES["default"]["OPTIONS"].pop("pool")
# A look at the folders of static files takes longer than most requests; every test client would look.
WHITENOISE_AUTOREFRESH = True
# It logs a line for each request, which would hide the output of a failing test.
LOGGING["loggers"].update(httpx={"level": "WARNING"})
