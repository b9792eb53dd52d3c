"""The portal: its pages beside the API calls they make, a first visit's bytes and requests, and a whole sign-in."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import urlencode, urljoin, urlsplit

import httpx

from bench.charts import Bar, Chart
from bench.harness import Bench, Budget, Result, Rounds, Table, Target, interleave, scenario
from bench.product import Product
from bench.shared_servers import product
from bench.wrk import load_calls
from tests.people import Browser

DAYS = 15
# GitHub's answers to the backend itself: the exchange of the code, the person, the addresses.
_BEHIND = ("/login/oauth/access_token", "/user", "/user/emails")


@scenario("portal", item=4, title="Portal pages beside their API calls", budget=Budget(100, 20))
def measure_pages(run: Bench) -> Result:
    backend = product(run)
    with ThreadPoolExecutor() as pool:
        starts = (backend.start_stand_in, backend.start_portal, partial(backend.manage, "seed_demo", DEBUG="true"))
        for started in [pool.submit(start) for start in starts]:
            started.result()
    result = Result()
    rounds = run.pick(full=Rounds(5, seconds=2), quick=Rounds(1, seconds=1))
    result.add("ms", interleave(_runs(backend), rounds, has_time=run.has_time))
    for page in _calls(backend):
        ratio = result.ratio(f"page {page}", f"call of {page}")
        result.targets.append(Target(f"page {page}, against its API call", 1.8, ratio, at_most=True))
    bars = [Bar(kept.label, kept.median, kept.low, kept.high, kept.label.startswith("page")) for kept in result.figures]
    result.charts.append(Chart("portal", "Pages and their API calls", "median milliseconds, one client", bars=bars))
    result.tables += [_first_visit(backend), _sign_ins(backend, times=run.pick(full=9, quick=3))]
    return result


def _calls(backend: Product) -> dict[str, str]:
    """For each page the one API call that it makes."""
    now = datetime.now(UTC)
    window = urlencode({"from": now.isoformat(), "to": (now + timedelta(days=DAYS)).isoformat()})
    return {
        "/slots": f"/pages/slots?{window}",
        "/credits": "/pages/credits",
        "/settings": "/pages/settings",
        "/sessions": "/pages/access",
    }


def _runs(backend: Product) -> dict[str, Callable[[int], float]]:
    (access_token,) = backend.access_tokens(backend.sign_in(backend.add_people(1)))
    cookies = _cookies(backend, access_token)

    def page(path: str) -> Callable[[int], float]:
        return lambda seconds: load_calls(f"{backend.portal_url}{path}", clients=1, seconds=seconds, cookie=cookies).p50

    def call(path: str) -> Callable[[int], float]:
        url = f"{backend.backend_url}/api/v1{path}"
        return lambda seconds: load_calls(url, clients=1, seconds=seconds, tokens=[access_token]).p50

    runs: dict[str, Callable[[int], float]] = {}
    for path, resource in _calls(backend).items():
        runs |= {f"page {path}": page(path), f"call of {path}": call(resource)}
    return runs


def _cookies(backend: Product, access_token: str) -> str:
    """What a browser sends after its first page: the access token, and the cookie that the page's forms agree with."""
    with httpx.Client(cookies={"insighta_at": access_token}) as http:
        http.get(f"{backend.portal_url}/settings").raise_for_status()
        return "; ".join(f"{name}={value}" for name, value in http.cookies.items())


def _first_visit(backend: Product) -> Table:
    """The home page as a browser that has nothing in its cache gets it."""
    with httpx.Client(headers={"Accept-Encoding": "gzip"}, follow_redirects=True) as http:
        home = http.get(f"{backend.portal_url}/")
        paths = sorted(set(re.findall(r'(?:href|src)="(/static/[^"]+)"', home.text)))
        parts = [home, *(http.get(urljoin(backend.portal_url, path)) for path in paths)]
    sizes = {urlsplit(str(part.url)).path: (part.num_bytes_downloaded, len(part.content)) for part in parts}
    sums = [sum(column) for column in zip(*sizes.values(), strict=True)]
    sizes[f"{len(parts)} requests"] = (sums[0], sums[1])
    rows = [[path, f"{sent:,}", f"{whole:,}"] for path, (sent, whole) in sizes.items()]
    return Table("A first visit: bytes as sent and unpacked", ["", "sent", "unpacked"], rows)


def _sign_ins(backend: Product, *, times: int) -> Table:
    """Sign-ins in a browser: requests and time of each party, of the median sign-in; the last without GitHub."""
    measured = sorted((_sign_in(backend, number) for number in range(times)), key=lambda timed: timed[1])
    requests, milliseconds, github = measured[len(measured) // 2]
    rows = [[name, str(count), ""] for name, count in requests.items()]
    rows.append(["all, GitHub's pages left out", "", f"{milliseconds:.0f} ms"])
    rows.append(["of it the backend waits for GitHub", str(len(_BEHIND)), f"about {github:.0f} ms"])
    rows.append(["without GitHub", "", f"{milliseconds - github:.0f} ms"])
    return Table(f"A sign-in, from the button to the first page (median of {times})", ["", "requests", "time"], rows)


def _sign_in(backend: Product, number: int) -> tuple[dict[str, int], float, float]:
    """Requests of the browser by party, milliseconds without GitHub's pages, and GitHub's share of the backend's."""
    names = {backend.portal_url: "portal", backend.backend_url: "backend", backend.github_url: "GitHub's stand-in"}
    spent = dict.fromkeys(names.values(), 0.0)
    counts = dict.fromkeys(names.values(), 0)
    browser = Browser(backend, f"bench-visitor-{number}")  # type: ignore[arg-type]  # has the same three addresses
    began = time.perf_counter()

    def note(response: httpx.Response) -> None:
        nonlocal began
        response.read()
        party = names[f"{response.url.scheme}://{response.url.host}:{response.url.port}"]
        spent[party] += time.perf_counter() - began
        counts[party] += 1
        began = time.perf_counter()

    browser.http.event_hooks = {"response": [note]}
    arrived = browser.follow(browser.get(f"{backend.portal_url}/login"), until="https://nowhere.example")
    arrived.raise_for_status()
    return counts, 1000 * (spent["portal"] + spent["backend"]), _github_behind(backend)


def _github_behind(backend: Product) -> float:
    """Milliseconds that the stand-in takes for three answers like those that it gives to the backend itself."""
    with httpx.Client() as http:
        began = time.perf_counter()
        for path in _BEHIND:
            http.request("POST" if "token" in path else "GET", f"{backend.github_url}{path}")
    return 1000 * (time.perf_counter() - began)
