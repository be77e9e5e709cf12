"""The portal as production runs it; only the static files are not collected beforehand."""

from django.conf import settings

from portal.wsgi import application

settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"

__all__ = ["application"]
