from django.urls import include, path

from config.observability.metrics.view import metrics

urlpatterns = [path("metrics", metrics), path("", include("portal.urls"))]

handler400 = "portal.views.home.bad_request"
handler403 = "portal.views.home.forbidden"
handler404 = "portal.views.home.not_found"
handler500 = "portal.views.home.failed"
