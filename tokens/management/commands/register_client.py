import json
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import CommandParser
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.management.base import ServiceCommand
from tokens.policies.scopes import APPLICATION_SCOPES, OFFLINE_ACCESS, OPENID_SCOPES
from tokens.services import applications
from tokens.services.applications import Registered, Registration


class Command(ServiceCommand):
    help = (
        "Register an application that signs people in here with OpenID Connect. Prints what the other side needs, "
        "ready to paste; the secret is shown this once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True, help="what people read when they are asked")
        parser.add_argument(
            "--redirect-uri",
            action="append",
            required=True,
            help="where answers go, compared exactly: https, or http on loopback; may be repeated",
        )
        parser.add_argument("--client-id", default="", help="without it, one is made of the name")
        parser.add_argument("--public", action="store_true", help="without a secret, for pages, desktops and phones")
        parser.add_argument("--home-page", default="", help="address of the application, shown to people")
        parser.add_argument(
            "--origin", action="append", default=[], help="origin whose scripts may call (CORS); may be repeated"
        )
        parser.add_argument(
            "--post-logout-redirect-uri", action="append", default=[], help="where a sign-out may end; may be repeated"
        )
        parser.add_argument(
            "--backchannel-logout-uri", default="", help="is sent a logout token when a sign-in ends, whatever ended it"
        )
        parser.add_argument(
            "--scope",
            action="append",
            choices=APPLICATION_SCOPES,
            help="what it may be given; may be repeated; without it the scopes of OpenID Connect",
        )
        parser.add_argument(
            "--id-token-alg",
            choices=applications.ALGORITHMS,
            default=applications.ALGORITHMS[0],
            help="how ID tokens are signed",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        registration = Registration(
            name=options["name"],
            redirect_uris=tuple(options["redirect_uri"]),
            client_id=options["client_id"],
            is_public=options["public"],
            home_page=options["home_page"],
            origins=tuple(options["origin"]),
            post_logout_redirect_uris=tuple(options["post_logout_redirect_uri"]),
            backchannel_logout_uri=options["backchannel_logout_uri"],
            scopes=tuple(options["scope"] or OPENID_SCOPES),
            id_token_algorithm=options["id_token_alg"],
        )
        registered = applications.register_application(registration=registration, now=timezone.now())
        for warning in registered.warnings:
            self.stderr.write(f"Unwise: {warning}")
        described = _describe(registered)
        if options["json"]:
            self.stdout.write(json.dumps(described))
            return
        path = urlsplit(registration.redirect_uris[0]).path or "/"
        context = {**described, "application": registered.application, "redirect_path": path}
        context["protected_path"] = path.rpartition("/")[0] or "/"
        context["refreshes"] = OFFLINE_ACCESS in registration.scopes
        self.stdout.write(render_to_string("tokens/registered.txt", context))


def _describe(registered: Registered) -> dict[str, Any]:
    application, issuer = registered.application, settings.BACKEND_URL
    return {
        "client_id": application.client_id,
        "client_secret": registered.secret,
        "name": application.name,
        "issuer": issuer,
        "discovery": f"{issuer}/.well-known/openid-configuration",
        "redirect_uris": application.redirect_uris,
        "post_logout_redirect_uris": application.post_logout_redirect_uris,
        "backchannel_logout_uri": application.backchannel_logout_uri,
        "origins": application.origins,
        "scope": application.scope,
        "id_token_signed_response_alg": application.id_token_algorithm,
        "token_endpoint_auth_method": "none" if application.is_public else "client_secret_basic",
        "warnings": registered.warnings,
    }
