"""The WSGI entry of both servers; `DJANGO_SETTINGS_MODULE` says which one this process is."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from config.answers import with_whole_answers
from config.charsets import with_readable_text
from config.connections import limit_waits_for_locks
from config.metrics.store import share_between_workers
from config.overload import with_admission

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.backend")

# Before anything counts: the counters look for their files when they are made.
share_between_workers(settings.METRICS_DIR)
limit_waits_for_locks()
application = with_admission(with_readable_text(with_whole_answers(get_wsgi_application())))
