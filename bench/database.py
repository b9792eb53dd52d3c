"""A PostgreSQL of the run's own, thrown away at its end, and what is read from it beside the measurements."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psycopg
from psycopg import sql

from bench.statements import read_statements
from config.development import embedded_postgres

# As PostgreSQL is delivered, durable commits included; a checkpoint in the middle would hit one peer by chance.
SETTINGS = {"max_wal_size": "4GB", "checkpoint_timeout": "30min", "max_connections": "400"}
_TRANSACTION_CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")
_COUNT = sql.SQL("SELECT count(*) FROM {}")


@dataclass(frozen=True)
class Statements:
    """What one request made of the database, averaged: statements, and those that open or end transactions."""

    queries: float
    transaction_control: float

    def __str__(self) -> str:
        return f"{self.queries:.3g} + {self.transaction_control:.3g}"


@dataclass(frozen=True)
class TableSize:
    """`bytes` with indexes and TOAST. `hot_share`: the part of updates that touched no index; None without updates."""

    rows: int
    bytes: int
    hot_share: float | None


class Cluster:
    """The embedded PostgreSQL over a temporary directory. Databases are made on it by name.

    `settings` are those of the server beside, or instead of, `SETTINGS`.
    """

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self._settings = {**SETTINGS, **(settings or {})}
        self._is_logging = False
        self._handles: list[embedded_postgres.Server] = []
        self.directory = Path(tempfile.mkdtemp(prefix="insighta-bench-postgres-"))
        self.directory.chmod(0o755)

    def __enter__(self) -> Self:
        self.start()
        for name, value in self._settings.items():
            with self.connect() as connection:
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        self._handles.pop().cleanup()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.cleanup()
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self) -> None:
        """Start the server, also where it has been killed."""
        self._handles.append(embedded_postgres.start(self.directory / "data"))

    def url(self, name: str = "postgres") -> str:
        """The address of one database."""
        return re.sub(r"/postgres(\?|$)", rf"/{name}\1", self._handles[0].get_uri(), count=1)

    def create(self, name: str, *, like: str = "template1") -> str:
        """A new database, empty unless `like` names one that nobody is connected to; its address."""
        with self.connect() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{like}"')
        return self.url(name)

    def has(self, name: str) -> bool:
        """Whether there is a database called `name`."""
        with self.connect() as connection:
            return bool(connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount)

    @contextlib.contextmanager
    def connect(self, name: str = "postgres") -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            yield connection

    def set(self, name: str, value: str) -> None:
        """A setting for every session of the server, from now on."""
        with self.connect() as connection:
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
            connection.execute("SELECT pg_reload_conf()")
        # A backend looks for new settings between two statements.
        time.sleep(0.5)

    def version(self) -> str:
        with self.connect() as connection:
            return str(connection.execute("SHOW server_version").fetchone()[0])  # type: ignore[index]  # SHOW always gives a row

    def count_statements(self, request: Callable[[], None], *, times: int = 10) -> Statements:
        """What `request` sends to the server, from any process, averaged over `times`; nothing else may run."""

        def repeat() -> None:
            for _ in range(times):
                request()

        sent = self.record_statements(repeat)
        control = [statement for statement in sent if statement.upper().startswith(_TRANSACTION_CONTROL)]
        return Statements((len(sent) - len(control)) / times, len(control) / times)

    @contextlib.contextmanager
    def logging(self) -> Iterator[None]:
        """Within the block the server logs every statement; a block within another changes nothing."""
        if self._is_logging:
            yield
            return
        self.set("log_statement", "all")
        self._is_logging = True
        try:
            yield
        finally:
            self._is_logging = False
            self.set("log_statement", "none")

    def record_statements(self, request: Callable[[], object]) -> list[str]:
        """Every statement that `request` makes some process send, with its values; nothing else may run."""
        log = self.directory / "data" / "log"
        with self.logging():
            begins_at = log.stat().st_size
            request()
            # The log is written a moment after the answer.
            time.sleep(0.2)
            with log.open("rb") as file:
                file.seek(begins_at)
                text = file.read().decode(errors="replace")
        return read_statements(text)

    def pgbench(
        self,
        name: str,
        *,
        script: str,
        clients: int,
        seconds: int = 0,
        transactions: int = 0,
        variables: Mapping[str, int] | None = None,
        mode: str = "prepared",
        is_durable: bool = True,
    ) -> float:
        """Transactions a second of `script` on database `name`, for `seconds`, or `transactions` of each client.

        Unless `is_durable`, commits do not wait for the disk.
        """
        arguments = ["-n", "-M", mode, "-c", str(clients), "-j", "1"]
        arguments += ["-T", str(seconds)] if seconds else ["-t", str(transactions)]
        arguments += [f"-D{variable}={value}" for variable, value in (variables or {}).items()]
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script)
            file.flush()
            environment = {} if is_durable else {"PGOPTIONS": "-c synchronous_commit=off"}
            output = run_program("pgbench", [*arguments, "-f", file.name, self.url(name)], environment)
        found = re.search(r"tps = ([0-9.]+)", output)
        if found is None or re.search(r"failed transactions: [1-9]|aborted", output):
            raise RuntimeError(f"pgbench did not finish:\n{output}")
        return float(found[1])

    def size_of(self, name: str, tables: Sequence[str]) -> TableSize:
        """Rows and bytes of some tables together, and how many of their updates were HOT."""
        with self.connect(name) as connection:
            connection.execute("SELECT pg_stat_force_next_flush()")
            row = connection.execute(
                "SELECT sum(pg_total_relation_size(relid)), sum(n_tup_upd), sum(n_tup_hot_upd)"
                " FROM pg_stat_user_tables WHERE relname = ANY(%s)",
                [list(tables)],
            ).fetchone()
            counted = [connection.execute(_COUNT.format(sql.Identifier(table))).fetchone() for table in tables]
        size, updates, hot = (int(str(value or 0)) for value in row or (0, 0, 0))
        rows = sum(int(str(found[0])) for found in counted if found)
        return TableSize(rows, size, hot / updates if updates else None)


def run_program(name: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """Run one of PostgreSQL's own programs; its output. Raises RuntimeError with what it said."""
    program = embedded_postgres.programs() / name
    clean = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    done = subprocess.run(  # noqa: S603  # a program of the wheel, arguments of this package
        [str(program), *arguments], check=False, capture_output=True, text=True, env={**clean, **(environment or {})}
    )
    if done.returncode:
        raise RuntimeError(f"{name} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr
