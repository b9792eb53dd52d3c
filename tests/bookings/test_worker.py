"""Real workers over a real queue: what was ordered is sent, also when the first worker is killed while it sends."""

import os
import socket
import sys
import threading
from email import message_from_string
from pathlib import Path

import psycopg
from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateJob, ProcrastinateWorker

from bookings.services.booking import book_slot
from tests.bookings.people import make_person, make_slot
from tests.databases import database_address
from tests.processes import Process


def worker(email_url: str) -> Process:
    """A worker that ends when there is nothing left to do."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_address(connection.settings_dict["NAME"]),
        "DJANGO_SETTINGS_MODULE": "config.settings.backend",
        "EMAIL_URL": email_url,
    }
    return Process([sys.executable, "manage.py", "procrastinate", "worker", "--one-shot"], environment)


def run(process: Process) -> None:
    process.start()
    assert process.popen is not None
    assert process.popen.wait(timeout=120) == 0, process.text()


def sent(folder: Path) -> list[str]:
    return [file.read_text() for file in folder.iterdir()] if folder.exists() else []


class SilentMailServer:
    """Accepts a connection and never says a word, so that whoever sends through it stays in the middle of it."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.reached = threading.Event()
        self.held: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        self.held.append(self.listener.accept()[0])
        self.reached.set()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.listener.getsockname()[1]}"


def book() -> str:
    """Ada's booking of Grace's slot; only the confirmation is due now."""
    slot = make_slot(make_person("grace", is_host=True), hours=5)
    return str(book_slot(client_id=make_person("ada").id, slot_id=slot.id)["id"])


def test_a_booking_tells_nobody_that_there_are_jobs(transactional_db: None) -> None:
    """Whoever notifies has to wait for the disk alone: PostgreSQL commits such transactions one after the other."""
    with psycopg.connect(database_address(connection.settings_dict["NAME"]), autocommit=True) as listener:
        listener.execute("LISTEN procrastinate_any_queue_v1")
        book()
        # Notifications arrive in order: what the booking had sent would come first.
        listener.execute("NOTIFY procrastinate_any_queue_v1, 'heard'")
        assert [heard.payload for heard in listener.notifies(timeout=120, stop_after=1)] == ["heard"]


def test_a_killed_worker_loses_no_mail(transactional_db: None, tmp_path: Path) -> None:
    booking_id = book()
    server = SilentMailServer()
    first = worker(server.url).start()
    assert server.reached.wait(timeout=120), first.text()
    first.stop(9)
    job = ProcrastinateJob.objects.get(task_name="bookings.send_notice")
    assert job.status == "doing"
    # As if the half minute after which a silent worker counts as dead were over. What is due every five minutes was
    # put into the queue when the first worker began, the look for stalled jobs among it.
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'")
    run(worker(f"filemail:///{tmp_path / 'first'}"))
    run(worker(f"filemail:///{tmp_path / 'again'}"))
    mails = sent(tmp_path / "first") + sent(tmp_path / "again")
    assert len(mails) == 1
    assert message_from_string(mails[0])["Message-ID"].strip().startswith(f"<booking_made.{booking_id}.")
    job.refresh_from_db()
    assert job.status == "succeeded"
    assert ProcrastinateWorker.objects.count() <= 1


def test_jobs_of_a_dead_worker_are_taken_up_where_one_of_them_is_due_again(
    transactional_db: None, tmp_path: Path
) -> None:
    """A stalled job whose queueing lock a newer one holds is given up; those after it are retried all the same."""
    order = """
        INSERT INTO procrastinate_jobs
            (task_name, queueing_lock, status, scheduled_at, priority, queue_name, args)
        VALUES (%s, %s, %s::procrastinate_job_status, now() + %s::interval, -1, 'default', '{"timestamp": 0}')
    """
    with connection.cursor() as cursor:
        cursor.execute(order, ["bookings.order_reminders", "bookings.order_reminders", "doing", "-1 hour"])
        cursor.execute(order, ["bookings.order_host_news", None, "doing", "-1 hour"])
        cursor.execute(order, ["bookings.order_reminders", "bookings.order_reminders", "todo", "1 hour"])
        cursor.execute(order, ["bookings.retry_stalled_jobs", None, "todo", "-1 hour"])
    run(worker(f"filemail:///{tmp_path}"))
    statuses = ProcrastinateJob.objects.filter(priority=-1).order_by("id").values_list("status", flat=True)
    assert list(statuses) == ["aborted", "succeeded", "todo", "succeeded"]
