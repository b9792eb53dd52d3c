"""The product's addresses and one more: an authenticated view that does nothing, as a measure for others."""

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.urls.backend import urlpatterns as product


class EmptyView(APIView):
    def get(self, request: Request) -> Response:
        return Response({})


urlpatterns = [path("api/v1/empty", EmptyView.as_view()), *product]
