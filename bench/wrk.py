"""Load on a server, made by wrk: it is compiled, so it costs little of the machine that it measures."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.harness import BenchError

SCRIPTS = Path(__file__).resolve().parent / "lua"


@dataclass(frozen=True)
class Load:
    """What wrk saw. `rate` is good answers a second, latencies are in milliseconds."""

    rate: float
    good: int
    refused: int
    failed: int
    p50: float
    p90: float
    p99: float
    worst: float


@dataclass(frozen=True)
class RefreshRequest:
    """How a peer's clients refresh: `{token}` in `body` is the token presented, `field` the JSON member of the next."""

    url: str
    body: str
    field: str = "refresh_token"
    content_type: str = "application/x-www-form-urlencoded"
    is_keyed: bool = False


def load_refreshes(form: RefreshRequest, tokens: Sequence[str], *, seconds: int) -> Load:
    """As many clients as `tokens`, each refreshing along its own chain. Raises BenchError where one was refused."""
    environment = {
        "BENCH_BODY": form.body,
        "BENCH_FIELD": form.field,
        "BENCH_CONTENT_TYPE": form.content_type,
        "BENCH_KEYED": "1" if form.is_keyed else "0",
    }
    return _strict(run_script(form.url, "refresh.lua", len(tokens), seconds, environment, tokens=tokens))


def load_calls(
    url: str,
    *,
    clients: int,
    seconds: int,
    tokens: Sequence[str] = (),
    scheme: str = "Bearer",
    method: str = "GET",
    bodies: Sequence[str] = (),
    content_type: str = "application/json",
    cookie: str = "",
    allow_refusals: bool = False,
) -> Load:
    """The same call over and over by `clients` connections, with a token each where `tokens` are given.

    `bodies` are shared out among the connections. Raises BenchError for a 5xx or a broken connection, and for a
    4xx unless `allow_refusals`.
    """
    environment = {"BENCH_METHOD": method, "BENCH_CONTENT_TYPE": content_type, "BENCH_COOKIE": cookie}
    environment["BENCH_SCHEME"] = scheme
    load = run_script(url, "call.lua", clients, seconds, environment, tokens=tokens, bodies=bodies)
    return load if allow_refusals else _strict(load)


def _strict(load: Load) -> Load:
    if load.refused:
        raise BenchError(f"{load.refused} of {load.good + load.refused} requests were refused")
    return load


def run_script(
    url: str,
    script: str,
    clients: int,
    seconds: int,
    environment: dict[str, str],
    *,
    tokens: Sequence[str] = (),
    bodies: Sequence[str] = (),
) -> Load:
    """Run wrk with one of `SCRIPTS`, a thread for each connection. Raises BenchError for a 5xx and for a broken one."""
    if shutil.which("wrk") is None:
        raise BenchError("wrk is not installed. On Debian: apt-get install wrk")
    with tempfile.TemporaryDirectory() as directory:
        for name, lines in (("BENCH_TOKENS", tokens), ("BENCH_BODIES", bodies)):
            if lines:
                path = Path(directory, name)
                path.write_text("\n".join(lines))
                environment |= {name: str(path)}
        environment |= {"BENCH_LUA": str(SCRIPTS), "BENCH_CONNECTIONS": str(clients), "PATH": os.environ["PATH"]}
        command = ["wrk", "-t", str(clients), "-c", str(clients), "-d", str(seconds), "--timeout", "30"]
        done = subprocess.run(  # noqa: S603  # wrk with arguments of this module
            [*command, "-s", str(SCRIPTS / script), url], env=environment, capture_output=True, text=True, check=False
        )
    return _read(done.stdout + done.stderr, url)


def _read(output: str, url: str) -> Load:
    lines = [line.removeprefix("BENCH ") for line in output.splitlines() if line.startswith("BENCH ")]
    if not lines:
        raise BenchError(f"wrk measured nothing:\n{output}")
    seen = json.loads(lines[0])
    if seen["failed"] or seen["broken"]:
        raise BenchError(f"{url}: {seen['failed']} answers were 5xx and {seen['broken']} connections broke")
    latencies = {name: seen[name] / 1000 for name in ("p50", "p90", "p99", "worst")}
    rate = seen["good"] / (seen["microseconds"] / 1e6)
    return Load(rate, seen["good"], seen["refused"], seen["failed"], **latencies)
