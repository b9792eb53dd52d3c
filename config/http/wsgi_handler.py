from collections.abc import Iterable
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.utils.http import parse_header_parameters


class Handler(WSGIHandler):
    """Django's WSGI application, with two differences at its edges.

    A complete response is closed and returned as a list of one chunk: granian spends a third less processor time on it
    than on an iterator, and the database connection is back in the pool before the response is sent.

    A charset that names a codec but no text encoding (`hex`) is ignored, as Django ignores an unknown one. Django would
    fail on it before its error handling begins.
    """

    def __call__(  # type: ignore[override]  # django-stubs declares a response; WSGI needs any iterable
        self, environ: dict[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        _ignore_unusable_charset(environ)
        response = super().__call__(environ, start_response)
        if not isinstance(response, HttpResponse):
            return response
        try:
            return [response.content]
        finally:
            response.close()


def _ignore_unusable_charset(environ: dict[str, Any]) -> None:
    content_type = environ.get("CONTENT_TYPE", "")
    if "charset" not in content_type.lower():
        return
    media_type, parameters = parse_header_parameters(content_type)
    try:
        b"\xff".decode(parameters.get("charset", ""), "replace")
    except (LookupError, ValueError):
        environ["CONTENT_TYPE"] = media_type
