"""Requests that name a charset which no text can be in, answered like those that name an unknown one."""

from collections.abc import Callable, Iterable
from typing import Any

from django.utils.http import parse_header_parameters

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def with_readable_text(application: Application) -> Application:
    """The WSGI application behind a look at each request's `Content-Type`.

    Python knows codecs that are none of text (`hex`, `idna`). Django takes their names for charsets, and fails before
    its error handling begins.
    """

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        content_type = environ.get("CONTENT_TYPE", "")
        if "charset" in content_type.lower():
            media_type, parameters = parse_header_parameters(content_type)
            if not _is_of_text(parameters.get("charset", "")):
                environ["CONTENT_TYPE"] = media_type
        return application(environ, start_response)

    return answer


def _is_of_text(charset: str) -> bool:
    try:
        b"\xff".decode(charset, "replace")
    except (LookupError, ValueError):
        return False
    return True
