"""The backend's settings, with two more addresses to compare bookings with."""

from config.settings.backend import *

ROOT_URLCONF = "bench.textbook.urls"
