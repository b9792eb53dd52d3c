from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from tokens.policies.claims import CLAIMS
from tokens.policies.clients import AUTHORIZATION_CODE, GRANT_TYPES, REFRESH_TOKEN, RESPONSE_TYPES, TOKEN_EXCHANGE
from tokens.policies.scopes import ALL_SCOPES, APPLICATION_SCOPES
from tokens.services import signing_keys
from tokens.services.openid_requests import PROMPTS

_SECRET_METHODS = ["client_secret_basic", "client_secret_post"]


@require_safe
@cache_control(public=True, max_age=300)
def authorization_server(request: HttpRequest) -> JsonResponse:
    """RFC 8414 metadata."""
    return JsonResponse(_server_metadata())


@require_safe
@cache_control(public=True, max_age=300)
def openid_configuration(request: HttpRequest) -> JsonResponse:
    """OpenID Connect Discovery 1.0 §3: what registered applications may use."""
    issuer = settings.BACKEND_URL
    return JsonResponse(
        {
            **_server_metadata(),
            "userinfo_endpoint": issuer + reverse("tokens:userinfo"),
            "end_session_endpoint": issuer + reverse("tokens:logout"),
            "scopes_supported": list(APPLICATION_SCOPES),
            "response_types_supported": ["code"],
            "grant_types_supported": [AUTHORIZATION_CODE, REFRESH_TOKEN],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [signing_keys.RS256, signing_keys.ES256],
            "claims_supported": ["iss", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", *CLAIMS],
            "backchannel_logout_supported": True,
            "backchannel_logout_session_supported": True,
            "prompt_values_supported": list(PROMPTS),
            "claims_parameter_supported": False,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
        }
    )


@require_safe
@cache_control(public=True, max_age=60)
def jwks(request: HttpRequest) -> JsonResponse:
    """RFC 7517: the keys that tokens are signed with now, soon, or were until their tokens expired."""
    return JsonResponse(signing_keys.key_set(now=timezone.now()))


def _server_metadata() -> dict[str, object]:
    issuer = settings.BACKEND_URL
    return {
        "issuer": issuer,
        "authorization_endpoint": issuer + reverse("tokens:authorize"),
        "token_endpoint": issuer + reverse("token"),
        "revocation_endpoint": issuer + reverse("tokens:revoke"),
        "introspection_endpoint": issuer + reverse("tokens:introspect"),
        "introspection_endpoint_auth_methods_supported": _SECRET_METHODS,
        "device_authorization_endpoint": issuer + reverse("tokens:device_authorization"),
        "jwks_uri": issuer + reverse("tokens:jwks"),
        "scopes_supported": list(ALL_SCOPES),
        "response_types_supported": list(RESPONSE_TYPES),
        "response_modes_supported": ["query"],
        "grant_types_supported": [*GRANT_TYPES, TOKEN_EXCHANGE],
        "token_endpoint_auth_methods_supported": [*_SECRET_METHODS, "none"],
        "revocation_endpoint_auth_methods_supported": [*_SECRET_METHODS, "none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }
