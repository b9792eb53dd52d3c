from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from config import health, openapi
from config.metrics.page import metrics

urlpatterns = [
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
