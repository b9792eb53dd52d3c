import gc
from collections.abc import Generator, Iterator
from functools import cache, lru_cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

import hypothesis
import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key
from django.db import connection, transaction
from django.test import Client, TransactionTestCase

from tests.api_codes import MEDIA_TYPE, check_code
from tests.databases import migrated_template
from tests.processes import Live
from tokens.services import signing_keys
from tokens.throttles import limiter

# An example may take any time on a busy machine, and no run knows what another has tried.
hypothesis.settings.register_profile("tests", deadline=None, database=None)
hypothesis.settings.load_profile("tests")

# What a test uses directly or through its fixtures, helpers and classes if it starts other programs.
PROGRAMS = {"subprocess", "multiprocessing", "pty", "playwright.sync_api"}
READ = ("tests", "bench", "deploy", "config.development")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Thousands of tests are made and none is thrown away: to look for garbage would take a quarter of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark as slow, where somebody asks, what starts programs and every case of a test but the first."""
    for item in items if "slow" in config.option.markexpr else ():
        assert isinstance(item, pytest.Function)
        fixtures = [fixture.func for found in item._fixtureinfo.name2fixturedefs.values() for fixture in found]
        case = item.callspec.indices.values() if hasattr(item, "callspec") else ()
        if any(case) or any(map(_starts_programs, [item.function, *fixtures])):
            item.add_marker("slow")


@cache
def _starts_programs(thing: Any) -> bool:
    """Whether what this function or class names leads to one of `PROGRAMS`, call by call."""
    seen: set[int] = set()
    ahead: list[Any] = [thing]
    while ahead:
        one = ahead.pop()
        if getattr(one, "__module__", None) in PROGRAMS or getattr(one, "__name__", None) in PROGRAMS:
            return True
        if id(one) not in seen:
            seen.add(id(one))
            ahead += _named_by(one)
    return False


def _named_by(thing: Any) -> list[Any]:
    thing = getattr(thing, "__wrapped__", thing)
    module = str(getattr(thing, "__module__", ""))
    if not module.startswith(READ) or module == "tests.databases":
        return []
    if isinstance(thing, type):
        return [value for parent in thing.__mro__ for value in vars(parent).values()]
    if isinstance(thing, property):
        return [thing.fget]
    if not isinstance(thing, FunctionType):
        return []
    names = _names(thing.__code__)
    found = [thing.__globals__[name] for name in names if name in thing.__globals__]
    modules = [one for one in found if isinstance(one, ModuleType) and one.__name__.startswith(READ)]
    return found + [vars(module)[name] for module in modules for name in names if name in vars(module)]


def _names(code: CodeType) -> set[str]:
    inner = [_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*inner)


_make_rsa_key = cache(signing_keys.make_rsa_key)
_load_private_key = lru_cache(maxsize=64)(load_der_private_key)


@pytest.fixture(autouse=True)
def _own_signing_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process forgets the keys of the test before, whose rows are gone.

    One RSA key is made for all tests and read once: OpenSSL checks it each time, for 40 milliseconds.
    """
    signing_keys.forget_keys()
    monkeypatch.setattr(signing_keys, "make_rsa_key", _make_rsa_key)
    monkeypatch.setattr(signing_keys, "load_der_private_key", _load_private_key)


@pytest.fixture(autouse=True)
def _own_rate_limits() -> None:
    """This process forgets what the test before has used up."""
    limiter.cache_clear()


# What migrations fill; everything else is empty when a test begins.
FILLED = {"auth_group", "auth_group_permissions", "auth_permission", "django_content_type", "django_migrations"}


def empty_tables(statement: str = "DELETE FROM {}") -> None:
    """Remove what a test has committed: in any order, and from the ledger, whose trigger refuses that otherwise.

    DELETE is the quicker one for few rows, TRUNCATE for many.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor)) - FILLED
        cursor.execute("SET LOCAL session_replication_role = replica")
        names = [f'"{table}"' for table in sorted(tables)]
        each = [", ".join(names)] if statement.startswith("TRUNCATE") else names
        cursor.execute("; ".join(map(statement.format, each)))


@pytest.fixture(autouse=True, scope="session")
def _empty_tables_after_transactional_tests() -> Iterator[None]:
    """Instead of Django's flush, which takes half a second and leaves unmanaged tables, the job queue among them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: empty_tables())
        yield


@pytest.fixture(autouse=True, scope="session")
def _no_code_is_missing_in_the_schema() -> Iterator[None]:
    """Every problem that Django's test client is answered with names a code that the schema gives for its operation."""
    send = Client.request

    def send_and_check(self: Client, **request: Any) -> Any:
        response = send(self, **request)
        method, path = str(response.wsgi_request.method), response.wsgi_request.path
        # An answer to HEAD has no body.
        if response.headers.get("Content-Type", "").startswith(MEDIA_TYPE) and method != "HEAD":
            check_code(method=method, path=path, status=response.status_code, problem=response.json())
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "request", send_and_check)
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Let the database of this process be a copy of the one that the run has migrated."""
    connection.settings_dict["TEST"]["TEMPLATE"] = migrated_template()


@pytest.fixture(scope="session")
def live() -> Iterator[Live]:
    """The whole product as processes, shared by the run: tests sign in people of their own and look only at those."""
    with Live() as product:
        yield product
