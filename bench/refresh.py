"""Refreshes a second beside the peers and the limits, and what correctness costs: statements, races, lost answers."""

from collections.abc import Callable
from functools import partial

from bench.charts import Bar, Chart
from bench.harness import Bench, BenchError, Budget, Result, Rounds, Table, Target, interleave, scenario
from bench.rotation_sql import add_sessions, rotation_script
from bench.shared_servers import OURS, ours, peer, product, start_together
from bench.terminal import say
from bench.token_servers import TokenServer
from bench.wrk import load_calls, load_refreshes

CLIENTS = 4
PEERS = ("simplejwt", "toolkit", "toolkit_with_grace", "allauth", "oidc_provider")
SIMPLEJWT, TOOLKIT, ALLAUTH = "djangorestframework-simplejwt", "django-oauth-toolkit", "django-allauth OIDC provider"
OIDC_PROVIDER = "oidc-provider (Node.js)"
EMPTY, PGBENCH = "an empty DRF view", "the same UPDATE in pgbench"
RACERS = 20


@scenario("refresh", item=2, title="Refreshing", budget=Budget(190, 40), with_peers=True)
def measure_refreshes(run: Bench) -> Result:
    start_together(run, [*PEERS, "empty"])
    servers = [ours(run), *(peer(run, name) for name in PEERS)]
    result = Result()
    rounds = run.pick(full=Rounds(5, seconds=3), quick=Rounds(2, seconds=1, warm_up=False))
    measured = interleave(_runs(run, servers), rounds, has_time=run.has_time)
    result.add("refreshes/s", measured, notes={EMPTY: "limit", PGBENCH: "limit"})
    result.targets = [
        Target("refreshes, against djangorestframework-simplejwt", 5, result.ratio(OURS, SIMPLEJWT)),
        Target("refreshes, against django-oauth-toolkit", 8, result.ratio(OURS, TOOLKIT)),
        Target("refreshes, against django-allauth", 15, result.ratio(OURS, ALLAUTH)),
        Target("refreshes, against oidc-provider", 1.8, result.ratio(OURS, OIDC_PROVIDER)),
        Target("refreshes, share of an empty DRF view's rate", 30, 100 * result.ratio(OURS, EMPTY), unit="%"),
    ]
    bars = [Bar(kept.label, kept.median, kept.low, kept.high, ours=kept.label == OURS) for kept in result.figures]
    unit = f"refreshes a second, {CLIENTS} clients; the line is lowest to highest"
    result.charts.append(Chart("refresh", "Refreshing: rotations a second", unit, bars=bars))
    result.tables.append(_correctness(run, servers))
    configurations = [[server.label, server.configuration] for server in servers]
    result.tables.append(Table("How each is configured", ["", "configuration"], configurations))
    result.notes.append(f"{CLIENTS} clients, each following its own chain of tokens; no answer was an error.")
    return result


def _runs(run: Bench, servers: list[TokenServer]) -> dict[str, Callable[[int], float]]:
    def once(server: TokenServer, seconds: int) -> float:
        return load_refreshes(server.refresh_request, server.take(CLIENTS), seconds=seconds).rate

    def refreshes(server: TokenServer) -> Callable[[int], float]:
        return partial(once if server.label == OURS else again, server)

    def again(server: TokenServer, seconds: int) -> float:
        # An error of a peer's costs it its measurement, not everybody theirs. One of ours ends the benchmark.
        try:
            return once(server, seconds)
        except BenchError as error:
            say(f"    {server.label}: {error}; measured again")
            return once(server, seconds)

    empty = peer(run, "empty").me.replace("/me", "/empty")
    return {
        **{server.label: refreshes(server) for server in servers},
        EMPTY: lambda seconds: (
            load_calls(empty, clients=CLIENTS, seconds=seconds, method="POST", bodies=["{}"] * CLIENTS).rate
        ),
        PGBENCH: lambda seconds: _rotate_in_pgbench(run, seconds),
    }


def _rotate_in_pgbench(run: Bench, seconds: int) -> float:
    backend = product(run)
    add_sessions(backend, clients=CLIENTS, each=1)
    script = rotation_script(sessions_each=1)
    return run.cluster.pgbench(backend.database, script=script, clients=CLIENTS, seconds=seconds, variables={"step": 0})


def _correctness(run: Bench, servers: list[TokenServer]) -> Table:
    races = run.pick(full=5, quick=1)
    columns = [
        "",
        "statements + transaction control",
        f"{RACERS} requests race: live successors",
        f"answers of {races} races by status",
        "answer lost, sent again",
    ]
    with run.cluster.logging():
        statements = [_statements(run, server) for server in servers]
    rows = [[s.label, sent, *_race(s, races), _retry(s)] for s, sent in zip(servers, statements, strict=True)]
    return Table("What one refresh does, and what two of the same token do", columns, rows)


def _statements(run: Bench, server: TokenServer) -> str:
    tokens = server.take(1)

    def refresh() -> None:
        tokens[0] = server.successor(server.refresh(tokens[0], key=f"statements-{tokens[0][-24:]}"))

    refresh()
    return str(run.cluster.count_statements(refresh))


def _race(server: TokenServer, races: int) -> list[str]:
    """Over some races: how many of the tokens that one gave out still refresh, and all answers by status."""
    alive: list[int] = []
    codes: list[int] = []
    for token in server.take(races):
        answers = server.race(token, requests=RACERS)
        given = sorted({server.successor(answer) for answer in answers} - {""})
        alive.append(sum(server.refresh(successor).is_success for successor in given))
        codes += [answer.status_code for answer in answers]
    spread = str(min(alive)) if min(alive) == max(alive) else f"{min(alive)} to {max(alive)}"
    return [spread, ", ".join(f"{code}: {codes.count(code)}" for code in sorted(set(codes)))]


def _retry(server: TokenServer) -> str:
    """What a client sees that repeats a request whose answer it never got."""
    token, key = server.take(1)[0], "the-key-of-this-request"
    first = server.successor(server.refresh(token, key=key))
    again = server.refresh(token, key=key)
    if not again.is_success:
        is_alive = server.refresh(first, key=f"{key}-next").is_success
        return f"{again.status_code}, the person is signed {'in with a token that is lost' if is_alive else 'out'}"
    return "the same successor" if server.successor(again) == first else "another successor beside the first"
