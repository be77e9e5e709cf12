"""The apps of this wing: the portal itself, and Django's admin with a site of our own (portal.adminsite)."""

from django.apps import AppConfig
from django.contrib.admin import autodiscover
from django.contrib.admin.apps import SimpleAdminConfig
from django.utils.module_loading import autodiscover_modules


class Portal(AppConfig):
    name = "portal"
    default = True

    def ready(self) -> None:
        autodiscover_modules("checks")  # portal.checks, which asks models and so is loaded after them


class PortalAdmin(SimpleAdminConfig):
    default = False
    default_site = "portal.adminsite.PortalAdminSite"

    def ready(self) -> None:
        super().ready()
        autodiscover()
