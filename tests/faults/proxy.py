"""A TCP proxy between two parts of the product that can cut, delay and swallow what it carries."""

import asyncio
import contextlib
import threading
from collections import defaultdict
from collections.abc import Callable, Coroutine
from typing import Any

CHUNK = 1 << 16
DELAY_SECONDS = 0.25

Classify = Callable[[bytes], str]
Connect = Callable[[], Coroutine[Any, Any, tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class Network:
    """All proxies of a run, in a thread of their own, and what each pair of parts suffers at the moment."""

    def __init__(self) -> None:
        self.troubles: dict[str, str] = {}
        self.carried: dict[str, int] = defaultdict(int)
        self._open: dict[str, set[asyncio.StreamWriter]] = defaultdict(set)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def listen(self, port: int, targets: list[Connect], classify: Classify) -> None:
        """Carry connections to `port` of 127.0.0.1 to the targets in turn, past those that do not answer.

        `classify` names the pair that a connection belongs to, by the first bytes that its client sends.
        """
        carrier = _Carrier(self, targets, classify)
        coroutine = asyncio.start_server(carrier.carry, "127.0.0.1", port)
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def trouble(self, pair: str, kind: str) -> None:
        """From now on `pair` suffers `cut`, `delay` or `lose answers`; empty: nothing any more."""
        self.troubles[pair] = kind
        if kind == "cut":
            self._loop.call_soon_threadsafe(self._cut, pair)

    def close(self) -> None:
        """Drop every connection and stop listening."""
        for pair in list(self._open):
            self._loop.call_soon_threadsafe(self._cut, pair)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _cut(self, pair: str) -> None:
        for writer in self._open[pair]:
            writer.transport.abort()

    @contextlib.contextmanager
    def held(self, pair: str, *writers: asyncio.StreamWriter) -> Any:
        """Keeps the connection's ends where `trouble` finds them, and closes them at the end."""
        self.carried[pair] += 1
        self._open[pair].update(writers)
        try:
            yield
        finally:
            self._open[pair].difference_update(writers)
            for writer in writers:
                writer.transport.abort()


class _Carrier:
    def __init__(self, network: Network, targets: list[Connect], classify: Classify) -> None:
        self._network, self._classify = network, classify
        self._targets = targets

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._carry(reader, writer)
        writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(CHUNK)
        pair = self._classify(first)
        if not first or self._network.troubles.get(pair) == "cut":
            return
        there, back = await self._connect()
        with self._network.held(pair, writer, back):
            back.write(first)
            ways = [self._forward(pair, reader, back), self._return(pair, there, writer)]
            tasks = [asyncio.ensure_future(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """To the target whose turn it is, or to the next that answers. Raises OSError where none does."""
        for _ in self._targets[1:]:
            self._targets.append(self._targets.pop(0))
            with contextlib.suppress(OSError):
                return await self._targets[0]()
        return await self._targets[-1]()

    async def _forward(self, pair: str, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(CHUNK):
            if self._network.troubles.get(pair) == "delay":
                await asyncio.sleep(DELAY_SECONDS)
            sink.write(data)
            await sink.drain()

    async def _return(self, pair: str, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(CHUNK):
            if self._network.troubles.get(pair) == "lose answers":
                # The request has been done by now; whoever asked sees a connection that ends.
                return
            sink.write(data)
            await sink.drain()


def tcp(port: int) -> Connect:
    """A target on this machine."""
    return lambda: asyncio.open_connection("127.0.0.1", port)


def unix(path: str) -> Connect:
    """A target behind a socket file."""
    return lambda: asyncio.open_unix_connection(path)
