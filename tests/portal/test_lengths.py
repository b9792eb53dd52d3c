"""Parameters and form fields of every length and encoding, at the portal: a page, never a 500."""

import httpx
import pytest

from tests.portal.conftest import Portal, post

LENGTHS = (1, 64, 65, 1000, 1001, 10_000, 60_000)
ODD = [
    "%00",
    "%0d%0aX-Injected:+yes",
    "%1b",
    "%ff%fe",
    "%ed%a0%80",
    "%",
    "%zz",
    "%c3%a9" * 999,
    "/" + "%22" * 999,
]
PARAMETERS = {
    "/login": ["next", "switch", "unknown"],
    "/auth/callback": ["state", "iss", "at", "rt", "code", "error", "error_description"],
    "/signed-out": ["next", "was", "reason"],
    "/device": ["user_code", "notice"],
    "/logout": ["next"],
}


@pytest.mark.parametrize("path", PARAMETERS)
def test_every_parameter_takes_every_length(portal: Portal, ada: httpx.Client, path: str) -> None:
    for name in PARAMETERS[path]:
        for value in [*("/" + "x" * (length - 1) for length in LENGTHS), *ODD]:
            for browser in (ada, portal.browser()):
                answer = browser.get(f"{path}?{name}={value}")
                assert answer.status_code < 500, (name, value[:20])
                assert "X-Injected" not in answer.headers
                assert all(len(cookie) < 4096 for cookie in answer.headers.get_list("Set-Cookie"))


@pytest.mark.parametrize(("path", "name"), [("/device", "user_code"), ("/device", "decision")])
def test_every_field_takes_every_length(ada: httpx.Client, path: str, name: str) -> None:
    for length in LENGTHS:
        assert post(ada, path, **({"user_code": "x", "decision": "x"} | {name: "x" * length})).status_code < 500
