import os
import signal
import socket

import httpx
import psycopg
import pytest

from config.embedded_postgres import _socket_directory
from tests.config.checkout import Checkout


def test_a_fresh_clone_starts_shows_its_addresses_and_leaves_only_data(checkout: Checkout) -> None:
    checkout.start()
    shown = checkout.wait_for("Sign in from a terminal")
    portal = f"http://localhost:{checkout.ports['PORTAL_PORT']}"
    stand_in = f"http://127.0.0.1:{checkout.ports['GITHUB_PORT']}"
    for address in (portal, checkout.backend, stand_in):
        assert address in shown
    assert httpx.get(f"{portal}/healthz").status_code == 200
    assert "GitHub stand-in" in httpx.get(stand_in).text
    checkout.wait_for("worker  |")
    assert len(checkout.processes()) > len(checkout.ports)

    checkout.press_ctrl_c()
    checkout.wait_until_gone()
    assert (checkout.path / ".local/postgres/PG_VERSION").exists()


@pytest.mark.alone
def test_the_second_start_keeps_the_data_and_answers_within_five_seconds(checkout: Checkout) -> None:
    checkout.start()
    execute(checkout, "CREATE TABLE kept AS SELECT 'here' AS word")
    checkout.press_ctrl_c()

    # The promise is about a machine that does nothing else; other work on it takes its share.
    share = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    seconds = checkout.start()
    assert execute(checkout, "SELECT word FROM kept") == "here"
    assert seconds < 5 * share


def test_killing_the_supervisor_takes_the_servers_along_and_the_next_run_recovers(checkout: Checkout) -> None:
    checkout.start()
    os.kill(checkout.find_process(r"-m config\.development"), signal.SIGKILL)
    checkout.make.wait(timeout=60)
    checkout.wait_until_gone("granian|sandbox|procrastinate|config.preparation")

    # PostgreSQL outlives it unharmed; in the worst case it was killed as well.
    os.kill(checkout.find_process(r"postgres -D"), signal.SIGKILL)
    checkout.start()
    checkout.press_ctrl_c()
    checkout.wait_until_gone()


def test_one_process_that_dies_stops_all_and_is_named(checkout: Checkout) -> None:
    checkout.start()
    checkout.wait_for("Sign in from a terminal")
    os.kill(checkout.find_process(rf"granian.*{checkout.ports['PORTAL_PORT']}"), signal.SIGKILL)
    assert checkout.make.wait(timeout=60) != 0
    assert "The process 'portal' ended by SIGKILL, so everything stops." in checkout.text()
    checkout.wait_until_gone()


def test_killing_make_stops_everything(checkout: Checkout) -> None:
    checkout.start()
    checkout.make.kill()
    checkout.wait_until_gone()


@pytest.mark.parametrize("variable", ["BACKEND_PORT", "PORTAL_PORT", "GITHUB_PORT"])
def test_a_busy_port_is_one_line_that_names_the_variable(checkout: Checkout, variable: str) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = checkout.refuse(**{variable: port})
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"Port {port} is in use. Set {variable} to a free one, for example: {variable}=")
    assert done.stderr.endswith(" make run\n")
    assert not (checkout.path / ".local").exists()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"BACKEND_PORT": "9000", "PORTAL_PORT": "9000"}, "BACKEND_PORT and PORTAL_PORT are both 9000."),
        ({"PORTAL_PORT": "none"}, "PORTAL_PORT must be a number, not 'none'."),
        ({"GITHUB_PORT": "70000"}, "Port 70000 does not exist. Set GITHUB_PORT"),
        ({"GITHUB_CLIENT_ID": "mine"}, "GITHUB_CLIENT_SECRET is not set. Register a GitHub OAuth app"),
        ({"DEBUG": "false"}, "SECRET_KEY is not set."),
    ],
)
def test_settings_that_cannot_work_are_one_line(checkout: Checkout, settings: dict[str, str], sentence: str) -> None:
    done = checkout.refuse(**settings)
    assert done.returncode == 1
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1


def test_the_env_file_is_read_and_the_environment_wins(checkout: Checkout) -> None:
    (checkout.path / ".env").write_text("REGISTRATION=closed\nPORTAL_PORT=none\n")
    done = checkout.refuse()
    assert done.stderr == "REGISTRATION must be 'open' or 'approval', not 'closed'.\n"


def execute(checkout: Checkout, statement: str) -> object:
    directory = _socket_directory(checkout.path / ".local/postgres")
    with psycopg.connect(host=str(directory), user="postgres", autocommit=True) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None
