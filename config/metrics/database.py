"""What the database knows better than any process: the queue, the locks, the workers. Asked when it is scraped."""

from collections.abc import Iterator

from django.db import Error, connection
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

# A job waits from when it was deferred, or from when it was to run; ids grow, so the lowest was deferred first.
_QUEUE = """
SELECT queue_name, due, scheduled,
       EXTRACT(EPOCH FROM now() - LEAST(
           first_scheduled,
           (SELECT min(at) FROM procrastinate_events WHERE job_id = first_id AND type = 'deferred')))
  FROM (SELECT queue_name,
               count(*) FILTER (WHERE scheduled_at IS NULL OR scheduled_at <= now()) AS due,
               count(*) FILTER (WHERE scheduled_at > now()) AS scheduled,
               min(scheduled_at) FILTER (WHERE scheduled_at <= now()) AS first_scheduled,
               min(id) FILTER (WHERE scheduled_at IS NULL) AS first_id
          FROM procrastinate_jobs WHERE status = 'todo' GROUP BY queue_name) AS queues
"""
# Workers say every ten seconds that they live.
_WORKERS = "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '35 seconds'"
_LOCKS = "SELECT count(*), COALESCE(EXTRACT(EPOCH FROM now() - min(waitstart)), 0) FROM pg_locks WHERE NOT granted"
_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
_JOBS = "SELECT last_value FROM procrastinate_jobs_id_seq WHERE is_called"
_FAILED = "SELECT task_name, count(*) FROM procrastinate_jobs WHERE status = 'failed' GROUP BY task_name"
# The newest tell how it goes now; counting all of a week's jobs would read them all.
_NEWEST = """
SELECT task_name, status, count(*)
  FROM (SELECT task_name, status FROM procrastinate_jobs ORDER BY id DESC LIMIT 1000) AS newest
 GROUP BY task_name, status
"""

Row = tuple[object, ...]


class DatabaseCollector:
    """A collector of `prometheus_client`; an unreachable database is a value, not a failed scrape."""

    def collect(self) -> Iterator[Metric]:
        try:
            queue, workers, locks, deadlocks = (_ask(sql) for sql in (_QUEUE, _WORKERS, _LOCKS, _DEADLOCKS))
            deferred, failed, newest = (_ask(sql) for sql in (_JOBS, _FAILED, _NEWEST))
        except Error:
            yield _gauge("insighta_database_up", "Whether the database answers.", 0)
            return
        yield _gauge("insighta_database_up", "Whether the database answers.", 1)
        yield from _queue(queue)
        yield from _jobs(deferred, failed, newest)
        yield _gauge("insighta_workers", "Workers that gave a sign of life lately.", workers[0][0])
        yield _gauge("insighta_lock_waiters", "Transactions that wait for a lock now.", locks[0][0])
        yield _gauge("insighta_lock_wait_seconds", "How long the first of them has waited.", locks[0][1])
        deadlocked = CounterMetricFamily("insighta_deadlocks", "Deadlocks that the database resolved.")
        deadlocked.add_metric([], _number(deadlocks[0][0]))
        yield deadlocked


def _ask(sql: str) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def _queue(rows: list[Row]) -> Iterator[Metric]:
    depth = GaugeMetricFamily("insighta_queue_jobs", "Jobs that wait.", labels=["queue", "state"])
    age = GaugeMetricFamily("insighta_queue_age_seconds", "How long the first due job has waited.", labels=["queue"])
    for queue, due, scheduled, seconds in rows:
        depth.add_metric([str(queue), "due"], _number(due))
        depth.add_metric([str(queue), "scheduled"], _number(scheduled))
        age.add_metric([str(queue)], _number(seconds))
    yield depth
    yield age


def _jobs(deferred: list[Row], failed: list[Row], newest: list[Row]) -> Iterator[Metric]:
    ordered = CounterMetricFamily("insighta_jobs_deferred", "Jobs ordered since the database was made.")
    ordered.add_metric([], _number(deferred[0][0]) if deferred else 0)
    given_up = GaugeMetricFamily("insighta_failed_jobs", "Jobs that were given up.", labels=["task"])
    for task, number in failed:
        given_up.add_metric([str(task)], _number(number))
    labels = ["task", "status"]
    recent = GaugeMetricFamily("insighta_recent_jobs", "What became of the newest thousand jobs.", labels=labels)
    for task, status, number in newest:
        recent.add_metric([str(task), str(status)], _number(number))
    yield from (ordered, given_up, recent)


def _gauge(name: str, text: str, value: object) -> Metric:
    return GaugeMetricFamily(name, text, value=_number(value))


def _number(value: object) -> float:
    return float(str(value or 0))
