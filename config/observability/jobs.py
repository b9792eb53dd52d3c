"""Jobs of procrastinate: each carries the id of the request that deferred it and logs one line."""

import time
from typing import Any

import structlog
from procrastinate import App
from procrastinate.job_context import JobContext
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from procrastinate.middleware import AsyncCallNext
from procrastinate.worker import Worker

from config.observability.logs import added_context

ARGUMENT = "request_id"
# Jobs are polled, not notified: NOTIFY serializes commits in PostgreSQL.
POLL_SECONDS = 1.0

_log = structlog.get_logger("config.observability.jobs")


class RequestAwareJobManager(JobManager):
    """Stores the id of the current request among the arguments of a deferred job."""

    def batch_defer_jobs(self, jobs: list[Job], connection: Any = None) -> list[Job]:
        request_id = structlog.contextvars.get_contextvars().get(ARGUMENT)
        if request_id:
            jobs = [job.evolve(task_kwargs={**job.task_kwargs, ARGUMENT: request_id}) for job in jobs]
        return super().batch_defer_jobs(jobs, connection)


def on_app_ready(app: App) -> None:
    """`PROCRASTINATE_ON_APP_READY`, called in every process of the backend."""
    app.job_manager = RequestAwareJobManager(app.connector)
    app.worker_defaults["worker_middleware"] = [log_job]
    app.worker_defaults["fetch_job_polling_interval"] = POLL_SECONDS


async def log_job(call_next: AsyncCallNext, context: JobContext, worker: Worker) -> Any:
    """Worker middleware: takes the request's id out of the arguments and binds it to every line of the job."""
    began = time.perf_counter()
    known = {"job_id": context.job.id, "task": context.job.task_name, "attempt": context.job.attempts + 1}
    request_id = context.job.task_kwargs.pop(ARGUMENT, None)
    joined = {ARGUMENT: request_id} if request_id else {}
    outcome = "failed"
    with structlog.contextvars.bound_contextvars(**joined), added_context(**joined, **known):
        try:
            result = await call_next()
            outcome = "succeeded"
            return result
        finally:
            milliseconds = round((time.perf_counter() - began) * 1000, 1)
            _log.info("job", outcome=outcome, milliseconds=milliseconds)
