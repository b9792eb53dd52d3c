"""Requests to the OAuth endpoints that no client should be able to do anything with, made from good ones and a seed."""

import base64
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any
from urllib.parse import quote
from wsgiref.types import WSGIApplication

from tests.people import CLI, LOOPBACK, PORTAL, PORTAL_SECRET

FORM = "application/x-www-form-urlencoded"
BASIC = "Basic " + base64.b64encode(f"{PORTAL}:{PORTAL_SECRET}".encode()).decode()


@dataclass(frozen=True)
class Request:
    """A request; `required` names the fields without which it means nothing."""

    method: str
    path: str
    fields: tuple[tuple[str, bytes], ...]
    required: tuple[str, ...]
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = FORM
    body: bytes | None = None  # instead of the fields
    broken_by: tuple[str, ...] = field(default=())

    def encoded(self) -> bytes:
        """The form's fields, or the body that stands in their place."""
        pairs = (quote(name).encode() + b"=" + value for name, value in self.fields)
        return b"&".join(pairs) if self.body is None else self.body


def good_requests(*, refresh_token: str, code: str, device_code: str, access_token: str) -> list[Request]:
    """One of each kind; with live credentials in them, so that one which is taken for good is seen to do something."""
    challenge = base64.urlsafe_b64encode(bytes(32)).rstrip(b"=")
    authorize = {
        "response_type": "code",
        "client_id": CLI,
        "redirect_uri": LOOPBACK,
        "state": "s" * 22,
        "code_challenge": challenge.decode(),
        "code_challenge_method": "S256",
    }
    grants = [
        {"grant_type": "refresh_token", "refresh_token": refresh_token},
        {"grant_type": "authorization_code", "code": code, "redirect_uri": LOOPBACK, "code_verifier": "v" * 43},
        {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": device_code},
    ]
    asked = [
        _form("/oauth/token", {"client_id": CLI} | grants[0]),
        _form("/oauth/token", {"client_id": CLI} | grants[1]),
        _form("/oauth/token", {"client_id": CLI} | grants[2]),
        _form("/oauth/revoke", {"client_id": CLI, "token": access_token}),
        _form("/oauth/revoke", {"client_id": CLI, "token": refresh_token}),
        _form("/oauth/device_authorization", {"client_id": CLI}),
        replace(_form("/oauth/introspect", {"token": access_token}), headers=(("Authorization", BASIC),)),
    ]
    return [*asked, *(replace(_form("/oauth/authorize", authorize), method=method) for method in ("GET", "POST"))]


def malformed(good: list[Request], *, number: int, seed: int) -> list[Request]:
    """So many requests, each broken in one to three ways."""
    chance = random.Random(seed)
    made = []
    for place in range(number):
        request = good[place % len(good)]
        for _ in range(chance.choice([1, 1, 2, 3])):
            name = chance.choice(list(BREAKERS))
            request = replace(BREAKERS[name](request, chance), broken_by=(*request.broken_by, name))
        made.append(request)
    return made


def send(application: WSGIApplication, request: Request) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body, without a socket between."""
    in_query = request.method in {"GET", "HEAD"} and request.path == "/oauth/authorize" and request.body is None
    content = b"" if in_query else request.encoded()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": request.path,
        "QUERY_STRING": request.encoded().decode("latin-1") if in_query else "",
        "CONTENT_TYPE": request.content_type,
        "CONTENT_LENGTH": str(len(content)),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": BytesIO(content),
        "wsgi.url_scheme": "http",
        "wsgi.errors": BytesIO(),
    } | {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers}
    answered: list[Any] = []
    start_response: Any = lambda status, headers, *_: answered.extend((status, headers))  # noqa: E731  # short and local
    response = application(environ, start_response)
    body = b"".join(response)
    getattr(response, "close", lambda: None)()
    return int(answered[0].split()[0]), dict(answered[1]), body


def _form(path: str, fields: dict[str, str]) -> Request:
    pairs = tuple((name, quote(value).encode()) for name, value in fields.items())
    return Request("POST", path, pairs, tuple(name for name in fields if name != "state"))


# Each of these alone makes the request one that must not do anything. A header holds only what a server lets through.


Breaker = Callable[[Request, random.Random], Request]


def _of_value(change: Callable[[bytes, random.Random], bytes]) -> Breaker:
    """Breaks the value of a field that is needed."""

    def break_value(request: Request, chance: random.Random) -> Request:
        name = chance.choice(request.required)
        return replace(request, fields=tuple((n, change(v, chance) if n == name else v) for n, v in request.fields))

    return break_value


WRONG_BYTES = [b"%ff%fe", b"\xff\xfe", b"%c0%af", b"%ed%a0%80", b"%f8%88%80%80%80", b"%u0041", b"%e2%80%ae", b"%F0%9F"]
BROKEN_PERCENT = [b"%", b"%z", b"%%", b"%2", b"%G1", b"%-1"]
OTHER_TYPES = [b"null", b"true", b"[]", b"{}", b"-1", b"0", b"9" * 400, b"1e999", b"NaN", b"undefined", b"%0d%0aX:1"]
OF_VALUES: dict[str, Breaker] = {
    "empty": _of_value(lambda value, chance: b""),
    "nul": _of_value(lambda value, chance: value[:3] + chance.choice([b"%00", b"\0"]) + value[3:]),
    "wrong_bytes": _of_value(lambda value, chance: value + chance.choice(WRONG_BYTES)),
    "broken_percent": _of_value(lambda value, chance: value + chance.choice(BROKEN_PERCENT)),
    "overlong": _of_value(lambda value, chance: (value or b"a")[:1000] * chance.choice([50, 500, 5000])),
    "another_type": _of_value(lambda value, chance: chance.choice(OTHER_TYPES)),
}


def _missing(request: Request, chance: random.Random) -> Request:
    name = chance.choice(request.required)
    return replace(request, fields=tuple(pair for pair in request.fields if pair[0] != name))


def _doubled(request: Request, chance: random.Random) -> Request:
    name = chance.choice(request.required)
    twice = tuple(pair for pair in request.fields if pair[0] == name)
    return replace(request, fields=request.fields + (twice or ((name, b"x"), (name, b"y"))))


def _renamed(request: Request, chance: random.Random) -> Request:
    name = chance.choice(request.required)
    other = chance.choice([f"{name}[]", name.upper(), f" {name}", f"{name}\0", f"{name}.0"])
    return replace(request, fields=tuple((other if n == name else n, v) for n, v in request.fields))


def _as_json(request: Request, chance: random.Random) -> Request:
    fields = {name: value.decode("latin-1") for name, value in request.fields}
    bodies = [json.dumps(fields), json.dumps([fields]), json.dumps(fields)[:-1], "[" * 10_000, "1" * 5000, '"\\ud800"']
    return replace(request, body=chance.choice(bodies).encode(), content_type=chance.choice(["application/json", FORM]))


def _wrong_content_type(request: Request, chance: random.Random) -> Request:
    types = "|text/plain|application/xml|/|;;;|image/png|application/json|*/*|text/x;=".split("|")
    return replace(_unsent(request), content_type=chance.choice([*types, "a" * 3000]))


def _wrong_charset(request: Request, chance: random.Random) -> Request:
    names = "|utf-7|utf-16|latin-1|rot13|hex|no-such|idna|utf-8-sig|zlib|undefined".split("|")
    return replace(_unsent(request), content_type=f"{FORM}; charset={chance.choice(names)}")


def _broken_multipart(request: Request, chance: random.Random) -> Request:
    name, value = chance.choice(request.fields or (("x", b"y"),))
    part = b'--b\r\nContent-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n' + value
    bodies = [part, part + b"\r\n--b", b"--b--", b"", part[:20], b"\r\n" * 50, part.replace(b"form-data", b"\xff")]
    kinds = [
        "boundary=b",
        "",
        "boundary=",
        "boundary=" + "b" * 300,
        'boundary="b',
        "boundary=\xe9",
        "boundary=b; boundary=c",
    ]
    content_type = f"multipart/form-data; {chance.choice(kinds)}".strip("; ")
    return replace(request, body=chance.choice(bodies), content_type=content_type)


def _wrong_method(request: Request, chance: random.Random) -> Request:
    others = ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "BREW", "get", "", "P" * 400]
    if request.path != "/oauth/authorize":
        others.append("GET")
    return replace(_unsent(request), method=chance.choice(others))


def _broken_authorization(request: Request, chance: random.Random) -> Request:
    def basic(pair: bytes) -> str:
        return "Basic " + base64.b64encode(pair).decode()

    values = [
        "Basic", "Basic ", "Basic !", "basic Og==", "Basic " + "A" * 9000, basic(b"\xff:\xfe"), basic(b"no colon"),
        basic(PORTAL.encode() + b":wrong"), basic(b":"), basic(b"%00:%00"), "Bearer x", "Digest a=b", "\xff\xfe",
        basic(f"{PORTAL}:{PORTAL_SECRET}".encode() * 2), basic(b"a:b:c"), "Bearer " + "eyJ" * 3000, basic(b"%:%zz"),
    ]  # fmt: skip
    return replace(_unsent(request), headers=(("Authorization", chance.choice(values)),))


def _flooded(request: Request, chance: random.Random) -> Request:
    filler = chance.choice([b"&a=1" * 120, b"&" + b"a" * 70_000, b"&=" * 200])
    return replace(_unsent(request), body=request.encoded() + filler)


def _headers_of_nonsense(request: Request, chance: random.Random) -> Request:
    """Beside a field that is missing: these headers alone may go with a good request."""
    values = ["", "\xff" * 40, "a" * 20_000, "'; DROP TABLE x; --", "%n%s", "${jndi:x}", "-1", "\xe9 \t"]
    names = "Idempotency-Key Cookie User-Agent Accept-Language Origin X-Request-ID X-Forwarded-For X-Forwarded-Host"
    noise = tuple((chance.choice(names.split()), chance.choice(values)) for _ in range(3))
    return replace(_missing(_unsent(request), chance), headers=request.headers + noise)


def _forged_host(request: Request, chance: random.Random) -> Request:
    """Alone it is enough: whoever asks at a name that is not ours has been led here by somebody else."""
    values = [
        "evil.example", "localhost.evil.example", "localhost@evil.example", "localhost:80@evil.example", "[::1", "",
        "localhost/", "localhost, evil.example", "localhost\0", "evil.example:80", "a" * 5000, "\xff",
    ]  # fmt: skip
    return replace(request, headers=(*request.headers, ("Host", chance.choice(values))))


def _unsent(request: Request) -> Request:
    """The request without a field that it needs, so that what is broken besides cannot be forgiven."""
    return replace(request, fields=tuple(pair for pair in request.fields if pair[0] != request.required[0]))


BREAKERS: dict[str, Breaker] = OF_VALUES | {
    breaker.__name__.strip("_"): breaker
    for breaker in (
        _missing, _doubled, _renamed, _as_json, _wrong_content_type, _wrong_charset, _broken_multipart, _wrong_method,
        _broken_authorization, _flooded, _headers_of_nonsense, _forged_host,
    )
}  # fmt: skip
