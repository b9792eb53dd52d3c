"""The codes of answered problems beside those that the OpenAPI schema gives for their operation."""

import re
from functools import cache
from typing import Any

import httpx
from django.conf import settings

MEDIA_TYPE = "application/problem+json"
METHODS = ("get", "post", "put", "patch", "delete")
# Any HTTP API's, of requests that are none of an operation.
OF_NO_OPERATION = {"method_not_allowed", "not_acceptable"}


def check_code(*, method: str, path: str, status: int, problem: dict[str, Any]) -> None:
    """Fail where an operation of the API answers with a code that its schema does not name."""
    operation = _operation(method.lower(), path)
    if operation is not None and problem["code"] not in OF_NO_OPERATION:
        assert problem["code"] in codes_of(operation).get(status, []), f"{method} {path} answers {problem['code']}"


def check_answer(response: httpx.Response) -> None:
    """`check_code` for what processes answer, as an event hook of httpx; nothing outside of tests."""
    if settings.configured and response.headers.get("Content-Type", "").startswith(MEDIA_TYPE):
        response.read()
        request = response.request
        check_code(method=request.method, path=request.url.path, status=response.status_code, problem=response.json())


def codes_of(operation: dict[str, Any]) -> dict[int, list[str]]:
    """What an operation may be refused with, by status."""
    found = {}
    for status, answer in operation["responses"].items():
        shape = answer.get("content", {}).get(MEDIA_TYPE, {}).get("schema", {})
        if "allOf" in shape:
            found[int(status)] = shape["allOf"][1]["properties"]["code"]["enum"]
    return found


def _operation(method: str, path: str) -> dict[str, Any] | None:
    return next((one for (of, form), one in _operations() if of == method and form.fullmatch(path)), None)


@cache
def _operations() -> list[tuple[tuple[str, re.Pattern[str]], dict[str, Any]]]:
    """Operations with their method and the form of their path; those without parameters first."""
    # Programs without settings import this module, too.
    from config.http.openapi import whole_schema

    paths = sorted(whole_schema()["paths"].items(), key=lambda found: "{" in found[0])
    forms = {path: re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))) for path, _ in paths}
    return [((method, forms[path]), item[method]) for path, item in paths for method in METHODS if method in item]
