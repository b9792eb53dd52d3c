"""The WSGI entry of both servers; `DJANGO_SETTINGS_MODULE` says which one this process is."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.backend")

application = get_wsgi_application()
