from dataclasses import replace
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import messages
from portal.access_forms import PublisherForm, TokenForm
from portal.errors import Problem
from portal.forms import form_key
from portal.links import url
from portal.rendering import ask_first, redirect_to, render_message, render_page, return_form
from portal.times import zone_of
from portal.visitor import PortalRequest, SeeOther
from portal.wording import client_name, is_own_program

PUBLISHER_ID = "publisher_%s"
MOST_NAMED = 5


@require_safe
def access(request: PortalRequest, section: str) -> HttpResponse:
    """Everything that can act for the person: devices, tokens, publishers and applications, at one of its sections."""
    return _access_page(request, section)


def _access_page(
    request: PortalRequest, section: str, refused: TokenForm | None = None, untrusted: PublisherForm | None = None
) -> HttpResponse:
    page, note = _read(request), request.visitor.take_note()
    form = refused or TokenForm.of(note) or TokenForm()
    form.name_ends(zone_of(page["person"]["time_zone"]), timezone.now())
    context = {
        "section": section,
        "form": form,
        "publisher": untrusted or PublisherForm.of(note, auto_id=PUBLISHER_ID) or PublisherForm(auto_id=PUBLISHER_ID),
        "key": str(uuid4()),
        "secret": note.get("secret"),
        "devices": _devices(page),
        "others": len(page["sessions"]) - 1,
        **{kind: page[kind] for kind in ("tokens", "publishers", "applications")},
    }
    return render_page(request, "access", context, me=page["person"], status=422 if refused or untrusted else 200)


def _read(request: PortalRequest) -> dict[str, Any]:
    return request.visitor.get("/pages/access")


def _devices(page: dict[str, Any]) -> list[dict[str, Any]]:
    """The sign-ins that no application or publisher of the page stands for, this browser's first."""
    told = {one["client_id"] for one in page["applications"]}
    told |= {"insighta-ci"} if page["publishers"] else set()
    found = [one for one in page["sessions"] if one["client_id"] not in told]
    return sorted(found, key=lambda one: not one["current"])


@require_http_methods(["GET", "HEAD", "POST"])
def revoke_session(request: PortalRequest, session_id: UUID) -> HttpResponse:
    """Sign one session out. Mails link here: looking shows that one session and asks."""
    if request.method != "POST":
        return _ask(request, f"/pages/sessions/{session_id}", "session_revoke")
    _end(request, f"/sessions/{session_id}")
    return redirect_to("sessions", notice="session-revoked")


@require_http_methods(["GET", "HEAD", "POST"])
def revoke_other_sessions(request: PortalRequest) -> HttpResponse:
    """Sign all sessions out but this one."""
    if request.method != "POST":
        page = _read(request)
        named = _describe_others([one for one in page["sessions"] if not one["current"]])
        return ask_first(request, "revoke_other_sessions", me=page["person"], back=url("sessions"), name=named)
    request.visitor.send("DELETE", "/sessions?keep=current")
    return redirect_to("sessions", notice="others-revoked")


def _describe_others(sessions: list[dict[str, Any]]) -> str:
    """`2 devices: laptop, phone. 1 application: Team wiki.`: an application is one, however often it is signed in."""
    names: dict[str, list[str]] = {"device": [], "application": [], "CI job": []}
    for one in sessions:
        client_id, label = one["client_id"], one["label"] or "one without a name"
        if is_own_program(client_id):
            names["CI job" if client_id == "insighta-ci" else "device"].append(label)
        else:
            names["application"].append(client_name(client_id, one.get("client_name")))
    names["application"] = list(dict.fromkeys(names["application"]))
    return " ".join(_count(kind, found) for kind, found in names.items() if found) or "Nothing else is signed in now."


def _count(kind: str, names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{len(names)} {kind}{'' if len(names) == 1 else 's'}: {', '.join(names[:MOST_NAMED])}{more}."


@require_http_methods(["GET", "HEAD", "POST"])
def withdraw_application(request: PortalRequest, client_id: str) -> HttpResponse:
    """Withdraw what an application may do; its sign-ins end."""
    if request.method != "POST":
        page, found = _find(request, "applications", client_id=client_id)
        if found is None:
            return redirect_to("applications", notice="gone")
        return ask_first(
            request, "withdraw_application", me=page["person"], back=url("applications"), name=found["name"]
        )
    _end(request, f"/applications/{quote(client_id, safe='')}")
    return redirect_to("applications", notice="application-withdrawn")


@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: PortalRequest) -> HttpResponse:
    """The page at its tokens, and a form for a new one, whose key makes a second click harmless."""
    if request.method != "POST":
        return _access_page(request, "tokens")
    form = TokenForm(request.POST)
    key = form_key(request)
    made = None
    if form.is_valid():
        made = form.send(request.visitor, "POST", "/personal-access-tokens", form.body(), idempotency_key=key)
    if made is None:
        return return_form(request, "tokens", form, lambda: _access_page(request, "tokens", form))
    secret = {name: made.get(name) for name in ("name", "token", "scopes", "expires_at")}
    return SeeOther(url("tokens"), secret=secret)


@require_http_methods(["GET", "HEAD", "POST"])
def revoke_token(request: PortalRequest, token_id: UUID) -> HttpResponse:
    """End one personal access token. Mails link here: looking shows that one token and asks."""
    if request.method != "POST":
        return _ask(request, f"/pages/tokens/{token_id}", "token_revoke")
    _end(request, f"/personal-access-tokens/{token_id}")
    return redirect_to("tokens", notice="token-revoked")


@require_POST
def add_publisher(request: PortalRequest) -> HttpResponse:
    """Let a CI job act as the person without a secret."""
    form = PublisherForm(request.POST, auto_id=PUBLISHER_ID)
    if form.is_valid() and form.send(request.visitor, "POST", "/trusted-publishers", form.cleaned_data) is not None:
        return redirect_to("tokens", notice="publisher-added")
    return return_form(request, "tokens", form, lambda: _access_page(request, "tokens", untrusted=form))


@require_http_methods(["GET", "HEAD", "POST"])
def remove_publisher(request: PortalRequest, publisher_id: UUID) -> HttpResponse:
    """Remove a trusted publisher; what its jobs were given ends."""
    if request.method != "POST":
        page, found = _find(request, "publishers", id=str(publisher_id))
        if found is None:
            return redirect_to("tokens", notice="gone")
        name = f"{found['repository']} {found['workflow']}"
        return ask_first(request, "remove_publisher", me=page["person"], back=url("tokens"), name=name)
    _end(request, f"/trusted-publishers/{publisher_id}")
    return redirect_to("tokens", notice="publisher-removed")


def _find(request: PortalRequest, kind: str, **wanted: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The page, and the one thing of a kind that is so. Raises Problem where this sign-in may not see that kind."""
    page = _read(request)
    if page[kind] is None:
        raise Problem(status=403, code="permission_denied")
    return page, next((one for one in page[kind] if wanted.items() <= one.items()), None)


def _ask(request: PortalRequest, path: str, template: str) -> HttpResponse:
    """Show the one thing that would end. Somebody else's, and what is long gone, is not there."""
    try:
        page = request.visitor.get(path)
    except Problem as problem:
        if problem.status != 404:
            raise
        query = {"switch": "1", "next": request.path}
        return render_message(request, replace(messages.NOT_YOURS_TO_END, query=query))
    return render_page(request, template, page, me=page["person"])


def _end(request: PortalRequest, path: str) -> None:
    try:
        request.visitor.send("DELETE", path)
    except Problem as problem:
        # What is gone already, by a double click or in another tab, is as the person wants it.
        if problem.status != 404:
            raise
