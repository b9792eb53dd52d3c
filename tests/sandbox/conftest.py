import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.people import NO_CERTIFICATES
from tests.processes import Process, free_port
from tests.sandbox.visitor import Visitor


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """A stand-in as a process, shared by this folder; each test leaves it without faults and described people."""
    port = free_port()
    environment = {"DEBUG": "true", "GITHUB_PORT": str(port)}
    process = Process([sys.executable, "-m", "sandbox"], environment, f"http://127.0.0.1:{port}/")
    process.start()
    yield f"http://127.0.0.1:{port}"
    process.stop()


@pytest.fixture
def github(address: str) -> Iterator[Visitor]:
    with httpx.Client(base_url=address, timeout=120, verify=NO_CERTIFICATES) as http:
        yield Visitor(http)
        http.delete("/_sandbox/faults")
        http.delete("/_sandbox/people")
