from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tokens.authentication import credential_of
from tokens.services.id_tokens import subject_of


@extend_schema(exclude=True)
class UserInfoView(APIView):
    """`GET` and `POST /oauth/userinfo` (OpenID Connect Core §5.3): the claims that the token's scopes allow."""

    required_scopes = {"GET": "openid", "POST": "openid"}

    def get(self, request: Request) -> Response:
        credential = credential_of(request)
        claims = subject_of(credential.person).claims(" ".join(credential.scopes))
        return Response(claims, headers={"Cache-Control": "no-store"})

    post = get
