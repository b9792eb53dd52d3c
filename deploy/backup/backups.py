"""What an operator needs beside barman, which makes and keeps the backups: docs/backup.md.

`measure` writes metrics for a node exporter, `rehearse` brings the database back to an instant beside the one in use,
`due` does everything that is due, for a container. Only the standard library is needed; barman, its gpg and
PostgreSQL's programs are in PATH.
"""

import argparse
import contextlib
import json
import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

PRODUCT = Path(__file__).resolve().parents[2]
SERVER = "insighta"
BACKUP_EVERY, REHEARSE_EVERY = timedelta(days=1), timedelta(days=7)
# The newest instant that is rehearsed unasked. Something was written since: PostgreSQL can tell that it got there.
DEFAULT_AGE = timedelta(hours=1)
# Settings ask for secrets that no rule of the audit uses: whoever keeps the backups needs none of the product's.
NEVER_USED = (
    "SECRET_KEY",
    "TOKEN_KEY",
    "PORTAL_CLIENT_SECRET",
    "PORTAL_RETRY_KEY",
    "GITHUB_CLIENT_ID",
    "GITHUB_CLIENT_SECRET",
)
FOUND = """\
SELECT format('%s people, %s bookings; the last event is of %s.', (SELECT count(*) FROM accounts_user),
    (SELECT count(*) FROM bookings_booking), (SELECT max(created_at) AT TIME ZONE 'UTC' FROM accounts_event) || ' UTC')
"""


class BackupError(Exception):
    """What went wrong, as a sentence for the operator."""


def main() -> int:
    """Exit code 0: done. 1: a sentence on standard error says what is wrong. 2: wrong usage."""
    parser = argparse.ArgumentParser(description="Measure the backups, and rehearse a restore.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("measure", help="write the metrics of the backups to $METRICS_DIRECTORY")
    rehearsal = commands.add_parser("rehearse", help="restore a copy, audit it, and remove it")
    rehearsal.add_argument(
        "instant", nargs="?", type=_instant, help="for example 2026-11-24T08:59:00+00:00 (an hour ago)"
    )
    commands.add_parser("due", help="archive, and make a backup or rehearse if the last one is old; then measure")
    arguments = parser.parse_args()
    # What a stopped rehearsal has started and written goes with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))
    try:
        match arguments.command:
            case "measure":
                measure()
            case "rehearse":
                rehearse(arguments.instant or datetime.now(UTC) - DEFAULT_AGE)
            case _:
                do_what_is_due(now=datetime.now(UTC))
    except BackupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def measure() -> None:
    """Write how barman finds its archive, and the end and size of the last good backup."""
    lines = ["# TYPE insighta_backup_check gauge"]
    checks: dict[str, dict[str, str]] = _ask_barman("check").get(SERVER, {})
    lines += [f'insighta_backup_check{{check="{name}"}} {int(c["status"] == "OK")}' for name, c in checks.items()]
    if done := _good_backups():
        lines += ["# TYPE insighta_backup_end_timestamp_seconds gauge"]
        lines += [f"insighta_backup_end_timestamp_seconds {max(float(one['end_time_timestamp']) for one in done):.0f}"]
        lines += ["# TYPE insighta_backup_size_bytes gauge", f"insighta_backup_size_bytes {done[0]['size_bytes']}"]
    lines += ["# TYPE insighta_backup_measured_timestamp_seconds gauge"]
    lines += [f"insighta_backup_measured_timestamp_seconds {time.time():.0f}"]
    _write_metrics("insighta-backups", lines)


def rehearse(instant: datetime) -> None:
    """Restore to `instant` beside the database in use, audit what came back and remove it. Raises BackupError."""
    began, succeeded = time.time(), 0
    try:
        with tempfile.TemporaryDirectory(prefix="insighta-rehearsal-") as name:
            _restore(instant, Path(name))
            with _server_of(Path(name)) as environment:
                _say(f"Restored to {instant} in {time.time() - began:.0f} s.")
                _say(_run(["psql", "--no-psqlrc", "-qAt", environment["DATABASE_URL"], "-c", FOUND], environment))
                _run([sys.executable, "manage.py", "migrate", "--no-input"], environment)
                _say(_run([sys.executable, "manage.py", "audit"], environment))
        succeeded = 1
    except BackupError as error:
        raise BackupError(f"The rehearsal failed. {error}") from None
    finally:
        lines = ["# TYPE insighta_rehearsal_succeeded gauge", f"insighta_rehearsal_succeeded {succeeded}"]
        lines += ["# TYPE insighta_rehearsal_end_timestamp_seconds gauge"]
        lines += [f"insighta_rehearsal_end_timestamp_seconds {time.time():.0f}"]
        lines += ["# TYPE insighta_rehearsal_seconds gauge", f"insighta_rehearsal_seconds {time.time() - began:.0f}"]
        _write_metrics("insighta-rehearsal", lines)


def do_what_is_due(*, now: datetime) -> None:
    """One round of a container. A failure does not keep the rest from being done. Raises BackupError at the end."""
    failures = []

    def attempt(*command: str) -> None:
        if subprocess.run(command).returncode:
            failures.append(shlex.join(command))

    attempt("barman", "cron")
    ends = [datetime.fromtimestamp(float(one["end_time_timestamp"]), UTC) for one in _good_backups()]
    if not ends or max(ends) < now - BACKUP_EVERY:
        attempt("barman", "backup", "--wait", SERVER)
    rehearsed = _metrics_file("insighta-rehearsal")
    last = rehearsed.stat().st_mtime if rehearsed and rehearsed.exists() else 0
    if rehearsed and ends and min(ends) < now - DEFAULT_AGE and last < (now - REHEARSE_EVERY).timestamp():
        attempt(sys.executable, __file__, "rehearse")
    measure()
    if failures:
        raise BackupError(f"Failed: {'; '.join(failures)}")


def _good_backups() -> list[dict[str, Any]]:
    return [one for one in _ask_barman("list-backups").get(SERVER, []) if one["status"] == "DONE"]


def _ask_barman(command: str) -> dict[str, Any]:
    # A check that fails is an answer, too.
    done = subprocess.run(["barman", "-f", "json", command, SERVER], capture_output=True, text=True)
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise BackupError(f"barman {command} does not answer. {_last_line(done.stderr)}") from None
    return answer


def _restore(instant: datetime, directory: Path) -> None:
    # Without --partial-wal the last minutes, which are not archived yet, would be missing.
    command = ["barman", "restore", "--partial-wal", "--target-time", str(instant), "--target-action", "promote"]
    # What barman leaves of a restore that fails goes with the rest.
    command += ["--staging-path", str(directory), "--staging-location", "local"]
    command += [SERVER, "auto", str(directory / "data")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = re.findall(r"^(?:ERROR|EXCEPTION): (.+)", done.stdout, re.MULTILINE)
        said += re.findall(r"gpg: WARNING: ([^\\'\n]+)", done.stderr)
        raise BackupError(f"barman could not restore to {instant}. {' '.join(said) or _last_line(done.stderr)}")


@contextlib.contextmanager
def _server_of(directory: Path) -> Iterator[dict[str, str]]:
    """PostgreSQL on the restored files, reached by nobody but this account; the environment of the product there."""
    (directory / "hba.conf").write_text("local all all trust\n")
    (directory / "empty.conf").touch()
    # The server's own configuration may not be among its files, and its settings are for another machine. Without
    # hot_standby it need not have as many connections as the primary to replay what that one has written.
    settings = {
        "config_file": directory / "empty.conf",
        "hba_file": directory / "hba.conf",
        "unix_socket_directories": directory,
        "listen_addresses": "",
        "port": 5432,
        "hot_standby": "off",
        "archive_mode": "off",
        "fsync": "off",
        "logging_collector": "off",
        "log_destination": "stderr",
        "shared_preload_libraries": "",
        "ssl": "off",
        "restart_after_crash": "off",
    }
    command = ["postgres", "-D", str(directory / "data")]
    command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    role, name = (os.environ.get(key, SERVER) for key in ("RESTORED_ROLE", "RESTORED_DATABASE"))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "READ_DOT_ENV": "false",
        "DATABASE_URL": f"postgresql://{role}:@/{name}?host={quote(str(directory), safe='')}",
        **{secret: secrets.token_urlsafe(48) for secret in NEVER_USED},
    }
    with (directory / "log").open("wb") as log:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        # It replays what it was given for as long as that takes.
        while not _accepts(directory):
            if server.poll() is not None:
                raise BackupError(f"PostgreSQL could not use what came back. {_why(directory / 'log')}")
            time.sleep(0.2)
        yield environment
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait()


def _accepts(directory: Path) -> bool:
    """Whether the server takes writes: then it has reached the instant."""
    return not subprocess.run(["pg_isready", "--quiet", "--host", str(directory)]).returncode


def _run(command: list[str], environment: Mapping[str, str]) -> str:
    """What it prints. Raises BackupError with what it says on standard error."""
    done = subprocess.run(command, env=environment, cwd=PRODUCT, capture_output=True, text=True)
    if done.returncode:
        raise BackupError(f"{' '.join(command[1:3])}: {done.stderr.strip()}")
    return done.stdout.strip()


def _why(log: Path) -> str:
    """The server's last words, but those to whoever asked whether it is ready."""
    lines = log.read_text(errors="replace").splitlines()
    said = [line for line in lines if re.search(r"(?:FATAL|PANIC):  (?!the database system is)", line)]
    return _last_line("\n".join(said or lines))


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["It says nothing."])[-1]


def _metrics_file(name: str) -> Path | None:
    directory = os.environ.get("METRICS_DIRECTORY")
    return Path(directory) / f"{name}.prom" if directory else None


def _write_metrics(name: str, lines: list[str]) -> None:
    """For the node exporter's textfile collector: a whole file or the one before."""
    if file := _metrics_file(name):
        fresh = file.with_suffix(".new")
        fresh.write_text("\n".join(lines) + "\n")
        # Read by the exporter's account.
        fresh.chmod(0o644)
        fresh.replace(file)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise argparse.ArgumentTypeError("an instant needs its offset, as in 2026-11-24T08:59:00+00:00")
    return instant


if __name__ == "__main__":
    sys.exit(main())
