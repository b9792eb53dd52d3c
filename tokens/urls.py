from django.urls import path

from tokens.views import (
    applications,
    authorize,
    devices,
    logout,
    metadata,
    openid,
    personal_tokens,
    portal_pages,
    publishers,
    sessions,
    staff,
    token,
)

app_name = "tokens"

busiest = [
    path("oauth/token", token.token, name="token"),
]
"""Tried before all others, at the root."""

urlpatterns = [
    path(".well-known/oauth-authorization-server", metadata.authorization_server, name="metadata"),
    path(".well-known/openid-configuration", metadata.openid_configuration, name="openid_configuration"),
    path(".well-known/jwks.json", metadata.jwks, name="jwks"),
    path("oauth/authorize", authorize.authorize, name="authorize"),
    path("oauth/device_authorization", token.device_authorization, name="device_authorization"),
    path("oauth/revoke", token.revoke, name="revoke"),
    path("oauth/userinfo", openid.UserInfoView.as_view(), name="userinfo"),
    path("oauth/logout", logout.end_session, name="logout"),
    path("oauth/introspect", token.introspect, name="introspect"),
    # Before the admin's own address of that name.
    path("admin/login/", staff.sign_in_with_password),
    path("admin/login/github/", staff.begin, name="staff_begin"),
    path("admin/login/github/return/", staff.come_back, name="staff_return"),
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
    path("api/v1/trusted-publishers", publishers.TrustedPublishersView.as_view(), name="trusted_publishers"),
    path(
        "api/v1/trusted-publishers/<uuid:publisher_id>",
        publishers.TrustedPublisherView.as_view(),
        name="trusted_publisher",
    ),
    path("api/v1/applications", applications.ApplicationsView.as_view(), name="applications"),
    path("api/v1/applications/<slug:client_id>", applications.ApplicationView.as_view(), name="application"),
    path("api/v1/device-requests/<str:user_code>", devices.DeviceRequestView.as_view(), name="device_request"),
    path("api/v1/device-requests/<str:user_code>/approve", devices.ApproveDeviceView.as_view(), name="approve_device"),
    path("api/v1/device-requests/<str:user_code>/deny", devices.DenyDeviceView.as_view(), name="deny_device"),
    path("api/v1/pages/settings", portal_pages.AccountPageView.as_view(), name="settings_page"),
    path("api/v1/pages/access", portal_pages.AccessPageView.as_view(), name="access_page"),
    path("api/v1/pages/sessions/<uuid:session_id>", portal_pages.SessionPageView.as_view(), name="session_page"),
    path("api/v1/pages/tokens/<uuid:token_id>", portal_pages.TokenPageView.as_view(), name="token_page"),
    path("api/v1/pages/device", portal_pages.AccountPageView.as_view(), name="device_page"),
    path("api/v1/pages/device/<str:user_code>", portal_pages.DevicePageView.as_view(), name="device_code_page"),
]
