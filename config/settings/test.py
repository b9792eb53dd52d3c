"""The backend as the tests run it in their own process: known secrets, quick hashes, mail kept in memory.

Tests of whole processes start them with the backend's and the portal's own settings modules.
"""

import os

os.environ["READ_DOT_ENV"] = "false"
os.environ.setdefault("DEBUG", "true")

from config.settings.backend import *
from config.settings.backend import DATABASES, LOGGING

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
ALLOWED_HOSTS = ["*"]
# Race tests open a connection a thread; the pool would make them wait for each other.
DATABASES["default"]["OPTIONS"].pop("pool")
# The client of many tests: a line for each of its requests would hide what a failing test has to say.
LOGGING["loggers"].update(httpx={"level": "WARNING"})
