from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from tokens.policies.clients import DEVICE_CODE
from tokens.policies.scopes import ALL_SCOPES
from tokens.services import signing_keys

_SECRET_METHODS = ["client_secret_basic", "client_secret_post"]


@require_safe
@cache_control(public=True, max_age=300)
def authorization_server(request: HttpRequest) -> JsonResponse:
    """RFC 8414 metadata."""
    issuer = settings.BACKEND_URL
    return JsonResponse(
        {
            "issuer": issuer,
            "authorization_endpoint": issuer + reverse("tokens:authorize"),
            "token_endpoint": issuer + reverse("tokens:token"),
            "revocation_endpoint": issuer + reverse("tokens:revoke"),
            "introspection_endpoint": issuer + reverse("tokens:introspect"),
            "introspection_endpoint_auth_methods_supported": _SECRET_METHODS,
            "device_authorization_endpoint": issuer + reverse("tokens:device_authorization"),
            "jwks_uri": issuer + reverse("tokens:jwks"),
            "scopes_supported": list(ALL_SCOPES),
            "response_types_supported": ["code", "handoff"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token", DEVICE_CODE],
            "token_endpoint_auth_methods_supported": [*_SECRET_METHODS, "none"],
            "revocation_endpoint_auth_methods_supported": [*_SECRET_METHODS, "none"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
    )


@require_safe
@cache_control(public=True, max_age=60)
def jwks(request: HttpRequest) -> JsonResponse:
    """RFC 7517: the keys that access tokens are signed with now, soon, or were until their tokens expired."""
    now = timezone.now()
    signing_keys.has_signing_key(now=now)
    return JsonResponse(signing_keys.key_set(now=now))
