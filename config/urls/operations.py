from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from config import health, openapi

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("api/v1/schema", SpectacularAPIView.as_view(throttle_classes=[]), name="schema"),
    path("api/v1/docs", openapi.docs, name="docs"),
]
