from django.urls import path

from tokens.views import authorize, batch, devices, metadata, personal_tokens, sessions, staff, token

app_name = "tokens"

urlpatterns = [
    path(".well-known/oauth-authorization-server", metadata.authorization_server, name="metadata"),
    path(".well-known/jwks.json", metadata.jwks, name="jwks"),
    path("oauth/authorize", authorize.authorize, name="authorize"),
    path("oauth/token", token.token, name="token"),
    path("oauth/device_authorization", token.device_authorization, name="device_authorization"),
    path("oauth/revoke", token.revoke, name="revoke"),
    path("oauth/introspect", token.introspect, name="introspect"),
    # Before the admin's own address of that name.
    path("admin/login/", staff.sign_in_with_password),
    path("admin/login/github/", staff.begin, name="staff_begin"),
    path("admin/login/github/return/", staff.come_back, name="staff_return"),
    path("api/v1/batch", batch.BatchView.as_view(), name="batch"),
    path("api/v1/sessions", sessions.SessionsView.as_view(), name="sessions"),
    path("api/v1/sessions/<uuid:session_id>", sessions.SessionView.as_view(), name="session"),
    path(
        "api/v1/personal-access-tokens",
        personal_tokens.PersonalAccessTokensView.as_view(),
        name="personal_access_tokens",
    ),
    path(
        "api/v1/personal-access-tokens/<uuid:token_id>",
        personal_tokens.PersonalAccessTokenView.as_view(),
        name="personal_access_token",
    ),
    path("api/v1/device-requests/<str:user_code>", devices.DeviceRequestView.as_view(), name="device_request"),
    path("api/v1/device-requests/<str:user_code>/approve", devices.ApproveDeviceView.as_view(), name="approve_device"),
    path("api/v1/device-requests/<str:user_code>/deny", devices.DenyDeviceView.as_view(), name="deny_device"),
]
