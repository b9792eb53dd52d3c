from django.urls import path

from bench.textbook.views import EmptyView, TextbookBookingView
from config.urls.backend import handler500, urlpatterns

__all__ = ["handler500", "urlpatterns"]

urlpatterns = [
    path("api/v1/empty", EmptyView.as_view()),
    path("api/v1/textbook-bookings", TextbookBookingView.as_view()),
    *urlpatterns,
]
