"""TCP proxies between the parts of the product, which can reset and delay connections and drop answers."""

import asyncio
import contextlib
import itertools
import threading
from collections import defaultdict
from collections.abc import Callable, Coroutine
from typing import Any

CHUNK = 1 << 16
DELAY_SECONDS = 0.25

Classify = Callable[[bytes], str]
"""Names the link that a connection belongs to, by the first bytes that its client sends."""
Connect = Callable[[], Coroutine[Any, Any, tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class Network:
    """All proxies of a run, in one thread. A link is a pair of parts, for example `backend-database`."""

    def __init__(self) -> None:
        self._faults: dict[str, str] = {}
        self._open: dict[str, set[asyncio.StreamWriter]] = defaultdict(set)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def listen(self, port: int, targets: list[Connect], classify: Classify) -> None:
        """Forward connections to `port` of 127.0.0.1 to the targets in turn, skipping those that are down."""
        turns = itertools.count()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            first = next(turns) % len(targets)
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._forward(reader, writer, targets[first:] + targets[:first], classify)
            writer.transport.abort()

        coroutine = asyncio.start_server(accept, "127.0.0.1", port)
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def set_fault(self, link: str, fault: str) -> None:
        """From now on the link suffers `cut`, `delay` or `lose answers`; empty: none."""
        self._faults[link] = fault
        if fault == "cut":
            self._loop.call_soon_threadsafe(self._reset, link)

    def close(self) -> None:
        for link in list(self._open):
            self._loop.call_soon_threadsafe(self._reset, link)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _reset(self, link: str) -> None:
        for writer in self._open[link]:
            writer.transport.abort()

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, targets: list[Connect], classify: Classify
    ) -> None:
        first = await reader.read(CHUNK)
        link = classify(first)
        if not first or self._faults.get(link) == "cut":
            return
        answers, requests = await _connect(targets)
        self._open[link] |= {writer, requests}
        try:
            requests.write(first)
            copies = [self._copy(reader, requests, link, "delay"), self._copy(answers, writer, link, "lose answers")]
            tasks = [asyncio.ensure_future(copy) for copy in copies]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self._open[link] -= {writer, requests}
            requests.transport.abort()

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, link: str, fault: str) -> None:
        """Copy until the end. `fault` is the one that this direction can suffer."""
        while data := await source.read(CHUNK):
            if self._faults.get(link) == fault == "delay":
                await asyncio.sleep(DELAY_SECONDS)
            elif self._faults.get(link) == fault:
                # The request has been carried out by now; its client sees the connection end.
                return
            sink.write(data)
            await sink.drain()


async def _connect(targets: list[Connect]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To the first target that answers. Raises OSError where none does."""
    for target in targets[:-1]:
        with contextlib.suppress(OSError):
            return await target()
    return await targets[-1]()


def tcp(port: int, host: str = "127.0.0.1") -> Connect:
    return lambda: asyncio.open_connection(host, port)


def unix(path: str) -> Connect:
    """A target behind a socket file."""
    return lambda: asyncio.open_unix_connection(path)
