from django.contrib import admin
from django.urls import include, path, re_path

from config.problems import not_found

handler500 = "config.problems.server_error"

urlpatterns = [
    path("", include("config.urls.operations")),
    path("", include("accounts.urls")),
    path("", include("tokens.urls")),
    path("", include("bookings.urls")),
    path("admin/", admin.site.urls),
    re_path(r"^api/", not_found),
]
