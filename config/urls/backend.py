from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("config.urls.operations")),
    path("", include("accounts.urls")),
    path("", include("tokens.urls")),
    path("", include("bookings.urls")),
    path("admin/", admin.site.urls),
]
