"""The worker: it outlives its database, and each of its jobs has a line in the log, with its request's id."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from procrastinate import App
from procrastinate.exceptions import ConnectorException
from procrastinate.job_context import JobContext
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from procrastinate.middleware import AsyncCallNext
from procrastinate.psycopg_connector import PsycopgConnector
from procrastinate.signals import on_stop
from procrastinate.worker import Worker

from config.connections import can_reach_database

ARGUMENT = "request_id"
# How long the worker waits for a connection before it takes the database for lost, and between looks for it.
POOL_SECONDS, PAUSE_SECONDS = 5.0, 1.0
# Nobody is told of a new job: the worker looks for it.
LOOK_SECONDS = 1.0

_log = structlog.get_logger("config.jobs")


class RequestAwareJobManager(JobManager):
    """Writes the id of the request that defers a job beside the job's own arguments."""

    def batch_defer_jobs(self, jobs: list[Job], connection: Any = None) -> list[Job]:
        request_id = structlog.contextvars.get_contextvars().get(ARGUMENT)
        if request_id:
            jobs = [job.evolve(task_kwargs={**job.task_kwargs, ARGUMENT: request_id}) for job in jobs]
        return super().batch_defer_jobs(jobs, connection)


def on_app_ready(app: App) -> None:
    """What procrastinate calls with its app, in every process of the backend."""
    app.job_manager = RequestAwareJobManager(app.connector)
    app.worker_defaults["worker_middleware"] = [log_job]
    app.worker_defaults["fetch_job_polling_interval"] = LOOK_SECONDS
    work_once = app.run_worker_async

    async def run_worker_async(**options: Any) -> None:
        if isinstance(app.connector, PsycopgConnector) and options.get("wait", True):
            app.connector.pool.timeout = POOL_SECONDS
            await _work_until_told_to_stop(work_once, options)
        else:
            await work_once(**options)

    app.run_worker_async = run_worker_async  # type: ignore[method-assign]  # what the worker's command calls


async def _work_until_told_to_stop(work_once: Callable[..., Awaitable[None]], options: dict[str, Any]) -> None:
    """Procrastinate's worker ends when it loses the database, now with an error and now without. Then begin anew.

    The same process with nothing of before: every connection that any thread has kept is dead by then.
    """
    stop = asyncio.Event()
    with on_stop(stop.set):
        work = asyncio.ensure_future(work_once(**options, install_signal_handlers=False))
        await _first_of(work, stop)
        if stop.is_set():
            work.cancel()
        try:
            await work
        except (asyncio.CancelledError, ConnectorException) as error:
            _log.info("the worker has ended its work", because=type(error).__name__)
        await _wait_for_database(stop)
    if not stop.is_set():
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  # what was started with these words before


async def _first_of(work: "asyncio.Future[Any]", stop: asyncio.Event) -> None:
    stopping: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
    await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()


async def _wait_for_database(stop: asyncio.Event) -> None:
    """Until it answers, or until the worker is told to stop."""
    while not stop.is_set():
        _log.warning("the worker begins anew as soon as its database answers")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), PAUSE_SECONDS)
        if await asyncio.to_thread(can_reach_database, seconds=POOL_SECONDS):
            return


async def log_job(call_next: AsyncCallNext, context: JobContext, worker: Worker) -> Any:
    """A worker's middleware: the task never sees the request's id, every line written meanwhile has it."""
    began = time.perf_counter()
    known = {"job_id": context.job.id, "task": context.job.task_name, "attempt": context.job.attempts + 1}
    request_id = context.job.task_kwargs.pop(ARGUMENT, None)
    joined = {ARGUMENT: request_id} if request_id else {}
    outcome = "failed"
    with structlog.contextvars.bound_contextvars(**joined, **known):
        try:
            result = await call_next()
            outcome = "succeeded"
            return result
        finally:
            milliseconds = round((time.perf_counter() - began) * 1000, 1)
            _log.info("job", outcome=outcome, milliseconds=milliseconds)
