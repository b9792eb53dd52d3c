"""What the product sends to the database, as the server's log has it."""

import re
import time
from collections.abc import Callable

from bench.database import Cluster

_BEGINS = re.compile(r"LOG:  (?:statement|execute [^:]*): ")


def record(cluster: Cluster, request: Callable[[], object]) -> list[str]:
    """Every statement that `request` makes some process send, with its values; nothing else may run."""
    log = cluster.directory / "data" / "log"
    cluster.set("log_statement", "all")
    begins_at = log.stat().st_size
    request()
    time.sleep(0.2)
    text = log.read_bytes()[begins_at:].decode()
    cluster.set("log_statement", "none")
    return _read(text)


def _read(text: str) -> list[str]:
    """The statements in a part of the server's log; those of several lines are continued with a tab."""
    joined = text.replace("\n\t", " ")
    lines = [_BEGINS.split(line, maxsplit=1)[1] for line in joined.splitlines() if _BEGINS.search(line)]
    return [" ".join(line.split()) for line in lines if "ALTER SYSTEM" not in line and "pg_reload_conf" not in line]
