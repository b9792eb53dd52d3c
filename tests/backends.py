"""A second backend beside the shared one: same database, same stand-in, other settings."""

import contextlib
import copy
import signal
from collections.abc import Iterator

from tests.processes import Live, free_port


@contextlib.contextmanager
def another_backend(live: Live, **settings: str) -> Iterator[Live]:
    """`live` as seen through another backend process with these settings. Its address is its own unless given."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    process = live._server("backend", f"{address}/healthz", "127.0.0.1", port=port)
    process.environment = process.environment | {"BACKEND_PORT": str(port), **settings}
    other = copy.copy(live)
    other.backend, other.backend_url = process, address
    process.start()
    try:
        yield other
    finally:
        # Asked kindly, it would wait for the connections that the tests' own HTTP client keeps open.
        process.stop(signal.SIGKILL)
