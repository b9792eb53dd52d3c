from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def answer(request: HttpRequest) -> HttpResponse:
    """Says that the server is there."""
    return HttpResponse()


urlpatterns = [
    path("empty", answer),
    path("appointment/", include("appointment.urls")),
]
