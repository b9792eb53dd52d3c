from django.urls import path, re_path

from portal.views import home, sign_in

urlpatterns = [
    path("", home.home),
    path("healthz", home.healthz),
    path("login", sign_in.login),
    path("auth/callback", sign_in.callback),
    path("logout", sign_in.logout),
    path("signed-out", sign_in.signed_out),
    # Last: with DEBUG on, Django would show its own page for an unknown address.
    re_path(r"", home.not_found),
]
