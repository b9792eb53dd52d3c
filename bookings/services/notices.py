from datetime import timedelta

REMIND_BEFORE = timedelta(hours=24)
