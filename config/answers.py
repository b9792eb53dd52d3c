"""Answers that are whole, handed to the server in one piece."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse

from config.charsets import Application


def with_whole_answers(application: Application) -> Application:
    """Django's application, whose responses are iterators; granian passes on a list with far less to do.

    The request is over, and its connection back in the pool, before the server sends its answer.
    """

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        response = application(environ, start_response)
        if not isinstance(response, HttpResponse):
            return response
        try:
            return [response.content]
        finally:
            response.close()

    return answer
