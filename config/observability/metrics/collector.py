from collections.abc import Iterator

from django.db import Error, connection
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

# A job waits since it was deferred, or since its scheduled time. The lowest id was deferred first.
_QUEUE_AGE = """
SELECT queue_name, EXTRACT(EPOCH FROM now() - LEAST(
           first_scheduled,
           (SELECT min(at) FROM procrastinate_events WHERE job_id = first_id AND type = 'deferred')))
  FROM (SELECT queue_name,
               min(scheduled_at) FILTER (WHERE scheduled_at <= now()) AS first_scheduled,
               min(id) FILTER (WHERE scheduled_at IS NULL) AS first_id
          FROM procrastinate_jobs WHERE status = 'todo' GROUP BY queue_name) AS queues
"""
_QUEUE_DEPTH = """
SELECT queue_name, state, jobs
  FROM (SELECT queue_name,
               count(*) FILTER (WHERE scheduled_at IS NULL OR scheduled_at <= now()) AS due,
               count(*) FILTER (WHERE scheduled_at > now()) AS scheduled
          FROM procrastinate_jobs WHERE status = 'todo' GROUP BY queue_name) AS queues,
       LATERAL (VALUES ('due', due), ('scheduled', scheduled)) AS states (state, jobs)
"""
_DEFERRED = "SELECT COALESCE((SELECT last_value FROM procrastinate_jobs_id_seq WHERE is_called), 0)"
_FAILED = "SELECT task_name, count(*) FROM procrastinate_jobs WHERE status = 'failed' GROUP BY task_name"
# Counting every job of a week would scan them all; the newest thousand show the current state.
_RECENT = """
SELECT task_name, status, count(*)
  FROM (SELECT task_name, status FROM procrastinate_jobs ORDER BY id DESC LIMIT 1000) AS newest
 GROUP BY task_name, status
"""
# A worker writes a heartbeat every ten seconds.
_WORKERS = "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '35 seconds'"
_PENDING = "SELECT count(*) FROM accounts_user WHERE standing = 'pending' AND erased_at IS NULL"
_CALENDARS_DUE = "SELECT count(*) FROM bookings_host WHERE expansion_due_at IS NOT NULL"
# A wait for a row names no database, but its process does.
_WAITING = "FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()"
_LOCK_WAITERS = f"SELECT count(*) {_WAITING}"
_LOCK_WAIT = f"SELECT COALESCE(EXTRACT(EPOCH FROM now() - min(waitstart)), 0) {_WAITING}"  # noqa: S608  # text of this module
_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"

# Name, help, labels, and the statement whose rows are the labels and the value.
GAUGES: tuple[tuple[str, str, list[str], str], ...] = (
    ("insighta_queue_jobs", "Jobs that wait.", ["queue", "state"], _QUEUE_DEPTH),
    ("insighta_queue_age_seconds", "How long the first due job has waited.", ["queue"], _QUEUE_AGE),
    ("insighta_failed_jobs", "Jobs that were given up.", ["task"], _FAILED),
    ("insighta_recent_jobs", "Outcomes of the newest thousand jobs.", ["task", "status"], _RECENT),
    ("insighta_workers", "Workers with a recent heartbeat.", [], _WORKERS),
    ("insighta_calendars_due", "Hosts whose rules wait to be expanded because it failed.", [], _CALENDARS_DUE),
    ("insighta_people_pending", "People who wait for approval.", [], _PENDING),
    ("insighta_lock_waiters", "Transactions that wait for a lock.", [], _LOCK_WAITERS),
    ("insighta_lock_wait_seconds", "How long the first of them has waited.", [], _LOCK_WAIT),
)
COUNTERS: tuple[tuple[str, str, list[str], str], ...] = (
    ("insighta_jobs_deferred", "Jobs deferred since the database was made.", [], _DEFERRED),
    ("insighta_deadlocks", "Deadlocks that the database resolved.", [], _DEADLOCKS),
)


class DatabaseCollector:
    """Metrics of the queue, the workers and the locks, read from the database at each scrape.

    An unreachable database is reported as a metric and does not fail the scrape.
    """

    def collect(self) -> Iterator[Metric]:
        try:
            found = [_read(GaugeMetricFamily, *gauge) for gauge in GAUGES]
            found += [_read(CounterMetricFamily, *counter) for counter in COUNTERS]
        except Error:
            found = []
        yield GaugeMetricFamily("insighta_database_up", "Whether the database answers.", value=bool(found))
        yield from found


def read_number(name: str) -> int:
    """A gauge's value now, the sum of all its labels."""
    (gauge,) = (gauge for gauge in GAUGES if gauge[0] == name)
    return int(sum(sample.value for sample in _read(GaugeMetricFamily, *gauge).samples))


def _read(
    family: type[CounterMetricFamily | GaugeMetricFamily], name: str, text: str, labels: list[str], sql: str
) -> Metric:
    metric = family(name, text, labels=labels)
    with connection.cursor() as cursor:
        cursor.execute(sql)
        for *values, number in cursor.fetchall():
            metric.add_metric([str(value) for value in values], float(number or 0))
    return metric
