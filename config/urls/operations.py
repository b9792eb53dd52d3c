from django.conf import settings
from django.urls import path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config.http import health, openapi
from config.observability.metrics.view import metrics

urlpatterns = [
    # People who open the backend's address look for the portal.
    path("", RedirectView.as_view(url=settings.PORTAL_URL)),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics),
    path(
        "api/v1/schema",
        SpectacularAPIView.as_view(throttle_classes=[], generator_class=openapi.CachedSchemaGenerator),
        name="schema",
    ),
    # The split view loads its script from a second URL, as the Content-Security-Policy demands.
    path(
        "api/v1/docs",
        SpectacularSwaggerSplitView.as_view(throttle_classes=[], template_name="config/api_docs.html"),
        name="docs",
    ),
]
