import hmac
import ipaddress
import os
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from config.observability.metrics.multiprocess import VARIABLE

# A proxy on this machine connects from loopback too; these headers show that it forwards a request.
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via")


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text format: the sums over this server's workers, and `METRICS_COLLECTORS`.

    401 without the bearer token `METRICS_TOKEN`; where none is set, 403 for other machines.
    """
    if settings.METRICS_TOKEN and not _has_token(request):
        return _refuse(HTTPStatus.UNAUTHORIZED, "Send METRICS_TOKEN as a bearer token.")
    if not (settings.METRICS_TOKEN or settings.DEBUG or _is_local(request)):
        return _refuse(HTTPStatus.FORBIDDEN, "Without METRICS_TOKEN the metrics are for this machine only.")
    return HttpResponse(generate_latest(_registry()), content_type=CONTENT_TYPE_LATEST)


def _has_token(request: HttpRequest) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    same = hmac.compare_digest(given.strip().encode(errors="surrogatepass"), settings.METRICS_TOKEN.encode())
    return scheme.lower() == "bearer" and same


def _is_local(request: HttpRequest) -> bool:
    """Whether the caller is a program on this machine and no proxy."""
    try:
        peer = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    return peer.is_loopback and not any(name in request.headers for name in _FORWARDED)


def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    if VARIABLE in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the package leaves it untyped
    else:
        registry.register(REGISTRY)
    for path in settings.METRICS_COLLECTORS:
        registry.register(import_string(path)())
    return registry


def _refuse(status: HTTPStatus, sentence: str) -> HttpResponse:
    headers = {"WWW-Authenticate": 'Bearer realm="metrics"'} if status == HTTPStatus.UNAUTHORIZED else {}
    return HttpResponse(f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8", headers=headers)
