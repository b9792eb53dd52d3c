"""Links and codes that somebody else made or saw, and tokens that somebody else built, over the whole product."""

import base64
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from django.test import Client as Http
from django.utils import timezone
from jwt.algorithms import ECAlgorithm

from tests.accounts.github import fresh
from tests.attacks.stage import CSRF, arrive
from tests.people import CLI, HTTP, LOOPBACK, NO_CERTIFICATES, PORTAL, Browser, Pkce, Tokens, call, redeem, refresh
from tests.processes import Live
from tests.tokens.in_process import call as call_in_process
from tests.tokens.in_process import make_person, sign_in
from tests.tokens.rows import claims
from tokens.services import signing_keys

# A copy of the callback's address


def callback_of(live: Live, person: Browser) -> str:
    """The address with tokens that the backend sends this browser to, before it has gone there."""
    begun = person.get(f"{live.portal_url}/login?next=/credits")
    return str(person.follow(begun, until=f"{live.portal_url}/auth/callback").headers["location"])


def open_elsewhere(address: str, **cookies: str) -> httpx.Response:
    return HTTP.get(address, headers={"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())})


def is_nothing(answer: httpx.Response) -> bool:
    cookies = [one for one in answer.headers.get_list("set-cookie") if one.startswith(("insighta_at", "insighta_rt"))]
    return answer.status_code == 400 and not cookies


def test_a_copied_callback_address_opens_nothing_before_and_after_its_owner(live: Live) -> None:
    ada = Browser(live, fresh("ada"))
    address = callback_of(live, ada)
    assert is_nothing(open_elsewhere(address))
    assert ada.get(address).headers["location"] == "/credits"
    assert is_nothing(open_elsewhere(address))
    assert ada.get(f"{live.portal_url}/credits").status_code == 200


def test_a_copied_callback_address_opens_nothing_while_its_owner_arrives(live: Live) -> None:
    ada = Browser(live, fresh("ada"))
    address, start = callback_of(live, ada), threading.Barrier(9)

    def steal(_: int) -> bool:
        start.wait()
        return is_nothing(open_elsewhere(address))

    with ThreadPoolExecutor(8) as thieves:
        stolen = thieves.map(steal, range(8))
        start.wait()
        assert ada.get(address).headers["location"] == "/credits"
        assert all(stolen)
    assert ada.get(f"{live.portal_url}/credits").status_code == 200


def test_a_flow_of_ones_own_does_not_open_somebody_elses_callback_address(live: Live) -> None:
    """Mallory has begun, too: neither her cookie with Ada's address nor her state with Ada's tokens fits."""
    ada, mallory = Browser(live, fresh("ada")), Browser(live, fresh("mallory"))
    address, own = callback_of(live, ada), callback_of(live, mallory)
    flow = {name: value for name, value in mallory.http.cookies.items() if "flow" in name and value}
    assert is_nothing(open_elsewhere(address, **flow))
    seen, mine = (dict(parse_qsl(urlsplit(one).query)) for one in (address, own))
    mixed = f"{live.portal_url}/auth/callback?{urlencode(seen | {'state': mine['state']})}"
    assert is_nothing(open_elsewhere(mixed, **flow))
    assert ada.get(address).headers["location"] == "/credits"


def test_a_link_with_tokens_signs_no_victim_in_as_its_author(live: Live) -> None:
    """Login CSRF: the victim is nobody, is somebody, and is in the middle of a sign-in of their own."""
    mallory, ada = Browser(live, fresh("mallory")), Browser(live, fresh("ada"))
    link = callback_of(live, mallory)
    assert is_nothing(open_elsewhere(link))
    assert is_nothing(open_elsewhere(link, **arrive(live, ada.login)))
    own = callback_of(live, ada)
    assert is_nothing(ada.get(link))
    assert ada.get(own).headers["location"] == "/credits"
    assert call(live, "/me", ada.http.cookies["insighta_at"]).json()["login"] == ada.login


@pytest.mark.parametrize(
    "change", [{"iss": "https://evil.example"}, {"iss": ""}, {"state": ""}, {"state": "x" * 43}, {"rt": ""}]
)
def test_an_answer_of_another_server_is_none_of_ours(live: Live, change: dict[str, str]) -> None:
    """Mix-up (RFC 9207): the tokens go back to nobody, and the sign-in can be begun again."""
    ada = Browser(live, fresh("ada"))
    given = dict(parse_qsl(urlsplit(callback_of(live, ada)).query))
    assert is_nothing(ada.get(f"{live.portal_url}/auth/callback?{urlencode(given | change)}"))
    assert "insighta_rt" not in ada.http.cookies


def test_a_code_of_mallorys_in_adas_answer_signs_ada_in_as_nobody(live: Live) -> None:
    """Code injection: the code belongs to another challenge than the verifier in Ada's terminal."""
    mallorys, adas = Pkce(), Pkce()
    code = Browser(live, fresh("mallory")).answer(pkce=mallorys)["code"]
    refused = redeem(live, code, adas)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    portals = Browser(live, fresh("mallory")).answer(PORTAL, response_type="code", pkce=mallorys)["code"]
    assert redeem(live, portals, mallorys).json()["error"] == "invalid_grant"


def test_a_terminals_and_the_portals_refresh_tokens_are_not_interchanged(live: Live) -> None:
    """Each client's token is unknown to the other one, and trying ends nothing."""
    person = Browser(live, fresh("ada"))
    terminal, portal = person.sign_in(CLI), person.sign_in(PORTAL)
    assert refresh(live, terminal.refresh, client_id=PORTAL).json()["error"] == "invalid_grant"
    assert refresh(live, portal.refresh, client_id=CLI).json()["error"] == "invalid_grant"
    assert Tokens.of(refresh(live, terminal.refresh))
    assert Tokens.of(refresh(live, portal.refresh, client_id=PORTAL))


def test_an_approval_belongs_to_the_browser_that_saw_the_page(live: Live) -> None:
    """A forged link cannot carry the flow of Mallory's terminal into Ada's browser to be approved there."""
    mallory, ada = Browser(live, fresh("mallory")), Browser(live, fresh("ada"))
    page = mallory.follow(mallory.authorize(), until=LOOPBACK)
    flow = re.search(r'name="flow" value="([^"]+)"', page.text)
    assert flow
    assert ada.get(f"{live.backend_url}/oauth/authorize?flow={flow[1]}").status_code == 400


# Redirects


NOWHERE = [
    "https://evil.example", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
    "/\t/evil.example", "/\n/evil.example", "\t//evil.example", " //evil.example", "https:evil.example",
    "https:/evil.example", "http:\\\\evil", "JaVaScRiPt:alert(1)", "data:text/html,x", "/%0d%0aSet-Cookie:x=1",
    "/\r\nSet-Cookie: x=1", "//evil%E3%80%82example", "/@evil.example", "//localhost@evil.example", "/.evil.example",
    "//[::1", "/;@evil.example", "\uff0f\uff0fevil.example", "/" + "a" * 5000, "//evil.example:80\\@localhost",
]  # fmt: skip


@pytest.fixture(scope="module")
def adas_cookies(live: Live) -> dict[str, str]:
    return arrive(live, fresh("ada"))


def leads_away(live: Live, answer: httpx.Response) -> bool:
    """Whether a browser would leave the portal, by the rules of browsers: a backslash is a slash, a tab is nothing."""
    target = re.sub(r"[\t\r\n]", "", answer.headers.get("location", "")).replace("\\", "/").strip()
    there = urlsplit(target)
    return bool(there.scheme or there.netloc) and not target.startswith(f"{live.portal_url}/")


@pytest.mark.parametrize("path", NOWHERE, ids=lambda path: ascii(path[:24]))
def test_no_parameter_leads_out_of_the_portal(live: Live, adas_cookies: dict[str, str], path: str) -> None:
    with httpx.Client(base_url=live.portal_url, timeout=120, verify=NO_CERTIFICATES) as ada:
        for name, value in (adas_cookies | {"insighta_csrf": CSRF}).items():
            ada.cookies.set(name, value, domain="localhost.local", path="/")
        given = {"next": path, "return": path, "url": path, "notice": path, "reason": path}
        answers = [ada.get("/signed-out", params=given), ada.get("/logout", params=given), ada.get("/", params=given)]
        form = {"csrfmiddlewaretoken": CSRF, "time_zone": "UTC"}
        answers.append(ada.post("/settings/time-zone", data=form | {"next": path}))
    for answer in answers:
        assert not leads_away(live, answer)
        assert answer.status_code < 500
        assert "x" not in answer.cookies


def test_after_a_sign_in_nobody_is_led_out_either(live: Live) -> None:
    """The wish travels through the flow's signed cookie; here all of them, one after the other."""
    ada = Browser(live, fresh("ada"))
    for path in NOWHERE[:12]:
        begun = ada.http.get(f"{live.portal_url}/login", params={"next": path})
        arrived = ada.get(ada.follow(begun, until=f"{live.portal_url}/auth/callback").headers["location"])
        assert arrived.headers["location"] == "/", path


# Tokens that were built


HEADERS: list[dict[str, Any]] = [
    {"crit": ["exp"]}, {"crit": ["b64"], "b64": False}, {"b64": False}, {"alg": "ES384"}, {"alg": "HS256"},
    {"alg": "None"}, {"alg": "nOnE"}, {"alg": ["ES256"]}, {"alg": None}, {"typ": "JWT"}, {"typ": "dpop+jwt"},
    {"kid": None}, {"kid": ["x"]}, {"kid": "x", "jku": "https://evil.example/jwks.json"},
    {"kid": "x", "x5u": "https://evil.example/cert.pem"}, {"kid": "x", "x5c": ["MIIB"]}, {"zip": "DEF"}, {"cty": "JWT"},
]  # fmt: skip
# The signature covers the header, so these are signed with our own key: what is refused is refused for what it says.
TOLERATED = [{"zip": "DEF"}, {"cty": "JWT"}]


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize("header", HEADERS, ids=str)
def test_a_header_chooses_neither_key_nor_algorithm(client: Http, db: None, header: dict[str, Any]) -> None:
    token = sign_in(make_person("ada")).access_token
    key = signing_keys.active_key(now=timezone.now())
    said = {"alg": "ES256", "typ": "at+jwt", "kid": key.kid} | header
    body = f"{_part(said)}.{token.split('.')[1]}"
    assert isinstance(key.private_key, EllipticCurvePrivateKey)
    signature = ECAlgorithm(ECAlgorithm.SHA256).sign(body.encode(), key.private_key)
    built = f"{body}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
    expected = 200 if header in TOLERATED else 401
    assert call_in_process(client, "/me", built).status_code == expected


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
def test_a_key_that_comes_along_signs_nothing(client: Http, db: None, name: str) -> None:
    token, own = sign_in(make_person("ada")).access_token, ec.generate_private_key(ec.SECP256R1())
    public = ECAlgorithm.to_jwk(own.public_key(), as_dict=True)
    along: Any = {"jwk": public, "jku": "https://evil.example/k", "x5u": "https://evil.example/c", "x5c": ["MIIB"]}[
        name
    ]
    for kid in (str(jwt.get_unverified_header(token)["kid"]), "evil"):
        built = jwt.encode(claims(token), own, "ES256", headers={"typ": "at+jwt", "kid": kid, name: along})
        assert call_in_process(client, "/me", built).status_code == 401
