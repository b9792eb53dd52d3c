import re
import socket
import time

import pytest

from tests.config.checkout import Checkout
from tests.people import HTTP
from tests.processes import wait_until


def test_a_fresh_clone_starts_without_a_warning_keeps_its_data_and_always_stops_whole(checkout: Checkout) -> None:
    """In one clone, because each start of everything takes seconds."""
    checkout.start()
    look_at_everything(checkout)
    checkout.execute("CREATE TABLE kept AS SELECT 'here' AS word")
    checkout.press_ctrl_c()

    # One process dies.
    checkout.start()
    assert checkout.execute("SELECT word FROM kept") == "here"
    checkout.kill(rf"granian.*{checkout.ports['PORTAL_PORT']}")
    assert checkout.make.wait(timeout=120) != 0
    assert "The process 'portal' ended by SIGKILL, so everything stops." in checkout.text()
    checkout.wait_until_gone()

    # The supervisor dies and takes the servers along. PostgreSQL outlives it; in the worst case it is killed as well.
    checkout.start()
    checkout.kill(r"-m config\.development")
    checkout.make.wait(timeout=120)
    checkout.wait_until_gone("granian|sandbox|procrastinate|config.development.preparation")
    checkout.kill(r"postgres -D")

    # The next start recovers. make dies.
    checkout.start()
    assert checkout.execute("SELECT word FROM kept") == "here"
    checkout.make.kill()
    checkout.wait_until_gone()


def look_at_everything(checkout: Checkout) -> None:
    """All answers, and nothing of what was printed is a complaint."""
    portal = f"http://localhost:{checkout.ports['PORTAL_PORT']}"
    stand_in = f"http://127.0.0.1:{checkout.ports['GITHUB_PORT']}"
    for address in (portal, checkout.backend, stand_in):
        assert address in checkout.text()
    assert HTTP.get(f"{portal}/healthz").status_code == 200
    assert "GitHub stand-in" in HTTP.get(stand_in).text
    wait_until(lambda: bool(re.search(r"^worker  \| ", checkout.text(), re.MULTILINE)), tell=checkout.text)
    complaints = re.compile(r"warning|error|traceback|not ready|unavailable", re.IGNORECASE)
    assert not complaints.search(checkout.text()), checkout.text()


@pytest.mark.alone
def test_the_second_start_takes_at_most_five_seconds(checkout: Checkout) -> None:
    checkout.start()
    checkout.press_ctrl_c()
    began = time.monotonic()
    checkout.start()
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("variable", ["BACKEND_PORT", "PORTAL_PORT", "GITHUB_PORT"])
def test_a_busy_port_is_one_line_that_names_the_variable(checkout: Checkout, variable: str) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = checkout.refuse(**{variable: port})
    assert said.startswith(f"Port {port} is in use. Set {variable} to a free one, for example: {variable}=")
    assert said.endswith(" make run\n")
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
    assert checkout.refuse(**settings).startswith(sentence)


def test_the_env_file_is_read_and_the_environment_wins(checkout: Checkout) -> None:
    (checkout.path / ".env").write_text("REGISTRATION=closed\nPORTAL_PORT=none\n")
    assert checkout.refuse() == "REGISTRATION must be 'open' or 'approval', not 'closed'.\n"
