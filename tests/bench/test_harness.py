import asyncio
import json
import shutil
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from bench import commits, peer_servers, product, rotation_sql, wrk
from bench.__main__ import find_scenarios
from bench.charts import Bar, Chart, draw
from bench.harness import Bench, BenchError, Budget, Figure, Result, Rounds, Scenario, Table, Target, interleave
from bench.open_loop import Generator, OnAnswer
from bench.report import BEGIN, END, load_results, print_durations, print_targets, store, write_page
from bench.servers import complaints, running
from bench.terminal import number, table
from bench.wrk import RefreshRequest, load_calls, load_refreshes
from tests.processes import free_port


def test_each_round_begins_with_another_and_the_first_is_thrown_away() -> None:
    asked: list[str] = []

    def run(label: str, seconds: int) -> float:
        asked.append(f"{label}{seconds}")
        return float(len(asked))

    runs = {label: partial(run, label) for label in "abc"}
    measured = interleave(runs, Rounds(2, seconds=5))
    assert " ".join(asked) == "a1 b1 c1 a5 b5 c5 b5 c5 a5"
    assert measured == {"a": [4, 9], "b": [5, 7], "c": [6, 8]}


def test_rounds_end_with_the_time_of_the_benchmark_but_not_before_the_first(tmp_path: Path) -> None:
    run = Bench(quick=False, results=tmp_path)
    for seconds, rounds in ((-1, 1), (100, 3)):
        run.begin(Budget(full=seconds, quick=0))
        measured = interleave({"a": float}, Rounds(3, seconds=1, warm_up=False), has_time=run.has_time)
        assert measured == {"a": [1.0] * rounds}


def test_the_whole_is_promised_to_end_within_a_quarter_of_an_hour_and_a_short_run_within_two_minutes() -> None:
    budgets = [found.budget for found in find_scenarios().values() if not found.by_name_only]
    assert sum(budget.full for budget in budgets) <= 15 * 60
    assert sum(budget.quick for budget in budgets) <= 2 * 60


def test_a_figure_is_its_median_with_its_spread() -> None:
    figure = Figure("refreshes", "/s", [3, 100, 1])
    assert (figure.median, figure.low, figure.high) == (3, 1, 100)


def test_a_ratio_compares_what_was_measured_in_the_same_round() -> None:
    result = Result()
    # The machine was ten times slower in the second round, for both.
    result.add("/s", {"ours": [20, 2, 22, 9], "theirs": [10, 1, 11, 0], "silent": [0, 0, 0, 0]})
    assert result.ratio("ours", "theirs") == 2
    with pytest.raises(BenchError, match="silent answered nothing"):
        result.ratio("ours", "silent")


@pytest.mark.parametrize(
    ("measured", "at_most", "is_reached"), [(5, False, True), (4.9, False, False), (5, True, True), (5.1, True, False)]
)
def test_a_target_is_a_floor_or_a_ceiling(measured: float, at_most: bool, is_reached: bool) -> None:
    assert Target("speed", 5, measured, at_most=at_most).is_reached is is_reached


def test_columns_are_aligned_and_numbers_short() -> None:
    assert table(["", "rate"], [["ours", "1,234"], ["a longer name", "5"]]).splitlines() == [
        "                rate",
        "-------------  -----",
        "ours           1,234",
        "a longer name      5",
    ]
    assert [number(value) for value in (1234.5, 12.34, 0.123)] == ["1,234", "12.3", "0.12"]


@pytest.mark.parametrize(
    "chart",
    [
        Chart("bars", "Rates <&> more", "a second", bars=[Bar("ours", 5, 4, 6, ours=True), Bar("<theirs>", 0, 0, 0)]),
        Chart("lines", "Growth", "KiB", series={"ours": [(1, 5), (10, 5)], "theirs": [(1, 1), (10, 10)]}),
        Chart("logs", "Growth", "ms", series={"ours": [(1e4, 0.5), (1e7, 2)]}, is_logarithmic=True),
        Chart("flat", "One point", "KiB", series={"ours": [(1, 0)]}),
    ],
    ids=lambda chart: chart.name,
)
def test_a_chart_is_a_document_with_everything_inside_its_frame(chart: Chart) -> None:
    root = ElementTree.fromstring(draw(chart))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert chart.title in texts
    assert {bar.label for bar in chart.bars} | set(chart.series) <= set(texts)
    places = [(float(e.attrib["x"]), float(e.attrib["y"])) for e in root.iter() if {"x", "y"} <= e.attrib.keys()]
    assert all(0 <= x <= width and 0 <= y <= height for x, y in places)


# What is stored, and the page


@pytest.fixture
def result() -> Result:
    return Result(
        figures=[Figure("ours", "/s", [10, 12, 11]), Figure("theirs", "/s", [1, 2, 3])],
        targets=[Target("against theirs", 5, 5.5), Target("against the limit", 40, 30, unit="%")],
        tables=[Table("Facts", ["", "rows"], [["ours", "0"]])],
        charts=[Chart("example", "Example", "/s", bars=[Bar("ours", 11, 10, 12)])],
        notes=["Four clients."],
    )


@pytest.fixture
def stored_results(tmp_path: Path, result: Result) -> Path:
    """A directory with the stored result of one scenario."""
    run = Bench(quick=True, results=tmp_path / "results")
    run.cluster = SimpleNamespace(version=lambda: "18")  # type: ignore[assignment]  # nothing else is asked of it
    store(run, Scenario("example", 2, "An example", Budget(9, 1), lambda _: result), result, load=0.5, seconds=3)
    return run.results


def test_a_result_is_kept_with_machine_and_versions_and_beside_the_others(stored_results: Path, result: Result) -> None:
    stored = load_results(stored_results)["example"]
    assert stored["figures"][0] | {"median": 11, "low": 10, "high": 12} == stored["figures"][0]
    assert [target["is_reached"] for target in stored["targets"]] == [True, False]
    assert {"processor", "cores", "kernel", "Python", "granian", "commit"} <= stored["machine"].keys()
    run = Bench(quick=True, results=stored_results)
    run.cluster = SimpleNamespace(version=lambda: "18")  # type: ignore[assignment]  # nothing else is asked of it
    store(run, Scenario("another", 3, "Another", Budget(9, 1), lambda _: result), result, load=0.5, seconds=3)
    assert set(json.loads((stored_results / "results.json").read_text())) == {"example", "another"}


def test_targets_are_printed_with_their_verdict(stored_results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_targets(stored_results)
    reached, missed = capsys.readouterr().out.strip().splitlines()[2:]
    assert reached.split("  ")[0] == "against theirs"
    assert reached.endswith(" reached")
    assert "NOT" not in reached
    assert missed.endswith("NOT reached")


def test_what_each_took_is_printed_with_the_sum(stored_results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_durations(stored_results, ["example", "another"])
    assert [line.split() for line in capsys.readouterr().out.splitlines()[-2:]] == [["example", "3"], ["all", "3"]]


def test_the_page_gets_new_numbers_between_its_marks_and_keeps_the_rest(stored_results: Path, tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"# Before\n\n{BEGIN}\nold numbers\n{END}\n\nAfter.\n")
    for _ in range(2):
        write_page(stored_results, page, tmp_path / "images")
    text = page.read_text()
    assert text.startswith("# Before\n")
    assert text.endswith("After.\n")
    assert "old numbers" not in text
    assert text.count("| against theirs | at least 5x | 5.5x | reached |") == 1
    assert "| against the limit | at least 40% | 30% | NOT reached |" in text
    assert "![Example](images/performance-example.svg)" in text
    ElementTree.parse(tmp_path / "images" / "performance-example.svg")


def test_a_page_without_its_marks_is_left_alone(stored_results: Path, tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("# Words")
    with pytest.raises(ValueError, match="no place for the numbers"):
        write_page(stored_results, page, tmp_path)
    assert page.read_text() == "# Words"


def test_the_page_of_this_repository_has_its_marks() -> None:
    from_module = import_module("bench.report")
    text = from_module.PAGE.read_text()
    assert text.index(BEGIN) < text.index(END)


# Load


class Chain(BaseHTTPRequestHandler):
    """Hands out the successor of a token once, and refuses a token that was used."""

    protocol_version = "HTTP/1.1"
    used: set[str] = set()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        token = body.partition("token=")[2]
        status = 400 if token in self.used or not self.headers["Idempotency-Key"] else 200
        self.used.add(token)
        self._answer(status, json.dumps({"refresh_token": f"{token}x"}))

    def do_GET(self) -> None:
        self._answer(200 if self.headers["Authorization"] == "Bearer good" else 401, "{}")

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Chain)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is installed by `make bench`")
def test_each_connection_follows_its_own_chain(address: str) -> None:
    form = RefreshRequest(f"{address}/token", "token={token}", is_keyed=True)
    seen = load_refreshes(form, ["a", "b"], seconds=1)
    assert seen.good > 2
    with pytest.raises(BenchError, match="refused"):
        load_refreshes(form, ["a", "c"], seconds=1)
    assert load_calls(address, clients=2, seconds=1, tokens=["good"]).rate > 0
    with pytest.raises(BenchError, match="refused"):
        load_calls(address, clients=2, seconds=1, tokens=["bad"])


def test_open_loop_load_counts_every_answer_from_the_instant_it_was_due(address: str) -> None:
    answers: list[int] = []

    def make_request() -> tuple[bytes, OnAnswer]:
        token = "good" if len(answers) % 2 else "bad"
        request = f"GET / HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        return request, lambda status, body: answers.append(status)

    generator = Generator(int(address.rpartition(":")[2]), make_request)
    sample = asyncio.run(generator.run(rate=100, seconds=0.5))
    assert sum(sample.statuses.values()) == len(answers) == 50
    assert sample.statuses.keys() <= {200, 401}
    assert sample.percentile(0.99) >= sample.percentile(0.5) > 0
    assert sample.share_within(60) == 1
    closed = asyncio.run(Generator(int(address.rpartition(":")[2]), make_request).run_closed(20, clients=2))
    assert sum(closed.statuses.values()) == 20


def test_a_connection_that_nobody_answers_is_counted_as_no_answer() -> None:
    generator = Generator(free_port(), lambda: (b"", lambda status, body: None))
    sample = asyncio.run(generator.run(rate=100, seconds=0.1))
    assert sample.statuses == {0: 10}
    assert (sample.served, sample.share_within(60)) == ([], 0)


def test_what_wrk_saw_is_read_and_a_server_that_breaks_is_no_figure() -> None:
    line = {"requests": 9, "microseconds": 2_000_000, "good": 8, "refused": 1, "failed": 0, "broken": 0}
    line |= {"p50": 1500, "p90": 2000, "p99": 3000, "worst": 4000}
    seen = wrk._read(f"Running 2s test\nBENCH {json.dumps(line)}\n", "here")
    assert (seen.rate, seen.refused, seen.p50) == (4, 1, 1.5)
    for trouble in ("failed", "broken"):
        with pytest.raises(BenchError, match="5xx"):
            wrk._read(f"BENCH {json.dumps(line | {trouble: 1})}", "here")
    with pytest.raises(BenchError, match="measured nothing"):
        wrk._read("unable to connect", "here")


def test_a_server_that_failed_a_request_is_asked_what_it_wrote() -> None:
    bad = ['{"path": "/b", "status": 503}', '127.0.0.1 - "POST /c HTTP/1.1" 500 1.2', "PoolTimeout: after 2 s"]
    wrote, port = "\n".join(['{"path": "/a", "status": 200}', *bad]), free_port()
    serve = f"http.server.test(http.server.SimpleHTTPRequestHandler, port={port}, bind='127.0.0.1')"
    program = f"import http.server; print({wrote!r}, flush=True); {serve}"
    with running([sys.executable, "-c", program], {}, answers_at=f"http://127.0.0.1:{port}/"):
        assert complaints() == [f"http://127.0.0.1:{port}/: {line}" for line in bad]
    assert complaints() == []


# What is compared


def test_pgbench_runs_the_statement_of_the_product_with_every_parameter_filled_in() -> None:
    assert "UPDATE tokens_session" in rotation_sql.rotation_statement()
    assert "%(" not in rotation_sql.rotation_script(sessions_each=1)


def test_the_peers_are_pinned() -> None:
    lines = (peer_servers.PEERS / "requirements.txt").read_text().splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    assert wanted
    assert [line for line in wanted if "==" not in line] == []
    packages = json.loads((peer_servers.PEERS / "node" / "package.json").read_text())["dependencies"]
    assert all(version[0].isdigit() for version in packages.values())
    locked = json.loads((peer_servers.PEERS / "node" / "package-lock.json").read_text())["packages"]
    assert all("integrity" in package for name, package in locked.items() if name)


def test_the_peers_share_server_framework_and_driver_with_the_product() -> None:
    peers = peer_servers.PEERS / "requirements.txt"
    product = peer_servers.PEERS.parent.parent / "requirements.txt"
    ours, theirs = (set(path.read_text().splitlines()) for path in (product, peers))
    shared = {"Django", "djangorestframework", "psycopg[binary,pool]", "granian"}
    assert {line.partition("==")[0] for line in ours & theirs} >= shared


def test_every_scenario_is_found_by_name() -> None:
    assert {"refresh", "refresh-storage", "me", "portal", "start", "capacity"} <= find_scenarios().keys()


class FakeSide:
    def __init__(self) -> None:
        self.used = 0.0

    def processor_seconds(self) -> dict[str, float]:
        return {product.BACKEND: self.used, product.DATABASE: 0.1 * self.used}

    def act(self, seconds: int, *, rate: float, cost: float) -> tuple[float, int]:
        self.used += seconds * rate * cost
        return rate, int(seconds * rate)


def test_a_commit_is_measured_against_another_in_rate_and_processor_time() -> None:
    sides = {"old": FakeSide(), commits.THIS: FakeSide()}
    acts = {
        "old": partial(sides["old"].act, rate=100.0, cost=0.004),
        commits.THIS: partial(sides[commits.THIS].act, rate=150.0, cost=0.003),
    }
    result = Result()
    with Bench(quick=True) as run:
        rows = commits.measure_sides(run, result, "bookings", acts, sides)
    assert [row[1:] for row in rows] == [
        [commits.RATE, "1.50"],
        [product.BACKEND, "0.75"],
        [product.DATABASE, "0.75"],
    ]
    assert result.figure(f"bookings: {product.BACKEND}, {commits.THIS}").median == pytest.approx(3)


def test_two_commits_are_measured_only_where_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AGAINST", raising=False)
    with Bench(quick=True) as run, pytest.raises(BenchError, match="make bench AGAINST="):
        commits.measure_commits(run)
