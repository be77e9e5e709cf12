"""The apps of this wing: the portal itself, and Django's admin with a site of our own (portal.adminsite)."""

from django.apps import AppConfig
from django.contrib.admin import autodiscover
from django.contrib.admin.apps import SimpleAdminConfig
from django.core.checks import register

from portal.checks import provider_is_complete


class Portal(AppConfig):
    name = "portal"
    default = True

    def ready(self) -> None:
        register(provider_is_complete)


class PortalAdmin(SimpleAdminConfig):
    default = False
    default_site = "portal.adminsite.PortalAdminSite"

    def ready(self) -> None:
        super().ready()
        autodiscover()
