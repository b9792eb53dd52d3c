from django.urls import path

from accounts.views import me, sign_in

app_name = "accounts"

urlpatterns = [
    path("auth/complete/github/", sign_in.complete, name="complete"),
    path("api/v1/me", me.MeView.as_view(), name="me"),
    path("api/v1/me/deactivate", me.DeactivateView.as_view(), name="deactivate"),
]
