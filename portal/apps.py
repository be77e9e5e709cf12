"""Django app configurations: the portal, and the admin with our own site (portal.admin.site)."""

from importlib import import_module

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
    default_site = "portal.admin.site.PortalAdminSite"

    def ready(self) -> None:
        super().ready()
        autodiscover()
        import_module("portal.admin.registered")  # last: it replaces pages that other apps have registered
