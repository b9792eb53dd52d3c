from django.conf import settings
from django.urls import path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView

from config import health, openapi
from config.metrics.page import metrics

urlpatterns = [
    # People who come to the backend's address by hand look for the portal.
    path("", RedirectView.as_view(url=settings.PORTAL_URL)),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics),
    path(
        "api/v1/schema",
        SpectacularAPIView.as_view(throttle_classes=[], generator_class=openapi.KnownSchema),
        name="schema",
    ),
    path("api/v1/docs", openapi.docs, name="docs"),
]
