"""Open-loop load: requests at a rate that does not wait for answers.

A latency counts from the instant at which the request was due, so a server that falls behind cannot hide it.
Each request has a connection of its own, as nginx makes them in a deployment. The system gives connections to workers
by chance: of few that are kept, most may be one worker's, which is then full while another one is idle.
"""

import asyncio
import itertools
import re
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

LAST_ANSWERS_SECONDS = 5.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_RETRY_AFTER = re.compile(rb"\r\nretry-after: *\d+", re.IGNORECASE)

OnAnswer = Callable[[int, bytes], None]
MakeRequest = Callable[[], tuple[bytes, OnAnswer]]
"""The next request, and what is called with its status and body; status 0 is no answer."""


@dataclass
class Sample:
    """What one stretch of load saw: latencies in seconds, by status."""

    rate: float
    seconds: float
    latencies: dict[int, list[float]] = field(default_factory=dict)
    without_retry_after: int = 0
    latest_send: float = 0.0
    """How late the latest request was sent: the generator itself fell behind."""
    generator_share: float = 0.0
    """The part of one processor that the generator took."""

    @property
    def statuses(self) -> dict[int, int]:
        """How many answers of each status; 0 is no answer."""
        return {status: len(found) for status, found in sorted(self.latencies.items())}

    @property
    def served(self) -> list[float]:
        """Latencies of what was not refused for load, ascending."""
        served = [found for status, found in self.latencies.items() if 200 <= status < 500 and status != 429]
        return sorted(itertools.chain.from_iterable(served))

    def percentile(self, share: float) -> float:
        """Of what was served; infinite where nothing was."""
        served = self.served
        return served[min(len(served) - 1, int(len(served) * share))] if served else float("inf")

    def share_within(self, seconds: float) -> float:
        """The part of all requests that was answered, with whatever status, so soon."""
        in_time = sum(late <= seconds for status, found in self.latencies.items() if status for late in found)
        return in_time / max(1, sum(self.statuses.values()))


class Generator:
    """The load of one process on a port of this machine."""

    def __init__(self, port: int, make_request: MakeRequest) -> None:
        self._port, self._make_request = port, make_request
        self._sample = Sample(0, 0)

    async def run(self, *, rate: float, seconds: float) -> Sample:
        """Send `rate` requests a second for so long, then wait a little for the last answers."""
        loop, sample = asyncio.get_running_loop(), Sample(rate, seconds)
        self._sample = sample
        exchanges: list[asyncio.Task[None]] = []
        processor, began = time.process_time(), loop.time()
        for number in range(int(rate * seconds)):
            due = began + number / rate
            # Also without a wait: answers have to be read.
            if (wait := due - loop.time()) > 0 or not number % 16:
                await asyncio.sleep(max(0, wait))
            sample.latest_send = max(sample.latest_send, loop.time() - due)
            exchanges.append(asyncio.create_task(self._exchange(due)))
        sample.generator_share = (time.process_time() - processor) / (loop.time() - began)
        _, unanswered = await asyncio.wait(exchanges, timeout=LAST_ANSWERS_SECONDS)
        for exchange in unanswered:
            exchange.cancel()
        await asyncio.gather(*unanswered, return_exceptions=True)
        return sample

    async def run_closed(self, requests: int, *, clients: int) -> Sample:
        """Send so many requests, by clients that each wait for their answer before they send again."""
        loop, sample = asyncio.get_running_loop(), Sample(0, 0)
        self._sample, began = sample, loop.time()

        async def send_share() -> None:
            for _ in range(requests // clients):
                await self._exchange(loop.time())

        await asyncio.gather(*(send_share() for _ in range(clients)))
        sample.seconds = loop.time() - began
        sample.rate = requests / sample.seconds
        return sample

    async def _exchange(self, due: float) -> None:
        """One request and its answer."""
        request, on_answer = self._make_request()
        status, head, body = 0, b"", b""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            with closing(writer):
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                status = int(head[9:12])
        except (OSError, EOFError):
            pass
        finally:
            self._sample.latencies.setdefault(status, []).append(asyncio.get_running_loop().time() - due)
            self._sample.without_retry_after += status in {429, 503} and not _RETRY_AFTER.search(head)
            on_answer(status, body)
