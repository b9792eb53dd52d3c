from django.contrib import admin
from django.urls import include, path, re_path

from bookings.urls import pages
from config.http.problems import not_found
from tokens.urls import busiest

handler500 = "config.http.problems.server_error"

# Patterns are tried in turn: a prefix of its own costs the other requests one look, and the busiest stand first.
urlpatterns = [
    *busiest,
    path("api/v1/", include("bookings.urls")),
    path("", include("tokens.urls")),
    path("", include(pages)),
    path("", include("accounts.urls")),
    path("", include("config.urls.operations")),
    path("admin/", admin.site.urls),
    re_path(r"^api/", not_found),
]
