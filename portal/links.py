import json
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID

from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

LONGEST_PATH = 1000


def url(name: str, *args: object, **query: str | None) -> str:
    """The address of the portal's page of that name, with the parameters that are not empty."""
    return with_query(_path(name, args), **query)


@lru_cache(maxsize=4096)
def _path(name: str, args: tuple[object, ...]) -> str:
    """A page has sixty links, and pages have the same ones over and over."""
    return reverse(name, args=args)


def with_query(path: str, **query: str | None) -> str:
    """`path` with the parameters that are not empty."""
    given = {name: value for name, value in query.items() if value}
    if not given:
        return path
    return f"{path}{'&' if '?' in path else '?'}{urlencode(given)}"


def local_path(value: str | None) -> str:
    """`value` if it is a path of this portal that a cookie can hold, else the start page."""
    if not value or not value.startswith("/") or len(json.dumps(value)) > LONGEST_PATH:
        return reverse("home")
    return value if url_has_allowed_host_and_scheme(value, allowed_hosts=None) else reverse("home")


def cursor_after(page: dict[str, Any]) -> str:
    """The cursor of the page that follows a list of the API; empty at the end."""
    query = parse_qs(urlsplit(page["next"] or "").query)
    return query.get("cursor", [""])[0]


def read_uuid(value: str | None) -> str:
    """`value` as a UUID is written; empty when it is none."""
    try:
        return str(UUID(value or ""))
    except ValueError:
        return ""
