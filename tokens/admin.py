from functools import partial
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import pluralize
from django.utils import timezone

from accounts.admin import MOST_AT_ONCE, ReadOnlyAdmin, actor_of, add_to_people, ask, describe_people
from tokens import throttles
from tokens.authentication import client_address
from tokens.errors import InvalidApplication
from tokens.models import Application, PersonalAccessToken, Session
from tokens.policies.clients import CI, CLI, PORTAL, STAFF
from tokens.policies.scopes import APPLICATION_SCOPES, OPENID_SCOPES
from tokens.services import applications, ending_access, personal_tokens, staff


class StaffSignInForm(AdminAuthenticationForm):
    """Django's, where attempts at each name are counted, and failed ones are events."""

    def clean(self) -> dict[str, Any]:
        """Raises Throttled, also where the password would be right."""
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not name or not password:
            return super().clean()
        throttles.count_staff_name(name)
        try:
            return super().clean()
        except forms.ValidationError:
            address = client_address(self.request) if self.request else None
            staff.note_failed_password(username=name, address=address)
            raise


admin.site.login_form = StaffSignInForm


class _AccessAdmin(ReadOnlyAdmin):
    list_select_related = ("user",)
    people = ("user_id",)
    acts_upon = "user_id"

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Who may end access: staff with the permission to change people."""
        return request.user.has_perm("accounts.change_user")


class ClientFilter(admin.SimpleListFilter):
    """The built-in clients, the admin, CI, and applications by their names."""

    title, parameter_name = "client", "client"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        named = [(client_id, f"{name} ({client_id})") for client_id, name in applications.list_names()]
        return [(client, client) for client in (CLI, PORTAL, STAFF, CI)] + named

    def queryset(self, request: HttpRequest, queryset: QuerySet[Session]) -> QuerySet[Session]:
        return queryset.filter(client_id=self.value()) if self.value() else queryset


@admin.register(Session)
class SessionAdmin(_AccessAdmin):
    """Signed-in devices, without their secrets."""

    list_display = ("user", "client_id", "label", "created_at", "last_used_at", "revoked_at", "revoked_because")
    fields = ("id", *list_display, "scope", "generation", "expires_at", "ends_at")
    list_filter = (ClientFilter,)
    actions = ("end",)

    @admin.action(description="Sign out", permissions=["decide"])
    def end(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        """Sign the chosen devices out at once."""
        end = partial(ending_access.end_session_as_staff, actor_id=actor_of(request), now=timezone.now())
        ended = sum(end(session_id=row.id) for row in queryset[:MOST_AT_ONCE])
        self.message_user(request, f"{ended} device{pluralize(ended)} signed out.", messages.SUCCESS)


@admin.register(PersonalAccessToken)
class PersonalAccessTokenAdmin(_AccessAdmin):
    """Personal access tokens, without their secrets."""

    list_display = ("user", "name", "prefix", "scope", "created_at", "last_used_at", "expires_at", "revoked_at")
    fields = ("id", *list_display)
    actions = ("revoke",)

    @admin.action(description="Revoke", permissions=["decide"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[PersonalAccessToken]) -> None:
        """End the chosen tokens at once."""
        end = partial(personal_tokens.end_token, actor_id=actor_of(request), now=timezone.now())
        ended = sum(end(user_id=row.user_id, token_id=row.id) for row in queryset[:MOST_AT_ONCE])
        self.message_user(request, f"{ended} access token{pluralize(ended)} revoked.", messages.SUCCESS)


class ApplicationForm(forms.Form):
    """What staff say about a new application; `register_application` checks it."""

    name = forms.CharField(max_length=100, help_text="People read it when they are asked.")
    redirect_uris = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), help_text="One a line, compared exactly.")
    is_public = forms.BooleanField(required=False, help_text="A page, desktop or phone, which cannot keep a secret.")
    home_page = forms.CharField(required=False)
    origins = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text="One a line (CORS).")
    post_logout_redirect_uris = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    backchannel_logout_uri = forms.CharField(required=False, help_text="Is sent a logout token when a sign-in ends.")
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in APPLICATION_SCOPES],
        initial=list(OPENID_SCOPES),
        widget=forms.CheckboxSelectMultiple,
    )
    id_token_algorithm = forms.ChoiceField(choices=[(name, name) for name in applications.ALGORITHMS])

    def register(self, *, actor_id: UUID) -> applications.Registered:
        """Raises InvalidApplication."""
        said = self.cleaned_data
        lists = {name: tuple(said[name].split()) for name in ("redirect_uris", "origins", "post_logout_redirect_uris")}
        registration = applications.Registration(**{**said, **lists, "scopes": tuple(said["scopes"])})
        return applications.register_application(registration=registration, now=timezone.now(), actor_id=actor_id)


@admin.register(Application)
class ApplicationAdmin(ReadOnlyAdmin):
    """Registered applications. A secret is shown once, by the page that makes it."""

    list_display = ("client_id", "name", "is_public", "scope", "created_at", "disabled_at")
    fields = (
        *list_display,
        "home_page",
        "redirect_uris",
        "post_logout_redirect_uris",
        "backchannel_logout_uri",
        "origins",
        "id_token_algorithm",
    )
    search_fields = ("client_id",)
    search_help_text = "A whole client id."
    actions = ("disable", "enable")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Application], search_term: str
    ) -> tuple[QuerySet[Application], bool]:
        return (queryset.filter(client_id=search_term) if search_term else queryset), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_decide_permission(request)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for the registration; answer with the secret, once."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ApplicationForm(request.POST if request.method == "POST" else None)
        registered = None
        if form.is_valid():
            try:
                registered = form.register(actor_id=actor_of(request))
            except InvalidApplication as error:
                form.add_error(None, str(error))
        context = {**admin.site.each_context(request), "title": "Register an application", "form": form}
        return render(request, "admin/register_application.html", {**context, "registered": registered})

    @admin.action(description="Disable", permissions=["decide"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Application]) -> None:
        """Refuse these applications from their next request on."""
        self._set_disabled(request, queryset, is_disabled=True)

    @admin.action(description="Enable", permissions=["decide"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Application]) -> None:
        """Allow these applications again."""
        self._set_disabled(request, queryset, is_disabled=False)

    def _set_disabled(self, request: HttpRequest, queryset: QuerySet[Application], *, is_disabled: bool) -> None:
        change = partial(
            applications.set_disabled, is_disabled=is_disabled, now=timezone.now(), actor_id=actor_of(request)
        )
        changed = sum(change(client_id=row.client_id) for row in queryset[:MOST_AT_ONCE])
        self.message_user(request, f"{changed} application{pluralize(changed)} changed.", messages.SUCCESS)


class SignOutForm(forms.Form):
    """What ends beside the devices."""

    with_personal_tokens = forms.BooleanField(
        label="End their access tokens and trusted publishers, too", required=False
    )


@admin.action(description="Sign out everywhere…", permissions=["decide"])
def sign_out_everywhere(
    people: admin.ModelAdmin[Any], request: HttpRequest, queryset: QuerySet[Any]
) -> HttpResponse | None:
    """Ask what ends, then end it at once."""
    form = SignOutForm(request.POST if "answered" in request.POST else None)
    if not form.is_valid():
        sentence = "Every device of theirs is signed out at once. Bookings stay, and so does the account."
        asked = {"title": "Sign out everywhere", "sentence": sentence, "action": "sign_out_everywhere"}
        return ask(request, {**asked, "button": "Sign out", "lines": describe_people(queryset), "form": form})
    end = partial(ending_access.sign_out_everywhere, actor_id=actor_of(request), now=timezone.now())
    for person in queryset[:MOST_AT_ONCE]:
        ended = end(user_id=person.pk, **form.cleaned_data).sessions
        people.message_user(request, f"{person.login}: {ended} device{pluralize(ended)} signed out.", messages.SUCCESS)
    return None


add_to_people(
    action=sign_out_everywhere,
    lists=[("Signed-in devices", Session, "user"), ("Access tokens", PersonalAccessToken, "user")],
)
