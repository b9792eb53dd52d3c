from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from bookings.errors import NotFound
from bookings.services import mail_choices


@never_cache
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def stop_mails(request: HttpRequest, kind: str, secret: str) -> HttpResponse:
    """Ask, or with POST stop mails of that kind. The address is the permission: no cookie is looked at (RFC 8058)."""
    context: dict[str, object] = {"kind": kind, "is_stopped": request.method == "POST", "is_known": True}
    try:
        if request.method == "POST":
            mail_choices.stop_mails(kind=kind, secret=secret)
        else:
            mail_choices.find_owner(kind=kind, secret=secret)
    except NotFound:
        context["is_known"] = False
    response = render(request, "bookings/stop_mails.html", context, status=200 if context["is_known"] else 404)
    response["Referrer-Policy"] = "no-referrer"
    return response
