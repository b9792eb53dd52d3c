"""The servers that several benchmarks of one run share; each is started by the first that asks for it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.harness import Bench
from bench.peer_servers import serving
from bench.product import Product
from bench.token_servers import TokenServer

OURS = "Insighta"
TABLES = ("tokens_session",)
# Enough for every run that breaks a chain off: warm-up, rounds, and single requests.
SESSIONS = 80


def product(run: Bench) -> Product:
    """The product of this run, with its backend."""
    return run.share("product", lambda: Product(run.cluster))


def ours(run: Bench) -> TokenServer:
    """The product, with new sessions that refresh as the command line does: with a retry key."""
    backend = product(run)
    callers = backend.sign_in(backend.add_people(16))
    return TokenServer(
        OURS,
        "as it is deployed; a retry key with every refresh",
        backend.refresh_request,
        backend.database,
        TABLES,
        f"{backend.backend_url}/api/v1/me",
        backend.refresh_tokens(SESSIONS),
        backend.access_tokens(callers),
    )


def peer(run: Bench, name: str) -> TokenServer:
    """One of the peers; every benchmark continues with the tokens that are left."""
    tokens = 0 if name == "empty" else SESSIONS
    return run.share(f"peer {name}", lambda: serving(name, run.cluster, tokens=tokens))


def start_together(run: Bench, names: Sequence[str]) -> None:
    """Start the product and these peers side by side: most of it is one core's work each."""
    _ = run.cluster
    with ThreadPoolExecutor() as pool:
        starting = pool.submit(product, run)
        list(pool.map(lambda name: peer(run, name), names))
        starting.result()
