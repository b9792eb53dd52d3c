from django.urls import path

from tokens.views import authorize, batch, metadata, token

app_name = "tokens"

urlpatterns = [
    path(".well-known/oauth-authorization-server", metadata.authorization_server, name="metadata"),
    path(".well-known/jwks.json", metadata.jwks, name="jwks"),
    path("api/v1/batch", batch.BatchView.as_view(), name="batch"),
    path("oauth/authorize", authorize.authorize, name="authorize"),
    path("oauth/token", token.token, name="token"),
    path("oauth/revoke", token.revoke, name="revoke"),
]
