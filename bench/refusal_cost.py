"""`python -m bench.refusal_cost` prints the processor time of a refusal and of the cheapest answer, as JSON."""

import io
import json
import sys
import time
from typing import Any


def main() -> None:
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application

    from config.http.load_shedding import shed_load

    application = get_wsgi_application()
    settings.REQUESTS_AT_ONCE = settings.REQUESTS_WAITING = 0
    shedding = shed_load(application)
    costs = {"answer": _cost(shedding, "/healthz", "200"), "refusal": _cost(shedding, "/api/v1/me", "503")}
    sys.stdout.write(json.dumps(costs))


def _cost(application: Any, path: str, status: str) -> float:
    """Seconds of a hundred requests, the least of five times."""
    return min(_seconds(application, path, status) for _ in range(5))


def _seconds(application: Any, path: str, status: str) -> float:
    began = time.thread_time()
    for _ in range(100):
        lines: list[str] = []
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO()}
        environ |= {"SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "HTTP_HOST": "127.0.0.1"}
        application(environ, lambda line, headers, lines=lines: lines.append(line))
        if not lines[0].startswith(status):
            raise RuntimeError(f"{path} was answered with {lines[0]}")
    return time.thread_time() - began


if __name__ == "__main__":
    main()
