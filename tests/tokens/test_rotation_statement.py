"""A refresh in detail: one SQL statement, its own transaction, no row added."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Event
from accounts.services import people
from tests.tokens.in_process import present
from tokens.models import Session
from tokens.services.clients import registry
from tokens.services.sessions import open_session

KEY = "the-key-of-the-terminal"


@pytest.fixture
def token(transactional_db: None) -> str:
    """A refresh token of Ada's, outside any transaction: what the view does to transactions can be seen."""
    ada = people.upsert_person(github_id=1815, login="ada", now=timezone.now())
    client = registry()["insighta-cli"]
    return open_session(
        person=ada, client=client, scope="account:read", label="", auth_time=None, now=timezone.now()
    ).refresh_token


def ask(client: Client, token: str, key: str = "") -> tuple[int, dict[str, str], list[str]]:
    """The answer to a refresh, and every statement that it took, transaction control included."""
    form = f"grant_type=refresh_token&client_id=insighta-cli&refresh_token={token}"
    headers = {"Idempotency-Key": key} if key else {}
    with CaptureQueriesContext(connection) as queries:
        answer = client.post("/oauth/token", form, content_type="application/x-www-form-urlencoded", headers=headers)
    return answer.status_code, answer.json(), [entry["sql"].strip() for entry in queries.captured_queries]


@pytest.mark.parametrize("key", ["", KEY])
def test_a_refresh_is_one_statement_and_adds_no_row(client: Client, token: str, key: str) -> None:
    before = Session.objects.count(), Event.objects.count()
    for _ in range(3):
        status, body, statements = ask(client, token, key)
        assert status == 200
        (statement,) = statements
        assert statement.startswith("UPDATE tokens_session AS s")
        token = body["refresh_token"]
    assert (Session.objects.count(), Event.objects.count()) == before


def test_an_honest_retry_reads_once_more_and_writes_nothing(client: Client, token: str) -> None:
    _, first, _ = ask(client, token, KEY)
    status, again, statements = ask(client, token, KEY)
    assert (status, again["refresh_token"]) == (200, first["refresh_token"])
    assert [statement.split()[0] for statement in statements] == ["UPDATE", "SELECT"]


def test_a_replay_is_committed_before_it_is_answered(client: Client, token: str) -> None:
    ask(client, token, KEY)
    status, body, statements = ask(client, token)
    assert (status, body["error_description"]) == (400, "retry key mismatch")
    # The person is locked, the session ends, the devices that it approved are denied.
    expected = ["UPDATE", "SELECT", "BEGIN", "SELECT", "UPDATE", "UPDATE", "INSERT", "COMMIT"]
    assert [statement.split()[0] for statement in statements] == expected


def test_a_forged_token_costs_no_statement(client: Client, token: str) -> None:
    status, _, statements = ask(client, token[:-2] + ("AA" if not token.endswith("AA") else "BB"))
    assert (status, statements) == (400, [])


def test_the_compare_stands_on_the_updated_table_itself(client: Client, token: str) -> None:
    _, _, (statement,) = ask(client, token)
    assert "SELECT" not in statement.upper()


@pytest.mark.parametrize("hours", [-3, 3])
def test_clocks_of_servers_that_differ_by_hours_take_no_retry_for_a_replay(token: str, hours: int) -> None:
    client = registry()["insighta-cli"]
    right, wrong = timezone.now(), timezone.now() + timedelta(hours=hours)
    first = present(token, client=client, at=wrong).refresh_token
    assert present(token, client=client, at=right).refresh_token == first
    second = present(first, client=client, at=right).refresh_token
    assert present(first, client=client, at=wrong).refresh_token == second


def test_a_standby_is_told_apart_from_a_defect(client: Client, token: str) -> None:
    """A node that is being promoted cannot be written to for a moment: the same request succeeds afterwards."""
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
        status, answer, _ = ask(client, token, KEY)
        cursor.execute("SET default_transaction_read_only = off")
    assert (status, answer["error"]) == (503, "temporarily_unavailable")
    assert ask(client, token, KEY)[0] == 200
