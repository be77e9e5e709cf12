"""The portal as production runs it; only the static files are not collected beforehand."""

from django.conf import settings

# Before anything has made the storage by its setting.
settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
settings.WHITENOISE_USE_FINDERS = True
settings.WHITENOISE_AUTOREFRESH = True

from portal.wsgi import application  # noqa: E402

__all__ = ["application"]
