from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from portal.errors import Problem
from portal.forms import DeviceForm
from portal.rendering import redirect_to, render_page
from portal.visitor import PortalRequest

_UNKNOWN = "There is no such code, or it is too old. A code has eight letters, like BCDF-GHJK: look at the device."


@require_http_methods(["GET", "HEAD", "POST"])
def device(request: PortalRequest) -> HttpResponse:
    """RFC 8628 section 3.3: ask for the code, then show who asks. A link decides nothing; that takes a button."""
    if request.method == "POST":
        return _decide(request)
    given = request.GET.get("user_code")
    form = DeviceForm(request.GET if given else None)
    if given and form.is_valid():
        return _show(request, form)
    page = request.visitor.get("/pages/device")
    return render_page(request, "device", {"form": form}, me=page["person"], status=422 if given else 200)


def _show(request: PortalRequest, form: DeviceForm) -> HttpResponse:
    page = request.visitor.get(f"/pages/device/{form.segment}")
    me, asking = page["person"], page["device_request"]
    if asking is None or asking["status"] != "pending":
        form.add_error("user_code", _UNKNOWN)
        return render_page(request, "device", {"form": form}, me=me, status=404)
    return render_page(request, "device_decide", {"asking": asking, "lifetime": page["lifetime"]}, me=me)


def _decide(request: PortalRequest) -> HttpResponse:
    form = DeviceForm(request.POST)
    approve = request.POST.get("decision") == "approve"
    if form.is_valid():
        verb = "approve" if approve else "deny"
        try:
            request.visitor.send("POST", f"/device-requests/{form.segment}/{verb}")
            return redirect_to("device", notice="device-approved" if approve else "device-denied")
        except Problem as problem:
            if problem.status not in {404, 409, 410}:
                raise
    # Asked for again, the code that was refused says itself what is wrong with it.
    return redirect_to("device", user_code=request.POST.get("user_code", "")[:64])
