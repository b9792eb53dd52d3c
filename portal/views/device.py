"""`/device`: a device without a browser shows a code, and the person decides here (RFC 8628 section 3.3)."""

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from portal.errors import Problem
from portal.forms import DeviceForm
from portal.pages import redirect_with, render_page
from portal.visitor import PortalRequest, with_query

_UNKNOWN = "There is no such code, or it is too old. Look at the device for a new one."


@require_http_methods(["GET", "HEAD", "POST"])
def device(request: PortalRequest) -> HttpResponse:
    """Ask for the code, then show who asks. Opening a link approves nothing: deciding takes a press of a button."""
    if request.method == "POST":
        return _decide(request)
    given = request.GET.get("user_code")
    form = DeviceForm(request.GET if given else None)
    if given and form.is_valid():
        return _show(request, form)
    data = request.visitor.fetch(me="/me", sessions="/sessions")
    context = {"form": form, "places": len(data["sessions"]["results"])}
    return render_page(request, "device", context, me=data["me"], status=422 if given else 200)


def _show(request: PortalRequest, form: DeviceForm) -> HttpResponse:
    answer = request.visitor.fetch_parts(me="/me", asking=f"/device-requests/{form.cleaned_data['user_code']}")
    me, asking = answer["me"]["body"], answer["asking"]
    if asking["status"] != 200 or asking["body"]["status"] != "pending":
        form.add_error("user_code", _UNKNOWN)
        return render_page(request, "device", {"form": form}, me=me, status=404)
    return render_page(request, "device_decide", {"asking": asking["body"]}, me=me)


def _decide(request: PortalRequest) -> HttpResponse:
    form = DeviceForm(request.POST)
    approve = request.POST.get("decision") == "approve"
    if form.is_valid():
        verb = "approve" if approve else "deny"
        try:
            request.visitor.send("POST", f"/device-requests/{form.cleaned_data['user_code']}/{verb}")
            return redirect_with("/device", "device-approved" if approve else "device-denied")
        except Problem as problem:
            if problem.status not in {404, 409, 410}:
                raise
    # Asked for again, the code that was refused says itself what is wrong with it.
    return redirect_with(with_query("/device", user_code=request.POST.get("user_code", "")[:40]))
