"""What outsiders write into tokens, cookies, keys, codes, cursors and zones is read or refused, and breaks nothing."""

import base64
import json
import zoneinfo
from typing import Any
from urllib.parse import quote
from uuid import UUID
from wsgiref.types import WSGIApplication

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from portal import cookies
from tests.fuzz.effort import tried
from tests.fuzz.world import KINDS, World, taken_back
from tests.tokens.in_process import make_person, now, sign_in
from tokens.policies import device_codes, personal_tokens, refresh_tokens
from tokens.policies.rotation import hash_retry_key, is_retry_key
from tokens.services.access_tokens import find_claims

KEYS = ["k" * 32, "l" * 32]
LISTS = (
    "hosts",
    "slots",
    "bookings",
    "subscriptions",
    "credit-entries",
    "pages/slots",
    "pages/bookings",
    "pages/credits",
)
PAGES = ("home", "slots", "bookings", "credits", "hosting", "deactivation")
# What HTTP lets through in a header, as WSGI gives it.
header_text = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=300)
any_text = st.one_of(st.text(max_size=400), header_text)
instants = st.sampled_from(
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30", "2026-11-24T10:00:00", "infinity", "-1"]
)
things = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), any_text, instants, st.lists(st.none(), max_size=3)
)


def altered(text: str) -> st.SearchStrategy[str]:
    """Texts that differ from this one at a place, or end early, or go on."""
    place = st.integers(0, len(text) - 1)
    swapped = st.builds(lambda at, by: text[:at] + by + text[at + 1 :], place, st.characters())
    cut, longer = place.map(lambda at: text[:at]), any_text.map(lambda more: text + more)
    return st.one_of(swapped, cut, longer).filter(lambda other: other != text)


@tried(200)
@given(
    session_id=st.uuids(),
    generation=st.integers(0, 2**32 - 1),
    secret=st.binary(min_size=32, max_size=32),
    data=st.data(),
)
def test_refresh_tokens(session_id: UUID, generation: int, secret: bytes, data: st.DataObject) -> None:
    made = refresh_tokens.make_token(session_id=session_id, generation=generation, secret=secret, key=KEYS[1])
    assert refresh_tokens.read_token(made.text, keys=KEYS) == made
    assert refresh_tokens.read_token(made.text, keys=KEYS[:1]) is None
    assert refresh_tokens.read_token(data.draw(altered(made.text)), keys=KEYS) is None
    assert refresh_tokens.read_token(data.draw(any_text), keys=KEYS) is None


@tried(200)
@given(secret=st.text(personal_tokens.ALPHABET, min_size=30, max_size=30), data=st.data())
def test_personal_access_tokens(secret: str, data: st.DataObject) -> None:
    token = personal_tokens.add_checksum(secret)
    assert personal_tokens.is_well_formed(token)
    at = data.draw(st.integers(0, len(token) - 1))
    other = token[:at] + data.draw(st.characters().filter(lambda letter: letter != token[at])) + token[at + 1 :]
    assert not personal_tokens.is_well_formed(other)
    assert not personal_tokens.is_well_formed(data.draw(any_text))


@tried(200)
@given(
    letters=st.text(device_codes.ALPHABET, min_size=8, max_size=8),
    noise=st.lists(st.sampled_from(" -_.\t\n–"), min_size=9, max_size=9),
    typed=any_text,
)
def test_user_codes(letters: str, noise: list[str], typed: str) -> None:
    shown = device_codes.format_user_code(letters)
    spoilt = "".join(gap + letter for gap, letter in zip(noise, letters.lower(), strict=False))
    assert device_codes.normalize_user_code(shown) == letters
    assert device_codes.normalize_user_code(spoilt) == letters
    read = device_codes.normalize_user_code(typed)
    assert read is None or device_codes.normalize_user_code(device_codes.format_user_code(read)) == read


@tried(200)
@given(key=any_text)
def test_retry_keys(key: str) -> None:
    assert is_retry_key(key) == (16 <= len(key) <= 255 and all("!" <= letter <= "~" for letter in key))
    if is_retry_key(key):
        assert hash_retry_key(key) == hash_retry_key(key) is not None


def test_access_tokens(db: None) -> None:
    token = sign_in(make_person("ada")).access_token
    header, payload, signature = token.split(".")
    parts = st.one_of(st.sampled_from([header, payload, signature, ""]), st.binary(max_size=60).map(_base64), any_text)
    claims = st.dictionaries(st.sampled_from(["iss", "sub", "aud", "exp", "iat", "jti", "sid", "gen", "scope"]), things)
    forged = st.builds(lambda said: f"{header}.{_base64(json.dumps(said).encode())}.{signature}", claims)

    @tried(150)
    @given(text=st.one_of(altered(token), st.lists(parts, min_size=1, max_size=4).map(".".join), forged))
    def read(text: str) -> None:
        assert find_claims(text, now=now()) is None or text.rstrip("=") == token

    assert find_claims(token, now=now()) is not None
    read()


@tried(100)
@given(value=header_text, name=st.sampled_from([cookies.ACCESS, cookies.REFRESH, cookies.NOTE, cookies.HOST, "other"]))
def test_cookies_of_the_portal(value: str, name: str) -> None:
    flow = cookies.new_flow(next_path="/slots")
    response = HttpResponse()
    cookies.set_flow(RequestFactory().get("/"), response, flow)
    request = RequestFactory().get("/")
    request.COOKIES = {flow.cookie: response.cookies[flow.cookie].value, cookies.cookie_name(name): value}
    assert cookies.find_flow(request, flow.state) == flow
    assert cookies.find_note(request) is None
    found = (cookies.find_access_token(request), cookies.find_refresh_token(request))
    assert all(token is None or token == value for token in found)
    request.COOKIES[flow.cookie] = value
    assert cookies.find_flow(request, flow.state) is None
    assert cookies.find_flow(request, value) is None


@tried(60)
@given(text=any_text)
def test_a_note_of_the_portal_comes_back_as_it_was(text: str) -> None:
    response, request = HttpResponse(), RequestFactory().get("/")
    if cookies.set_note(response, {"text": text}):
        request.COOKIES = {name: morsel.value for name, morsel in response.cookies.items()}
        assert cookies.find_note(request) == {"text": text}


@pytest.fixture
def http(application: WSGIApplication) -> Client:
    return Client(raise_request_exception=False)


def test_cookies_and_ids_of_sign_in_flows(http: Client) -> None:
    @tried(60)
    @given(flow=st.one_of(any_text, st.uuids().map(str)), cookie=header_text)
    def resume(flow: str, cookie: str) -> None:
        for path in (f"/oauth/authorize?flow={_quoted(flow)}", f"/auth/complete/github/?state={_quoted(flow)}&code=x"):
            headers = {
                "Cookie": f"insighta_flow_{flow[-12:].encode('ascii', 'ignore').decode()}={cookie}; sessionid={cookie}"
            }
            assert http.get(path, headers=headers).status_code == 400

    resume()


def test_idempotency_keys(http: Client, world: World) -> None:
    @tried(60)
    @given(key=header_text, slot_id=st.sampled_from(world.known["slot_id"]))
    def book_twice(key: str, slot_id: str) -> None:
        headers = {"Authorization": f"Bearer {world.bearers['staff']}", "Idempotency-Key": key}
        with taken_back():
            first, second = (
                http.post("/api/v1/bookings", {"slot_id": slot_id}, content_type="application/json", headers=headers)
                for _ in range(2)
            )
        assert first.status_code in {201, 400, 409}
        assert (first.status_code == 400) == (
            not 1 <= len(key) <= 255 or not all("!" <= letter <= "~" for letter in key)
        )
        if first.status_code == 201:
            assert (second.status_code, second.json()) == (201, first.json())

    book_twice()


def test_time_zones(http: Client, world: World) -> None:
    known = sorted(zoneinfo.available_timezones())

    @tried(100)
    @given(zone=st.one_of(things, st.sampled_from(known), st.sampled_from(known).flatmap(altered)))
    def move_to(zone: Any) -> None:
        headers = {"Authorization": f"Bearer {world.bearers['host']}"}
        with taken_back():
            body = json.dumps({"time_zone": zone}).encode()
            moved = http.patch("/api/v1/me", body, content_type="application/json", headers=headers)
            pages = [http.get(f"/api/v1/pages/{page}", headers=headers).status_code for page in ("home", "hosting")]
        assert moved.status_code in {200, 400}
        assert moved.status_code == 400 or zone.strip() in known
        assert pages == [200, 200]

    move_to()


def test_user_codes_in_addresses(http: Client, world: World) -> None:
    @tried(60)
    @given(code=any_text, verb=st.sampled_from(["", "/approve", "/deny"]))
    def look_up(code: str, verb: str) -> None:
        headers = {"Authorization": f"Bearer {world.bearers['client']}"}
        path = f"/api/v1/device-requests/{_quoted(code)}{verb}"
        answer = http.generic("POST" if verb else "GET", path, headers=headers)
        assert (answer.status_code, answer["Content-Type"]) in {
            (404, "application/problem+json"),
            (405, "application/problem+json"),
        }

    look_up()


@pytest.mark.parametrize("kind", KINDS)
def test_cursors(http: Client, world: World, kind: str) -> None:
    values = st.tuples(things, st.one_of(things, st.uuids().map(str)), things).map(list)
    told = st.one_of(values, things).map(lambda value: _base64(json.dumps(value).encode()))

    @tried(60)
    @given(cursor=st.one_of(told, any_text), name=st.sampled_from(LISTS))
    def turn_to(cursor: str, name: str) -> None:
        headers = {"Authorization": f"Bearer {world.bearers[kind]}"}
        assert http.get(f"/api/v1/{name}?cursor={_quoted(cursor)}", headers=headers).status_code in {200, 400}

    turn_to()


def test_questions_of_the_portals_pages(http: Client, world: World) -> None:
    names = st.sampled_from(["from", "to", "host", "open", "cursor", "when", "status", "plan", "slot", "\x00"])

    @tried(80)
    @given(
        page=st.sampled_from(PAGES),
        kind=st.sampled_from(KINDS),
        asked=st.dictionaries(names, st.one_of(any_text, instants)),
    )
    def ask(page: str, kind: str, asked: dict[str, str]) -> None:
        query = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in asked.items())
        headers = {"Authorization": f"Bearer {world.bearers[kind]}"}
        assert http.get(f"/api/v1/pages/{page}?{query}", headers=headers).status_code in {200, 400, 403}

    ask()


def _quoted(text: str) -> str:
    return quote(text.encode(errors="surrogatepass"), safe="")


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
