"""Refreshes a second beside the peers and the limits, and what correctness costs: statements, races, lost answers."""

from collections.abc import Callable
from functools import partial

from bench.charts import Bar, Chart
from bench.harness import Bench, BenchError, Budget, Result, Rounds, Table, Target, interleave, scenario
from bench.load import load_calls, load_refreshes
from bench.rivals import Peer, serving
from bench.rotation_sql import add_sessions, rotation_script
from bench.subjects import OURS, Subject, ours, product, rival, start_together
from bench.terminal import say

CLIENTS = 4
PEERS = ("simplejwt", "toolkit", "toolkit_with_grace", "allauth", "oidc_provider")
SIMPLEJWT, TOOLKIT, ALLAUTH = "djangorestframework-simplejwt", "django-oauth-toolkit", "django-allauth OIDC provider"
EMPTY, PGBENCH = "an empty DRF view", "the same UPDATE in pgbench"
RACERS = 20


@scenario("refresh", item=2, title="Refreshing", budget=Budget(220, 55), with_peers=True)
def measure_refreshes(run: Bench) -> Result:
    start_together(run, [*PEERS, "empty"])
    subjects = [ours(run), *(rival(run, name) for name in PEERS)]
    result = Result()
    rounds = run.pick(full=Rounds(5, seconds=3), quick=Rounds(2, seconds=1, warm_up=False))
    measured = interleave(_runs(run, subjects), rounds, has_time=run.has_time)
    result.add("refreshes/s", measured, notes={EMPTY: "limit", PGBENCH: "limit"})
    result.targets = [
        Target("refreshes, against djangorestframework-simplejwt", 5, result.ratio(OURS, SIMPLEJWT)),
        Target("refreshes, against django-oauth-toolkit", 8, result.ratio(OURS, TOOLKIT)),
        Target("refreshes, against django-allauth", 15, result.ratio(OURS, ALLAUTH)),
        Target("refreshes, share of an empty DRF view's rate", 40, 100 * result.ratio(OURS, EMPTY), unit="%"),
    ]
    bars = [Bar(kept.label, kept.median, kept.low, kept.high, ours=kept.label == OURS) for kept in result.figures]
    unit = f"refreshes a second, {CLIENTS} clients; the line is lowest to highest"
    result.charts.append(Chart("refresh", "Refreshing: rotations a second", unit, bars=bars))
    result.tables.append(_correctness(run, subjects))
    result.tables.append(Table("How each is configured", ["", "configuration"], [[s.label, s.how] for s in subjects]))
    result.notes.append(f"{CLIENTS} clients, each following its own chain of tokens; no answer was an error.")
    return result


def _runs(run: Bench, subjects: list[Subject]) -> dict[str, Callable[[int], float]]:
    def once(subject: Subject, seconds: int) -> float:
        return load_refreshes(subject.refreshing, subject.take(CLIENTS), seconds=seconds).rate

    def refreshes(subject: Subject) -> Callable[[int], float]:
        return partial(once if subject.label == OURS else again, subject)

    def again(subject: Subject, seconds: int) -> float:
        # An error of a peer's costs it its measurement, not everybody theirs. One of ours ends the benchmark.
        try:
            return once(subject, seconds)
        except BenchError as error:
            say(f"    {subject.label}: {error}; measured again")
            return once(subject, seconds)

    empty: Peer = run.share("peer empty", lambda: serving("empty", run.cluster, tokens=0))
    return {
        **{subject.label: refreshes(subject) for subject in subjects},
        EMPTY: lambda seconds: (
            load_calls(
                f"{empty.url}/empty", clients=CLIENTS, seconds=seconds, method="POST", bodies=["{}"] * CLIENTS
            ).rate
        ),
        PGBENCH: lambda seconds: _rotate_in_pgbench(run, seconds),
    }


def _rotate_in_pgbench(run: Bench, seconds: int) -> float:
    backend = product(run)
    add_sessions(backend, clients=CLIENTS, each=1)
    script = rotation_script(sessions_each=1)
    return run.cluster.pgbench(backend.database, script=script, clients=CLIENTS, seconds=seconds)


def _correctness(run: Bench, subjects: list[Subject]) -> Table:
    races = run.pick(full=5, quick=1)
    columns = [
        "",
        "statements + transaction control",
        f"{RACERS} requests race: live successors",
        f"answers of {races} races by status",
        "answer lost, sent again",
    ]
    with run.cluster.logging():
        statements = [_statements(run, subject) for subject in subjects]
    rows = [[s.label, sent, *_race(s, races), _retry(s)] for s, sent in zip(subjects, statements, strict=True)]
    return Table("What one refresh does, and what two of the same token do", columns, rows)


def _statements(run: Bench, subject: Subject) -> str:
    tokens = subject.take(1)

    def refresh() -> None:
        tokens[0] = subject.successor(subject.refresh(tokens[0], key=f"statements-{tokens[0][-24:]}"))

    refresh()
    return str(run.cluster.count_statements(refresh))


def _race(subject: Subject, races: int) -> list[str]:
    """Over some races: how many of the tokens that one gave out still refresh, and all answers by status."""
    alive: list[int] = []
    codes: list[int] = []
    for token in subject.take(races):
        answers = subject.race(token, requests=RACERS)
        given = sorted({subject.successor(answer) for answer in answers} - {""})
        alive.append(sum(subject.refresh(successor).is_success for successor in given))
        codes += [answer.status_code for answer in answers]
    spread = str(min(alive)) if min(alive) == max(alive) else f"{min(alive)} to {max(alive)}"
    return [spread, ", ".join(f"{code}: {codes.count(code)}" for code in sorted(set(codes)))]


def _retry(subject: Subject) -> str:
    """What a client sees that repeats a request whose answer it never got."""
    token, key = subject.take(1)[0], "the-key-of-this-request"
    first = subject.successor(subject.refresh(token, key=key))
    again = subject.refresh(token, key=key)
    if not again.is_success:
        is_alive = subject.refresh(first, key=f"{key}-next").is_success
        return f"{again.status_code}, the person is signed {'in with a token that is lost' if is_alive else 'out'}"
    return "the same successor" if subject.successor(again) == first else "another successor beside the first"
