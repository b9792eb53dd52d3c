"""Requests at a rate that does not wait for answers, timed from the instant at which each was meant to be sent."""

import asyncio
import itertools
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

MOST_CONNECTIONS = 3000
LAST_ANSWERS_SECONDS = 5.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ENDS = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_RETRY_AFTER = re.compile(rb"\r\nretry-after: *\d+", re.IGNORECASE)

Answered = Callable[[int, bytes], None]
Plan = Callable[[], tuple[bytes, Answered]]
"""The next request, and who is told of its status and body; status 0 is no answer."""


@dataclass
class Sample:
    """What one stretch of load saw. Latencies are in seconds, by status."""

    rate: float
    seconds: float
    latencies: dict[int, list[float]] = field(default_factory=dict)
    without_retry_after: int = 0
    latest_send: float = 0.0
    processor_share: float = 0.0
    """What the sender itself took of one processor, which it shares with the server."""

    def count(self, first: int, last: int) -> int:
        """Answers with a status in this range."""
        return sum(len(found) for status, found in self.latencies.items() if first <= status <= last)

    @property
    def served(self) -> list[float]:
        """Latencies of what was admitted, refusals of the domain included, ascending."""
        served = [found for status, found in self.latencies.items() if 200 <= status < 500 and status != 429]
        return sorted(itertools.chain.from_iterable(served))

    def percentile(self, share: float) -> float:
        """Of what was admitted; endless where nothing was."""
        served = self.served
        return served[min(len(served) - 1, int(len(served) * share))] if served else float("inf")

    def share_within(self, seconds: float) -> float:
        """The part of all requests that had an answer, of whatever kind, so soon."""
        all_of_them = sum(len(found) for found in self.latencies.values())
        in_time = sum(late <= seconds for status, found in self.latencies.items() if status for late in found)
        return in_time / all_of_them if all_of_them else 0.0

    @property
    def statuses(self) -> dict[int, int]:
        """How many answers of each status; 0 is no answer."""
        return dict(sorted(Counter({status: len(found) for status, found in self.latencies.items()}).items()))


class _Connection(asyncio.Protocol):
    def __init__(self, generator: "Generator") -> None:
        self._generator = generator
        self._data = b""
        self.busy: tuple[float, Answered] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def send(self, request: bytes, due: float, answered: Answered) -> None:
        self.busy, self._data = (due, answered), b""
        if self.transport:
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, found, body = self._data.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if found and len(body) >= (int(length[1]) if length else 0):
            self._generator.note(self, int(head[9:12]), head, body)

    def connection_lost(self, error: Exception | None) -> None:
        self._generator.lose(self)


class Generator:
    """One process's load on a port of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[_Connection] = []
        self._all: set[_Connection] = set()
        self._sample = Sample(0, 0)
        self._answered = asyncio.Event()

    async def run(self, plan: Plan, *, rate: float, seconds: float) -> Sample:
        """Send for so long, then wait a little for the last answers."""
        loop = asyncio.get_running_loop()
        sample = self._sample = Sample(rate, seconds)
        processor, began = time.process_time(), loop.time()
        begin, sent, total = began + 0.05, 0, int(rate * seconds)
        while sent < total:
            due = begin + sent / rate
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
                continue
            sample.latest_send = max(sample.latest_send, -wait)
            await self._send(plan, due)
            sent += 1
            if not sent % 16:
                await asyncio.sleep(0)
        sample.processor_share = (time.process_time() - processor) / (loop.time() - began)
        await self._finish()
        return sample

    async def hurry(self, plan: Plan, requests: int, *, at_once: int) -> Sample:
        """Send so many, each as soon as fewer than `at_once` wait for their answer."""
        loop = asyncio.get_running_loop()
        sample, began = Sample(0, 0), loop.time()
        self._sample = sample
        for _ in range(requests):
            while sum(c.busy is not None for c in self._all) >= at_once:
                self._answered.clear()
                await self._answered.wait()
            await self._send(plan, loop.time())
        await self._finish()
        sample.seconds = loop.time() - began
        sample.rate = requests / sample.seconds
        return sample

    async def _finish(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LAST_ANSWERS_SECONDS
        while any(c.busy for c in self._all) and loop.time() < deadline:
            await asyncio.sleep(0.01)
        for connection in list(self._all):
            if connection.transport:
                connection.transport.abort()
        await asyncio.sleep(0.05)

    async def _send(self, plan: Plan, due: float) -> None:
        request, answered = plan()
        try:
            connection = self._idle.pop() if self._idle else await self._connect()
        except OSError:
            self._count(0, due)
            answered(0, b"")
            return
        connection.send(request, due, answered)

    async def _connect(self) -> _Connection:
        if len(self._all) >= MOST_CONNECTIONS:
            raise OSError("too many connections")
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
        self._all.add(connection)
        return connection

    def note(self, connection: _Connection, status: int, head: bytes, body: bytes) -> None:
        """One answer."""
        if connection.busy:
            due, answered = connection.busy
            connection.busy = None
            self._count(status, due)
            self._sample.without_retry_after += status in {429, 503} and not _RETRY_AFTER.search(head)
            answered(status, body)
            if not _ENDS.search(head):
                self._idle.append(connection)

    def lose(self, connection: _Connection) -> None:
        """A connection that has ended, perhaps with a request on it."""
        self._all.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if connection.busy:
            due, answered = connection.busy
            connection.busy = None
            self._count(0, due)
            answered(0, b"")

    def _count(self, status: int, due: float) -> None:
        self._answered.set()
        now = asyncio.get_running_loop().time()
        self._sample.latencies.setdefault(status, []).append(now - due)
