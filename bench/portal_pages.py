"""The portal: its pages beside the API calls they make, a first visit's bytes and requests, and a whole sign-in."""

import re
import socket
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from urllib.parse import urljoin, urlsplit
from uuid import UUID

import httpx

from bench.charts import Bar, Chart
from bench.harness import Bench, BenchError, Budget, Result, Rounds, Table, Target, interleave, scenario
from bench.product import Product
from bench.shared_servers import product
from tests.people import Browser

# GitHub's answers to the backend itself: the exchange of the code, the person, the addresses.
_BEHIND = ("/login/oauth/access_token", "/user", "/user/emails")
# Requests of one page, or of its call, in one round.
_REQUESTS = 20
MOST = 1.8
_CLIENT, _HOST = "ada", "grace"
_IDS = """
SELECT (SELECT b.id FROM bookings_booking AS b JOIN accounts_user AS u ON u.id = b.client_id
         WHERE u.login = %(client)s AND b.status = 'active' ORDER BY b.scheduled_start_time DESC LIMIT 1),
       (SELECT s.id FROM bookings_slot AS s JOIN accounts_user AS u ON u.id = s.host_id
         WHERE u.login = %(host)s AND s.status = 'open' AND s.seats_taken > 0 ORDER BY s.starts_at DESC LIMIT 1),
       (SELECT s.id FROM bookings_slot AS s JOIN accounts_user AS u ON u.id = s.host_id
         WHERE u.login = %(host)s AND s.status = 'open' AND s.seats_taken = 0 ORDER BY s.starts_at DESC LIMIT 1),
       (SELECT o.id FROM bookings_offering AS o JOIN accounts_user AS u ON u.id = o.host_id
         WHERE u.login = %(host)s ORDER BY o.id LIMIT 1)
"""


@scenario("portal", item=4, title="Portal pages beside their API calls", budget=Budget(100, 20))
def measure_pages(run: Bench) -> Result:
    backend = product(run)
    with ThreadPoolExecutor() as pool:
        starts = (backend.start_stand_in, backend.start_portal, partial(backend.manage, "seed_demo", DEBUG="true"))
        for started in [pool.submit(start) for start in starts]:
            started.result()
    result, calls = Result(), _calls(backend)
    rounds = run.pick(full=Rounds(5, seconds=1), quick=Rounds(1, seconds=1))
    with ExitStack() as stack:
        result.add("ms", interleave(_runs(backend, calls, stack), rounds, has_time=run.has_time))
    for page in calls:
        ratio = result.ratio(f"page {page}", f"call of {page}")
        result.targets.append(Target(f"page {page}, against its API call", MOST, ratio, at_most=True))
    bars = [Bar(kept.label, kept.median, kept.low, kept.high, kept.label.startswith("page")) for kept in result.figures]
    result.charts.append(Chart("portal", "Pages and their API calls", "median milliseconds, one client", bars=bars))
    result.tables += [_first_visit(backend), _sign_ins(backend, times=run.pick(full=9, quick=3))]
    return result


@dataclass(frozen=True)
class _Call:
    """Who looks at a page, its address, and the one API call that it makes."""

    who: str
    page: str
    call: str


def _calls(backend: Product) -> dict[str, _Call]:
    """Every page of the demo's client and of its host, by the name of its address."""
    with backend.connect() as connection:
        found = connection.execute(_IDS, {"client": _CLIENT, "host": _HOST}).fetchone() or ()
    booking, hosted, free, offering = (str(one) for one in found)
    slot, of_booking, of_hosted = f"/slots/{free}/book", f"/bookings/{booking}", f"/hosting/slots/{hosted}"
    of_client = {
        "/": ("/", "home"),
        "/slots": ("/slots", "days"),
        "/slots/…/book": (slot, f"slots/{free}"),
        "/hosts/…": (f"/hosts/{_HOST}", f"hosts/{_HOST}"),
        "/bookings": ("/bookings", "bookings"),
        "/bookings/…": (of_booking, f"bookings/{booking}"),
        "/bookings/…/cancel": (f"{of_booking}/cancel", f"bookings/{booking}"),
        "/bookings/…/reschedule": (f"{of_booking}/reschedule", f"bookings/{booking}/days"),
        "/credits": ("/credits", "credits"),
        "/sessions": ("/sessions", "access"),
        "/activity": ("/activity", "trail"),
        "/device": ("/device", "device"),
        "/settings": ("/settings", "settings"),
        "/settings/time-zone": ("/settings/time-zone", "settings"),
        "/settings/deactivate": ("/settings/deactivate", "deactivation"),
    }
    of_host = {
        "/hosting": ("/hosting", "hosting"),
        "/hosting/new": ("/hosting/new", "hosting"),
        "/hosting/offerings": ("/hosting/offerings", "hosting/offerings"),
        "/hosting/offerings/new": ("/hosting/offerings/new", "hosting/offerings"),
        "/hosting/offerings/…": (f"/hosting/offerings/{offering}", f"hosting/offerings/{offering}"),
        "/hosting/hours": ("/hosting/hours", "hosting/hours"),
        "/hosting/cancel-day": ("/hosting/cancel-day", "hosting"),
        "/hosting/slots/…": (of_hosted, f"hosting/slots/{hosted}"),
        "/hosting/slots/…/edit": (f"{of_hosted}/edit", f"hosting/slots/{hosted}"),
        "/hosting/slots/…/cancel": (f"{of_hosted}/cancel", f"hosting/slots/{hosted}"),
    }
    people = ((_CLIENT, of_client), (_HOST, of_host))
    return {
        name: _Call(who, page, f"/api/v1/pages/{call}") for who, pages in people for name, (page, call) in pages.items()
    }


def _runs(backend: Product, calls: dict[str, _Call], stack: ExitStack) -> dict[str, Callable[[int], float]]:
    """Page and call, each asked right after the other, over connections that are kept.

    A call that is made again and again finds all in the processor's caches, and takes half of what it takes a page.
    """
    tokens = {who: _access_token(backend, who) for who in (_CLIENT, _HOST)}
    cookies = {who: _cookies(backend, token) for who, token in tokens.items()}
    portal, api = (stack.enter_context(_Connection(url)) for url in (backend.portal_url, backend.backend_url))
    runs: dict[str, Callable[[int], float]] = {}
    for name, one in calls.items():
        page = partial(portal.ask, one.page, f"Cookie: {cookies[one.who]}")
        call = partial(api.ask, one.call, f"Authorization: Bearer {tokens[one.who]}")
        runs |= {f"page {name}": partial(_median, page, call), f"call of {name}": partial(_median, call, page)}
    return runs


def _median(timed: Callable[[], None], other: Callable[[], None], _seconds: int) -> float:
    """Milliseconds of `timed`, of several times; each time the other one goes before."""
    taken = []
    for _ in range(_REQUESTS):
        other()
        began = time.perf_counter()
        timed()
        taken.append(time.perf_counter() - began)
    return 1000 * statistics.median(taken)


def _access_token(backend: Product, login: str) -> str:
    with backend.connect() as connection:
        found = connection.execute("SELECT id FROM accounts_user WHERE login = %s", [login]).fetchone() or ()
    (token,) = backend.access_tokens(backend.sign_in([UUID(str(found[0]))]))
    return token


class _Connection:
    """A connection that is kept, and no library on it: what this side takes would count as the server's."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host = parts.netloc
        self._socket = socket.create_connection((parts.hostname, parts.port or 80), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> "_Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, path: str, header: str) -> None:
        """One GET. Raises BenchError for an answer that is not 200."""
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\n{header}\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._received(path)
        head, _, body = answer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        if not head.startswith(b"HTTP/1.1 200") or length is None:
            raise BenchError(f"{path} answered {head[:40]!r}")
        missing = int(length[1]) - len(body)
        while missing > 0:
            missing -= len(self._received(path))

    def _received(self, path: str) -> bytes:
        part = self._socket.recv(65536)
        if not part:
            raise BenchError(f"{path}: the connection broke")
        return part


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
