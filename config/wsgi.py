"""The WSGI application of backend and portal; `DJANGO_SETTINGS_MODULE` selects which."""

import os

import django
from django.conf import settings

from config.http.connections import prepare_connections
from config.http.load_shedding import shed_load
from config.http.wsgi_handler import Handler
from config.observability.metrics.multiprocess import share_between_workers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.backend")

# prometheus_client reads its directory when the first metric is made, which `django.setup` does.
share_between_workers(settings.METRICS_DIR)
prepare_connections()
django.setup(set_prefix=False)
application = shed_load(Handler())
