import json
from dataclasses import dataclass, field
from email.message import Message
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit


class NoResponse(Exception):
    """Close the connection without a response."""


@dataclass(frozen=True)
class Request:
    """`now` is the time of arrival, in seconds of a monotonic clock."""

    method: str
    target: str
    headers: "Message[str, str]"
    body: bytes
    now: float

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def is_json(self) -> bool:
        return self.headers.get("Content-Type", "").split(";")[0].strip() == "application/json"

    @property
    def fields(self) -> dict[str, str]:
        """The fields of a JSON or form body as text; empty if it is malformed."""
        try:
            if self.is_json:
                return {name: str(value) for name, value in self.json().items()}
            return dict(parse_qsl(self.body.decode(), keep_blank_values=True))
        except ValueError:
            return {}

    def json(self) -> dict[str, object]:
        """The JSON object of the body. Raises ValueError if there is none."""
        value = json.loads(self.body or b"{}")
        if not isinstance(value, dict):
            raise ValueError("The body must be a JSON object.")
        return value

    def cookie(self, name: str) -> str:
        try:
            morsel = SimpleCookie(self.headers.get("Cookie", "")).get(name)
        except CookieError:
            return ""
        return morsel.value if morsel else ""

    @property
    def token(self) -> str:
        """The token of `Authorization: Bearer …` or `token …`, or an empty string."""
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token.strip() if scheme.lower() in {"bearer", "token"} else ""


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


def json_response(value: object, status: int = 200, *, headers: dict[str, str] | None = None) -> Response:
    return Response(status, json.dumps(value).encode(), "application/json; charset=utf-8", headers or {})


def page(html: str, status: int = 200) -> Response:
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
    return Response(status, html.encode(), "text/html; charset=utf-8", {"Content-Security-Policy": policy})


def redirect(uri: str, parameters: dict[str, str], *, headers: dict[str, str] | None = None) -> Response:
    joint = "&" if urlsplit(uri).query else "?"
    return Response(302, headers={"Location": uri + joint + urlencode(parameters), **(headers or {})})
