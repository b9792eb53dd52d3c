"""An authenticated API call: who am I, asked of the product and of peers that serve the same JSON of the same row."""

from collections.abc import Callable

from bench.charts import Bar, Chart
from bench.harness import Bench, Budget, Result, Rounds, Table, Target, interleave, scenario
from bench.shared_servers import OURS, ours, peer
from bench.token_servers import TokenServer
from bench.wrk import load_calls

CLIENTS = 4
SIMPLEJWT, TOOLKIT = "djangorestframework-simplejwt", "django-oauth-toolkit"
_CHECKS = {
    OURS: "signature, session and person at every call; scope; rate limit; a line in the log; metrics",
    SIMPLEJWT: "signature and person; a session that has ended is not noticed until the token expires",
    TOOLKIT: "the token's row and its person",
}


@scenario("me", item=3, title="An authenticated API call: GET /me", budget=Budget(70, 8), with_peers=True)
def measure_calls(run: Bench) -> Result:
    servers = [ours(run), peer(run, "simplejwt"), peer(run, "toolkit")]

    def calls(server: TokenServer) -> Callable[[int], float]:
        tokens = server.access_tokens[-CLIENTS:]
        return lambda seconds: load_calls(server.me, clients=CLIENTS, seconds=seconds, tokens=tokens).rate

    result = Result()
    runs = {server.label: calls(server) for server in servers}
    rounds = run.pick(full=Rounds(7, seconds=3), quick=Rounds(2, seconds=1))
    result.add("calls/s", interleave(runs, rounds, has_time=run.has_time))
    result.targets = [
        Target("GET /me, against simplejwt without a revocation check", 1, result.ratio(OURS, SIMPLEJWT)),
        Target("GET /me, against django-oauth-toolkit", 2, result.ratio(OURS, TOOLKIT)),
    ]
    bars = [Bar(kept.label, kept.median, kept.low, kept.high, ours=kept.label == OURS) for kept in result.figures]
    result.charts.append(Chart("me", "GET /me: calls a second", f"calls a second, {CLIENTS} clients", bars=bars))
    result.tables.append(
        Table("What is checked at each call", ["", "checked"], [[label, _CHECKS[label]] for label in runs])
    )
    return result
