"""Every address of the portal (contract, sections 2 to 5)."""

from django.contrib import admin
from django.urls import URLPattern, include, path

from portal.views import accounts, health

PROJECT_PAGES: list[URLPattern] = []

urlpatterns = [
    path("accounts/login/", accounts.SignIn.as_view(), name="login"),
    path("accounts/logout/", accounts.SignOut.as_view(), name="logout"),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("p/<slug:project>/", include(PROJECT_PAGES)),
]

handler400 = "portal.views.errors.bad_request"
handler403 = "portal.views.errors.forbidden"
handler404 = "portal.views.errors.not_found"
handler500 = "portal.views.errors.server_error"
