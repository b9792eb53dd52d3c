from django.urls import include, path
from django.utils.module_loading import import_string
from peer_settings import PEER
from people import views

_REFRESH = {
    "simplejwt": "rest_framework_simplejwt.views.TokenRefreshView",
    "toolkit": "oauth2_provider.views.TokenView",
    "toolkit_with_grace": "oauth2_provider.views.TokenView",
}
urlpatterns = [
    path("empty", views.EmptyView.as_view()),
    path("me", views.MeView.as_view(authentication_classes=views.authentication_of(PEER))),
]
if PEER in _REFRESH:
    urlpatterns.append(path("token", import_string(_REFRESH[PEER]).as_view()))
if PEER == "allauth":
    urlpatterns.append(path("", include("allauth.idp.urls")))
